// `normlab man`: the man pages of all commands, written into a folder. Hidden: the build calls it.
#include "base/man_page.h"

#include "base/version.h"
#include "client/commands/command.h"
#include "client/help.h"
#include "client/output.h"

namespace normlab::client {
namespace {

absl::StatusOr<int> WritePages(const Session& session, const CLI::App& app, const std::string& folder) {
  for (const NamedCommand& command : AllCommands(app)) {
    const bool is_program = command.app == &app;
    ManPageTitle title{.command = command.name,
                       .version = "normlab " + std::string(ThisBuild().version),
                       .see_also = {is_program ? "normlabd(8)" : "normlab(1)"}};
    if (is_program) {
      title.see_also.emplace_back("normlab-worker(8)");
    }
    NORMLAB_RETURN_IF_ERROR(WriteFile(folder + "/" + ManPageName(command.name) + ".1", ManPage(*command.app, title),
                                      session.environment().stop));
  }
  return kExitOk;
}

}  // namespace

void AddMan(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("man", "Write the man pages of all commands into DIR");
  command->group("");
  auto folder = std::make_shared<std::string>();
  command->add_option("DIR", *folder)->required();
  command->callback([&session, &app, folder] {
    session.action = [&session, &app, folder] { return WritePages(session, app, *folder); };
  });
}

}  // namespace normlab::client
