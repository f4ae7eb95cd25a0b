// `normlab up`: a server in the foreground. `normlab page`: a link to its page.
#include <fmt/format.h>

#include <chrono>

#include "base/fs.h"
#include "client/become.h"
#include "client/commands/command.h"
#include "client/error.h"
#include "client/reach.h"
#include "client/server_process.h"
#include "proto/transport/link_code.h"
#include "proto/transport/token.h"

namespace normlab::client {
namespace {

// Of the page.
struct Door {
  std::string address = "127.0.0.1:0";
  bool closed = false;
};

absl::StatusOr<int> Up(Session& session, ServerOptions options, const Door& door) {
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
  std::vector<std::string> arguments = ServerArguments(options);
  if (!door.closed) {
    arguments.insert(arguments.end(), {"--http", door.address, "--print-link"});
  }
  session.Note(
      fmt::format("Serving {} at {}\nCtrl-C stops it; running jobs write a checkpoint and go on at the next start.\n",
                  session.endpoint.Home(), session.endpoint.Socket()));
  return absl::UnavailableError(Message(Become(arguments)) + "; it is installed beside normlab");
}

// Who can read the token may make a link; the server needs not be asked.
absl::StatusOr<int> Page(Session& session) {
  if (!Reach(session.endpoint).ok()) {
    return NoServer(session.endpoint);
  }
  const std::string run = session.endpoint.Home() + "/run";
  absl::StatusOr<std::string> address = PosixFileSystem().Read(run + "/http");
  if (absl::IsNotFound(address.status())) {
    return absl::FailedPreconditionError(
        fmt::format("the server at {} serves no page; start it with `normlab up`, or normlabd --http 127.0.0.1:0",
                    session.endpoint.Describe()));
  }
  NORMLAB_RETURN_IF_ERROR(address.status());
  address->erase(address->find_last_not_of('\n') + 1);
  NORMLAB_ASSIGN_OR_RETURN(const std::string token, ReadToken(run + "/token"));
  NORMLAB_ASSIGN_OR_RETURN(const std::string code, MakeLinkCode(token, std::chrono::system_clock::now()));
  session.Print(PageLink(*address, code) + "\n");
  return kExitOk;
}

void AddUp(CLI::App& app, Session& session) {
  CLI::App* command = AddLocalCommand(
      app, session,
      {kStartHere,
       "up",
       "Run a server with local workers in the foreground, and print a link to its page. Other commands talk to it; "
       "normlabd has more options",
       {"normlab up", "normlab up --home /srv/normlab --jobs 2", "normlab up --http 127.0.0.1:8080",
        "normlab up --no-http   the command line alone", "normlabd --help"},
       ""});
  auto options = std::make_shared<ServerOptions>();
  auto door = std::make_shared<Door>();
  AddHomeOptions(*command, session);
  AddServerOptions(*command, *options, "jobs at a time [one per core]", "");
  command->add_option("--http", door->address, "loopback address and port of the page [127.0.0.1, any free port]")
      ->type_name("ADDRESS:PORT");
  command->add_flag("--no-http", door->closed, "serve no page");
  command->callback([&session, options, door] {
    session.action = [&session, options, door] { return Up(session, *options, *door); };
  });
}

void AddPage(CLI::App& app, Session& session) {
  CLI::App* command = AddLocalCommand(app, session,
                                      {kStartHere,
                                       "page",
                                       "Print a link that opens the page of the running server. It is good once, for 5 "
                                       "minutes, and only on this machine",
                                       {"normlab page", "xdg-open $(normlab page)"},
                                       ""});
  AddHomeOptions(*command, session);
  command->callback([&session] { session.action = [&session] { return Page(session); }; });
}

}  // namespace

void AddServer(CLI::App& app, Session& session) {
  AddUp(app, session);
  AddPage(app, session);
}

}  // namespace normlab::client
