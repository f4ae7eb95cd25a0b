#include "client/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "absl/strings/str_replace.h"

namespace normlab::client {
namespace {

constexpr char kJobIds[] = "normlab jobs --ids --limit 200 2>/dev/null";
constexpr char kPaperIds[] = "normlab papers --ids 2>/dev/null";

std::string ValueName(const CLI::Option& option) {
  return option.get_positional() ? option.get_name(true) : option.get_type_name();
}

ValueKind KindOf(const CLI::Option& option, const std::map<const CLI::Option*, std::vector<std::string>>& choices) {
  ValueKind kind;
  if (const auto found = choices.find(&option); found != choices.end()) {
    kind.names = found->second;
  }
  const std::string name = ValueName(option);
  kind.files = TakesFile(option);
  kind.command = name == "JOB" ? kJobIds : name == "PAPER" ? kPaperIds : "";
  return kind;
}

void Visit(const CLI::App& app, const std::string& path,
           const std::map<const CLI::Option*, std::vector<std::string>>& choices,
           std::vector<CompletionCommand>& commands) {
  CompletionCommand command{
      .path = path, .description = app.get_description(), .options = {}, .positional = {}, .subcommands = {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      const ValueKind kind = KindOf(*option, choices);
      command.positional.files = command.positional.files || kind.files;
      command.positional.names.insert(command.positional.names.end(), kind.names.begin(), kind.names.end());
      command.positional.command += kind.command;
    } else if (!option->get_group().empty()) {
      CompletionCommand::Option known{
          .names = {}, .description = option->get_description(), .value = KindOf(*option, choices)};
      known.takes_value = option->get_expected_max() > 0;
      for (const std::string& name : option->get_lnames()) {
        known.names.push_back("--" + name);
      }
      for (const std::string& name : option->get_snames()) {
        known.names.push_back("-" + name);
      }
      command.options.push_back(std::move(known));
    }
  }
  const auto subcommands = app.get_subcommands(nullptr);
  for (const CLI::App* sub : subcommands) {
    command.subcommands.push_back(sub->get_name());
  }
  commands.push_back(std::move(command));
  for (const CLI::App* sub : subcommands) {
    Visit(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), choices, commands);
  }
}

std::string Paths(const std::vector<CompletionCommand>& commands) {
  std::vector<std::string> paths;
  for (const CompletionCommand& command : commands) {
    if (!command.path.empty()) {
      paths.push_back("\"" + command.path + "\"");
    }
  }
  return fmt::to_string(fmt::join(paths, "|"));
}

std::vector<std::string> OptionNames(const CompletionCommand& command) {
  std::vector<std::string> names;
  for (const auto& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

// "names of a list" $(command): what stands for the values of `kind` in a shell word list.
std::string WordList(const ValueKind& kind) {
  std::string words = fmt::to_string(fmt::join(kind.names, " "));
  return kind.command.empty() ? words : words + (words.empty() ? "" : " ") + "$(" + kind.command + ")";
}

// The loop that finds the command typed so far; bash and zsh differ in how arrays are written.
std::string FindCommand(const std::string& word, const std::string& first, const std::string& last,
                        const std::string& paths) {
  return fmt::format(R"(  for ((i = {}; i < {}; i++)); do
    case "${{cmd:+$cmd }}{}" in
      {}) cmd="${{cmd:+$cmd }}{}";;
    esac
  done
)",
                     first, last, word, paths, word);
}

std::string Quoted(const std::string& text) { return "'" + absl::StrReplaceAll(text, {{"'", "'\\''"}}) + "'"; }

// "data fetch" -> "data" and "fetch".
std::pair<std::string, std::string> ParentAndName(const std::string& path) {
  const std::size_t blank = path.rfind(' ');
  return blank == std::string::npos ? std::pair<std::string, std::string>("", path)
                                    : std::pair(path.substr(0, blank), path.substr(blank + 1));
}

// 'name:description', as _describe wants it.
std::string ZshWord(const std::string& name, const std::string& description) {
  return Quoted(fmt::format("{}:{}", name, absl::StrReplaceAll(description, {{":", "\\:"}})));
}

// The commands below `path`.
std::string ZshWords(const std::vector<CompletionCommand>& commands, const std::string& path) {
  std::string words;
  for (const CompletionCommand& command : commands) {
    const auto [parent, name] = ParentAndName(command.path);
    if (!command.path.empty() && parent == path) {
      words += fmt::format(" {}", ZshWord(name, command.description));
    }
  }
  return words;
}

std::string ZshOptions(const CompletionCommand& command) {
  std::string words;
  for (const auto& option : command.options) {
    for (const std::string& name : option.names) {
      words += fmt::format(" {}", ZshWord(name, option.description));
    }
  }
  return words;
}

// When fish offers what belongs to `command`: its words are there, and none of its subcommands'.
std::string FishCondition(const CompletionCommand& command) {
  std::vector<std::string> terms;
  const auto [parent, name] = ParentAndName(command.path);
  for (const std::string& word : {parent, name}) {
    if (!word.empty()) {
      terms.push_back("__fish_seen_subcommand_from " + word);
    }
  }
  if (!command.subcommands.empty()) {
    terms.push_back(fmt::format("not __fish_seen_subcommand_from {}", fmt::join(command.subcommands, " ")));
  }
  return fmt::format(" -n {}", Quoted(fmt::to_string(fmt::join(terms, "; and "))));
}

// -a with the values of `kind`; fish writes substitutions without the dollar.
std::string FishValues(const ValueKind& kind) {
  const std::string values = WordList(kind);
  return values.empty() ? "" : fmt::format(" -a {}", Quoted(absl::StrReplaceAll(values, {{"$(", "("}})));
}

std::string FishOption(const CompletionCommand::Option& option) {
  std::string text;
  for (const std::string& name : option.names) {
    text += name.rfind("--", 0) == 0 ? fmt::format(" -l {}", name.substr(2)) : fmt::format(" -s {}", name.substr(1));
  }
  if (option.takes_value) {
    text += (option.value.files ? " -r -F" : " -x") + FishValues(option.value);
  }
  return fmt::format("{} -d {}", text, Quoted(option.description));
}

}  // namespace

bool TakesFile(const CLI::Option& option) {
  const std::string name = ValueName(option);
  return name == "FILE" || name == "PATH" || name == "DIR";
}

std::vector<CompletionCommand> CompletionTree(const CLI::App& app,
                                              const std::map<const CLI::Option*, std::vector<std::string>>& choices) {
  std::vector<CompletionCommand> commands;
  Visit(app, "", choices, commands);
  return commands;
}

std::string BashCompletion(const std::vector<CompletionCommand>& commands) {
  std::string text = R"(# bash completion for normlab. Use it: source <(normlab completion bash)
_normlab() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" cmd="" i
)";
  text += FindCommand("${COMP_WORDS[i]}", "1", "COMP_CWORD", Paths(commands));
  text += "  case \"$cmd $prev\" in\n";
  for (const CompletionCommand& command : commands) {
    for (const auto& option : command.options) {
      if (!option.takes_value) {
        continue;
      }
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) {
        patterns.push_back("\"" + command.path + " " + name + "\"");
      }
      text += fmt::format("    {}) COMPREPLY=($(compgen {}-W \"{}\" -- \"$cur\")); return;;\n",
                          fmt::join(patterns, "|"), option.value.files ? "-f " : "", WordList(option.value));
    }
  }
  text += "  esac\n  case \"$cmd\" in\n";
  for (const CompletionCommand& command : commands) {
    const std::string values = WordList(command.positional);
    text += fmt::format(
        "    \"{}\") if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"{}\" -- \"$cur\"))\n"
        "      else COMPREPLY=($(compgen {}-W \"{}{}\" -- \"$cur\")); fi;;\n",
        command.path, fmt::join(OptionNames(command), " "), command.positional.files ? "-f " : "",
        fmt::join(command.subcommands, " "), values);
  }
  return text + "  esac\n}\ncomplete -F _normlab normlab\n";
}

std::string ZshCompletion(const std::vector<CompletionCommand>& commands) {
  std::string text = R"(#compdef normlab
# zsh completion for normlab. Use it: source <(normlab completion zsh), after compinit
_normlab() {
  local cur="$words[CURRENT]" prev="$words[CURRENT-1]" cmd="" i
  local -a list
)";
  text += FindCommand("$words[i]", "2", "CURRENT", Paths(commands));
  text += "  case \"$cmd $prev\" in\n";
  for (const CompletionCommand& command : commands) {
    for (const auto& option : command.options) {
      for (const std::string& name : option.names) {
        if (option.takes_value) {
          text += fmt::format("    (\"{} {}\") {}; return;;\n", command.path, name,
                              option.value.files ? "_files" : fmt::format("compadd -- {}", WordList(option.value)));
        }
      }
    }
  }
  text += "  esac\n  case \"$cmd\" in\n";
  for (const CompletionCommand& command : commands) {
    const std::string words = ZshWords(commands, command.path);
    const std::string values = !words.empty()             ? fmt::format("list=({}); _describe command list", words)
                               : command.positional.files ? "_files"
                                                          : fmt::format("compadd -- {}", WordList(command.positional));
    text +=
        fmt::format("    (\"{}\") if [[ $cur == -* ]]; then list=({}); _describe option list\n      else {}; fi;;\n",
                    command.path, ZshOptions(command), values);
  }
  return text + "  esac\n}\ncompdef _normlab normlab\n";
}

std::string FishCompletion(const std::vector<CompletionCommand>& commands) {
  std::string text =
      "# fish completion for normlab. Use it: normlab completion fish > ~/.config/fish/completions/normlab.fish\n"
      "complete -c normlab -f\n";
  for (const CompletionCommand& command : commands) {
    const std::string prefix = "complete -c normlab" + FishCondition(command);
    for (const CompletionCommand& sub : commands) {
      const auto [parent, name] = ParentAndName(sub.path);
      if (!sub.path.empty() && parent == command.path) {
        text += fmt::format("{} -a {} -d {}\n", prefix, name, Quoted(sub.description));
      }
    }
    if (const std::string values = FishValues(command.positional); !values.empty() || command.positional.files) {
      text += fmt::format("{}{}{}\n", prefix, values, command.positional.files ? " -F" : "");
    }
    for (const auto& option : command.options) {
      text += fmt::format("{}{}\n", prefix, FishOption(option));
    }
  }
  return text;
}

}  // namespace normlab::client
