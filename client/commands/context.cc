// `normlab context`: names for servers, and which of them is meant when none is named.
#include <fmt/format.h>

#include <filesystem>

#include "client/commands/command.h"
#include "client/contexts.h"
#include "client/text.h"

namespace normlab::client {
namespace {

absl::StatusOr<int> List(Session& session) {
  NORMLAB_ASSIGN_OR_RETURN(const Contexts contexts, LoadContexts());
  Json json = Json::array();
  TextTable table({"", "CONTEXT", "SERVER", "TOKEN FILE"});
  for (const auto& [name, endpoint] : contexts.named) {
    const bool current = name == contexts.current;
    json.push_back({{"name", name},
                    {"current", current},
                    {"server", endpoint.Describe()},
                    {"token_file", endpoint.token_file},
                    {"ca", endpoint.ca},
                    {"cert", endpoint.cert},
                    {"key", endpoint.key}});
    table.Add({current ? "*" : "", {name, Paint::kBold}, endpoint.Describe(), endpoint.token_file});
  }
  if (session.json) {
    session.Print(Dump({{"contexts", json}}));
  } else if (contexts.named.empty()) {
    session.Note("No contexts. Add one: normlab context add lab --address 127.0.0.1:50051 --token-file ~/lab.token\n");
  } else {
    session.Print(table.Render(session.out_colour(), session.table_width(), session.console().unicode));
  }
  return kExitOk;
}

absl::StatusOr<int> Add(Session& session, const std::string& name) {
  NORMLAB_RETURN_IF_ERROR(CheckContextName(name));
  Endpoint endpoint = session.endpoint;
  if (endpoint.home.empty() && endpoint.socket.empty() && endpoint.address.empty()) {
    return absl::InvalidArgumentError("--address, --home or --socket is missing: which server is it?");
  }
  // The command may be given anywhere; what the file holds is meant from everywhere.
  for (std::string* path :
       {&endpoint.home, &endpoint.socket, &endpoint.token_file, &endpoint.ca, &endpoint.cert, &endpoint.key}) {
    *path = path->empty() ? *path : std::filesystem::absolute(*path).lexically_normal().string();
  }
  NORMLAB_ASSIGN_OR_RETURN(Contexts contexts, LoadContexts());
  contexts.named[name] = endpoint;
  NORMLAB_RETURN_IF_ERROR(SaveContexts(contexts));
  session.Print(fmt::format("{} is {}\n", name, endpoint.Describe()));
  return kExitOk;
}

absl::StatusOr<int> Use(Session& session, const std::string& name) {
  NORMLAB_ASSIGN_OR_RETURN(Contexts contexts, LoadContexts());
  if (!name.empty()) {
    NORMLAB_RETURN_IF_ERROR(ResolveEndpoint({}, name).status());
  }
  contexts.current = name;
  NORMLAB_RETURN_IF_ERROR(SaveContexts(contexts));
  session.Print(name.empty() ? "no context is used\n" : fmt::format("{} is used\n", name));
  return kExitOk;
}

absl::StatusOr<int> Remove(Session& session, const std::string& name) {
  NORMLAB_RETURN_IF_ERROR(ResolveEndpoint({}, name).status());
  NORMLAB_ASSIGN_OR_RETURN(Contexts contexts, LoadContexts());
  contexts.named.erase(name);
  contexts.current = contexts.current == name ? "" : contexts.current;
  NORMLAB_RETURN_IF_ERROR(SaveContexts(contexts));
  session.Print(name + " removed\n");
  return kExitOk;
}

}  // namespace

void AddContext(CLI::App& app, Session& session) {
  CLI::App* command = AddLocalCommand(
      app, session,
      {kMore,
       "context",
       "Names for servers. Which server a command talks to: its options, else NORMLAB_ADDRESS or NORMLAB_HOME, else "
       "NORMLAB_CONTEXT, else the context in use, else your own",
       {"normlab context add lab --address 127.0.0.1:50051 --token-file ~/lab.token", "normlab context use lab",
        "normlab jobs --context lab"},
       ""});
  command->require_subcommand(1);
  const auto name = std::make_shared<std::string>();
  const auto act = [&session, name](CLI::App* sub, absl::StatusOr<int> (*run)(Session&, const std::string&)) {
    sub->callback([&session, name, run] { session.action = [&session, name, run] { return run(session, *name); }; });
  };
  CLI::App* list = AddLocalCommand(*command, session,
                                   {kMore,
                                    "list",
                                    "List contexts; * is the one in use",
                                    {"normlab context list"},
                                    "contexts[]: name, current, server, token_file, ca, cert, key."});
  list->callback([&session] { session.action = [&session] { return List(session); }; });
  CLI::App* add =
      AddLocalCommand(*command, session,
                      {kMore,
                       "add",
                       "Add a context, or change it",
                       {"normlab context add lab --address 127.0.0.1:50051 --token-file ~/lab.token",
                        "normlab context add gpu --address gpu.example:50051 --ca ca.pem --token-file gpu.token",
                        "normlab context add other --home ~/other"},
                       ""});
  add->add_option("CONTEXT", *name, "its name")->required()->type_name("");
  AddHomeOptions(*add, session);
  AddAddressOptions(*add, session);
  act(add, Add);
  CLI::App* use = AddLocalCommand(*command, session,
                                  {kMore,
                                   "use",
                                   "Choose the context that commands mean when nothing else says. Without a name: none",
                                   {"normlab context use lab", "normlab context use"},
                                   ""});
  use->add_option("CONTEXT", *name, "its name")->type_name("");
  act(use, Use);
  CLI::App* remove = AddLocalCommand(
      *command, session,
      {kMore, "remove", "Remove a context. The server it names is not touched", {"normlab context remove lab"}, ""});
  remove->add_option("CONTEXT", *name, "its name")->required()->type_name("");
  act(remove, Remove);
}

}  // namespace normlab::client
