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
absl::StatusOr<int> Up(Session& session, int slots) {
  const absl::Status reached = Reach(session.endpoint);
  if (reached.ok()) {
    return absl::FailedPreconditionError(
        fmt::format("a server is already up at {}; see its jobs: normlab jobs", session.endpoint.Describe()));
  }
  if (!absl::IsNotFound(reached)) {
    return OfServer(reached);
  }
  const std::vector<std::string> arguments =
      ServerArguments({.program = session.environment().server_program, .endpoint = session.endpoint, .slots = slots});
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
  auto slots = std::make_shared<int>(0);
  AddHomeOptions(*command, session);
  command->add_option("--jobs", *slots, "jobs at a time [one per core]")->type_name("N")->check(Whole(1, 1024));
  command->callback([&session, slots] { session.action = [&session, slots] { return Up(session, *slots); }; });
}

}  // namespace normlab::client
