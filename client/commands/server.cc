// `normlab up`: a server in the foreground.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptor.h"
#include "client/commands/command.h"
#include "client/error.h"
#include "client/reach.h"
#include "client/server_process.h"

namespace normlab::client {
namespace {

// Becomes normlabd, which handles the terminal's signals itself.
absl::StatusOr<int> Up(Session& session, ServerOptions options) {
  const absl::Status reached = Reach(session.endpoint);
  if (reached.ok()) {
    return absl::FailedPreconditionError(
        fmt::format("a server is already up at {}; see its jobs: normlab jobs", session.endpoint.Describe()));
  }
  if (!absl::IsNotFound(reached)) {
    return OfServer(reached);
  }
  options.program = session.environment().server_program;
  options.endpoint = session.endpoint;
  const std::vector<std::string> arguments = ServerArguments(options);
  session.Note(
      fmt::format("Serving {} at {}\nCtrl-C stops it; running jobs write a checkpoint and go on at the next start.\n",
                  session.endpoint.Home(), session.endpoint.Socket()));
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  sigset_t none;  // ours are blocked for the signal thread, and exec would hand that on
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(argv[0], argv.data());
  return absl::UnavailableError(Message(SystemError(argv[0], errno)) + "; it is installed beside normlab");
}

}  // namespace

void AddServer(CLI::App& app, Session& session) {
  CLI::App* command = AddLocalCommand(
      app, session,
      {kStartHere,
       "up",
       "Run a server with local workers in the foreground. Other commands talk to it; normlabd has more options",
       {"normlab up", "normlab up --home /srv/normlab --jobs 2", "normlabd --help"},
       ""});
  auto options = std::make_shared<ServerOptions>();
  AddHomeOptions(*command, session);
  AddServerOptions(*command, *options, "jobs at a time [one per core]", "");
  command->callback([&session, options] { session.action = [&session, options] { return Up(session, *options); }; });
}

}  // namespace normlab::client
