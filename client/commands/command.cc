#include "client/commands/command.h"

#include "client/help.h"

namespace normlab::client {

absl::StatusOr<Client*> Session::client() {
  if (client_ == nullptr) {
    NORMLAB_ASSIGN_OR_RETURN(client_, Client::Connect(endpoint, environment_.stop));
  }
  return client_.get();
}

std::string Session::OutPaint(std::string_view text, Paint paint) const { return Painted(text, paint, out_colour()); }

CLI::App* AddLocalCommand(CLI::App& app, Session& session, const CommandText& text) {
  CLI::App* command = app.add_subcommand(text.name, text.description);
  std::string footer;
  if (!text.examples.empty()) {
    footer = "Examples:\n";
    for (const std::string& example : text.examples) {
      footer += "  " + example + "\n";
    }
  }
  if (!text.json.empty()) {
    command->add_flag("--json", session.json, "print JSON instead of text");
    footer += (footer.empty() ? "" : "\n") + ("JSON: " + text.json + "\n");
  }
  if (!footer.empty()) {
    footer.pop_back();
    command->footer(footer);
  }
  return command;
}

CLI::App* AddCommand(CLI::App& app, Session& session, const CommandText& text) {
  CLI::App* command = AddLocalCommand(app, session, text);
  const std::string group = kServerGroup;
  command
      ->add_option("--home", session.endpoint.home,
                   "the server's data directory [$NORMLAB_HOME, else ~/.local/share/normlab]")
      ->type_name("DIR")
      ->group(group);
  command->add_option("--socket", session.endpoint.socket, "its Unix socket [HOME/run/normlabd.sock]")
      ->type_name("PATH")
      ->group(group);
  command->add_option("--address", session.endpoint.address, "TCP address on loopback instead of the socket")
      ->type_name("HOST:PORT")
      ->group(group);
  command
      ->add_option("--token-file", session.endpoint.token_file, "file with the bearer token that goes with --address")
      ->type_name("FILE")
      ->group(group);
  return command;
}

}  // namespace normlab::client
