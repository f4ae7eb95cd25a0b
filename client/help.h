// help.h - how --help looks: descriptions wrapped to the width, connection options last, examples below.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace normlab::client {

// The group of --home, --socket and so on, which every command has.
inline constexpr char kServerGroup[] = "Server";

// A command as it is called: "normlab", "normlab data fetch".
struct NamedCommand {
  std::string name;
  const CLI::App* app;
};
// The program and every command below it that help shows.
std::vector<NamedCommand> AllCommands(const CLI::App& program);

class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(int width) : width_(width) { column_width(28); }

  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_description(const CLI::App* app) const override;
  std::string make_footer(const CLI::App* app) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* command) const override;

 private:
  // `name` in the left column, `description` wrapped in the right one.
  std::string TwoColumns(const std::string& name, const std::string& description) const;

  const int width_;
};

}  // namespace normlab::client
