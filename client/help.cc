#include "client/help.h"

#include <algorithm>
#include <sstream>

#include "client/text.h"

namespace normlab::client {
namespace {

void AddWithThoseBelow(const CLI::App& command, const std::string& name, std::vector<NamedCommand>& all) {
  all.push_back({name, &command});
  for (const CLI::App* sub : command.get_subcommands(nullptr)) {
    if (!sub->get_group().empty()) {
      AddWithThoseBelow(*sub, name + " " + sub->get_name(), all);
    }
  }
}

}  // namespace

std::vector<NamedCommand> AllCommands(const CLI::App& program) {
  std::vector<NamedCommand> all;
  AddWithThoseBelow(program, program.get_name(), all);
  return all;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  std::vector<std::string> groups = app->get_groups();
  std::stable_partition(groups.begin(), groups.end(), [](const std::string& group) { return group != kServerGroup; });
  std::string text = make_description(app) + "\n" + make_usage(app, std::move(name)) + make_positionals(app);
  for (const std::string& group : groups) {
    const auto options = app->get_options(
        [&](const CLI::Option* option) { return option->get_group() == group && option->nonpositional(); });
    if (!group.empty() && !options.empty()) {
      text += make_group(group, false, options);
    }
  }
  text += make_subcommands(app, mode);
  return app->get_footer().empty() ? text : text + "\n" + make_footer(app);
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return Wrapped(app->get_description(), width_, 0);
}

// Indented lines are kept; the others are prose, and wrapped.
std::string HelpFormatter::make_footer(const CLI::App* app) const {
  std::istringstream footer(app->get_footer());
  std::string text;
  for (std::string line; std::getline(footer, line);) {
    const bool prose = !line.empty() && line[0] != ' ';
    text += prose ? Wrapped(line, width_, 0) : line.append("\n");
  }
  return text;
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  return TwoColumns(make_option_name(option, is_positional) + make_option_opts(option), make_option_desc(option));
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  std::string text = option->get_type_name().empty() ? "" : " " + option->get_type_name();
  return option->get_expected_max() > 1 ? text + " ..." : text;
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  const std::string description = command->get_description();
  return TwoColumns(command->get_name(), description.substr(0, description.find(". ")));  // the rest: in its own help
}

std::string HelpFormatter::TwoColumns(const std::string& name, const std::string& description) const {
  const auto column = static_cast<int>(get_column_width());
  const int used = 2 + DisplayWidth(name);
  std::string wrapped = Wrapped(description, width_, column);
  if (used + 2 <= column && !wrapped.empty()) {
    wrapped.erase(0, static_cast<std::size_t>(used));  // its first line stands beside the name
    return "  " + name + wrapped;
  }
  return "  " + name + "\n" + wrapped;
}

}  // namespace normlab::client
