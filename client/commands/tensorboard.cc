// `normlab tensorboard`: the stock TensorBoard on the running server.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "base/paths.h"
#include "client/become.h"
#include "client/commands/command.h"
#include "client/reach.h"
#include "client/text.h"
#include "proto/transport/address.h"

namespace normlab::client {
namespace {

// The environment variable by which gRPC is told what to trust.
constexpr char kTrust[] = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH";

absl::StatusOr<int> Tensorboard(Session& session, bool print, const std::vector<std::string>& more) {
  if (!Reach(session.endpoint).ok()) {
    return NoServer(session.endpoint);
  }
  const std::string home = std::filesystem::absolute(session.endpoint.Home()).string();
  const std::string socket = TensorboardSocketPath(home);
  const std::string trust = TensorboardCertificatePath(home);
  if (!std::filesystem::exists(socket)) {
    return absl::FailedPreconditionError(
        fmt::format("the server at {} has no socket for TensorBoard; its log says why", session.endpoint.Describe()));
  }
  std::vector<std::string> words = {"tensorboard", "--grpc_creds_type", "ssl_dev", "--grpc_data_provider",
                                    GrpcTarget(socket)};
  words.insert(words.end(), more.begin(), more.end());
  if (print) {
    std::string line = fmt::format("{}={}", kTrust, ShellQuoted(trust));
    for (const std::string& word : words) {
      line += " " + ShellQuoted(word);
    }
    session.Print(line + "\n");
    return kExitOk;
  }
  ::setenv(kTrust, trust.c_str(), 1);
  return absl::UnavailableError(Message(Become(words)) + "; get it with: pip install tensorboard");
}

struct TensorboardOptions {
  bool print = false;
  std::vector<std::string> more;
};

}  // namespace

void AddTensorboard(CLI::App& app, Session& session) {
  CLI::App* command = AddLocalCommand(
      app, session,
      {kResults,
       "tensorboard",
       "Run TensorBoard on the running server: curves, pictures and hyperparameters as jobs measure them. It is a "
       "program of its own (pip install tensorboard)",
       {"normlab tensorboard", "normlab tensorboard --print   the command line, to be run elsewhere",
        "normlab tensorboard -- --port 6007"},
       ""});
  auto options = std::make_shared<TensorboardOptions>();
  AddHomeOptions(*command, session);
  command->add_flag("--print", options->print, "print the command line instead of running it");
  command->add_option("ARGUMENT", options->more, "of TensorBoard's own; behind --")->type_name("");
  command->callback([&session, options] {
    session.action = [&session, options] { return Tensorboard(session, options->print, options->more); };
  });
}

}  // namespace normlab::client
