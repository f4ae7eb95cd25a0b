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

// One word of sh, bash and zsh, whatever is in it.
std::string Quoted(const std::string& text) { return "'" + absl::StrReplaceAll(text, {{"'", "'\\''"}}) + "'"; }

// The same of fish, where a backslash means something between single quotes too.
std::string FishQuoted(const std::string& text) {
  return "'" + absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}) + "'";
}

// 'name:description', as zsh's _describe wants it.
std::string Described(const std::string& name, const std::string& description) {
  return absl::StrReplaceAll(name, {{":", "\\:"}}) + ":" + description;
}

using Lines = std::vector<std::string>;

// What bash and zsh offer in one place of a command line: "normlab data" for arguments of that command, "normlab data -" for
// its options, "normlab jobs --state" for the value of one.
struct Place {
  std::string key;
  Lines words;
  ValueKind value;
};

Place ValuePlace(const std::string& key, const ValueKind& value) { return {key, value.names, value}; }

// Every place; `described`: words with their descriptions.
std::vector<Place> Places(const std::vector<CompletionCommand>& commands, bool described) {
  const auto word = [described](const std::string& name, const std::string& description) {
    return described ? Described(name, description) : name;
  };
  std::vector<Place> places;
  for (const CompletionCommand& command : commands) {
    const std::string key = command.path.empty() ? "normlab" : "normlab " + command.path;
    Place arguments = ValuePlace(key, command.positional);
    for (const CompletionCommand& sub : commands) {
      if (!sub.path.empty() && sub.parent() == command.path) {
        arguments.words.push_back(word(sub.name(), sub.description));
      }
    }
    places.push_back(std::move(arguments));
    Place options{.key = key + " -", .words = {}, .value = {}};
    for (const auto& option : command.options) {
      for (const std::string& name : option.names) {
        options.words.push_back(word(name, option.description));
        if (option.takes_value) {
          places.push_back(ValuePlace(key + " " + name, option.value));
        }
      }
    }
    places.push_back(std::move(options));
  }
  return places;
}

// The places as three arrays that are looked up by key: words, a command that prints more of them, whether files go there.
// `entry` is how the shell writes a key with its value.
std::string Tables(const std::vector<Place>& places, const char* entry) {
  std::string words, run, files;
  const auto add = [entry](std::string& table, const std::string& key, const std::string& value) {
    table += "  " + fmt::format(fmt::runtime(entry), Quoted(key), Quoted(value)) + "\n";
  };
  for (const Place& place : places) {
    add(words, place.key, fmt::to_string(fmt::join(place.words, "\n")));
    if (!place.value.command.empty()) {
      add(run, place.key, place.value.command);
    }
    if (place.value.files) {
      add(files, place.key, "yes");
    }
  }
  return fmt::format(
      "typeset -gA _normlab_words=(\n{})\ntypeset -gA _normlab_run=(\n{})\ntypeset -gA _normlab_files=(\n{})\n", words,
      run, files);
}

constexpr char kBash[] = R"(_normlab_offer() {
  local -a words
  local word
  mapfile -t words <<<"${_normlab_words[$1]}"
  if [[ -n ${_normlab_run[$1]-} ]]; then
    mapfile -t -O ${#words[@]} words < <(eval "${_normlab_run[$1]-}")
  fi
  for word in "${words[@]}"; do
    if [[ -n $word && $word == "$2"* ]]; then COMPREPLY+=("$word"); fi
  done
  if [[ -n ${_normlab_files[$1]-} ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$2")
  fi
}
_normlab() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" place=normlab key i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    key="$place ${COMP_WORDS[i]}"
    if [[ ${COMP_WORDS[i]} != -* && -n ${_normlab_words[$key]+x} ]]; then place=$key; fi
  done
  key="$place $prev"
  if [[ $prev == -* && -n ${_normlab_words[$key]+x} ]]; then place=$key
  elif [[ $cur == -* ]]; then place+=" -"
  fi
  _normlab_offer "$place" "$cur"
}
complete -F _normlab normlab
)";

constexpr char kZsh[] = R"(_normlab() {
  local cur="$words[CURRENT]" prev="$words[CURRENT-1]" place=normlab key i
  local -a list
  for ((i = 2; i < CURRENT; i++)); do
    key="$place $words[i]"
    if [[ $words[i] != -* && -n ${_normlab_words[$key]+x} ]]; then place=$key; fi
  done
  key="$place $prev"
  if [[ $prev == -* && -n ${_normlab_words[$key]+x} ]]; then place=$key
  elif [[ $cur == -* ]]; then place+=" -"
  fi
  list=("${(@f)_normlab_words[$place]}")
  if [[ -n ${_normlab_run[$place]-} ]]; then list+=("${(@f)$(eval ${_normlab_run[$place]-})}"); fi
  list=(${list:#})
  if (( $#list )); then _describe word list; fi
  if [[ -n ${_normlab_files[$place]-} ]]; then _files; fi
}
compdef _normlab normlab
)";

// `names` as one word of fish, of which fish makes a list again.
std::string FishList(const Lines& names) {
  Lines quoted;
  for (const std::string& name : names) {
    quoted.push_back(FishQuoted(name));
  }
  return FishQuoted(fmt::to_string(fmt::join(quoted, " ")));
}

// When fish offers what belongs to `command`: its words are there, and none of its subcommands'.
std::string FishCondition(const CompletionCommand& command) {
  Lines terms;
  for (const std::string& word : {command.parent(), command.name()}) {
    if (!word.empty()) {
      terms.push_back("__fish_seen_subcommand_from " + FishQuoted(word));
    }
  }
  if (!command.subcommands.empty()) {
    std::string seen = "not __fish_seen_subcommand_from";
    for (const std::string& name : command.subcommands) {
      seen += " " + FishQuoted(name);
    }
    terms.push_back(seen);
  }
  return fmt::format(" -n {}", FishQuoted(fmt::to_string(fmt::join(terms, "; and "))));
}

// -a with the values of `kind`.
std::string FishValues(const ValueKind& kind) {
  std::string text = kind.names.empty() ? "" : " -a " + FishList(kind.names);
  return kind.command.empty() ? text : text + " -a " + FishQuoted("(" + kind.command + ")");
}

std::string FishOption(const CompletionCommand::Option& option) {
  std::string text;
  for (const std::string& name : option.names) {
    text += name.rfind("--", 0) == 0 ? " -l " + FishQuoted(name.substr(2)) : " -s " + FishQuoted(name.substr(1));
  }
  if (option.takes_value) {
    text += (option.value.files ? " -r -F" : " -x") + FishValues(option.value);
  }
  return fmt::format("{} -d {}", text, FishQuoted(option.description));
}

}  // namespace

bool TakesFile(const CLI::Option& option) {
  const std::string name = ValueName(option);
  return name == "FILE" || name == "PATH" || name == "DIR";
}

std::string CompletionCommand::parent() const {
  const std::size_t blank = path.rfind(' ');
  return blank == path.npos ? "" : path.substr(0, blank);
}

std::string CompletionCommand::name() const {
  const std::size_t blank = path.rfind(' ');
  return blank == path.npos ? path : path.substr(blank + 1);
}

std::vector<CompletionCommand> CompletionTree(const CLI::App& app,
                                              const std::map<const CLI::Option*, std::vector<std::string>>& choices) {
  std::vector<CompletionCommand> commands;
  Visit(app, "", choices, commands);
  return commands;
}

std::string BashCompletion(const std::vector<CompletionCommand>& commands) {
  return "# bash completion for normlab. Use it: source <(normlab completion bash)\n" +
         Tables(Places(commands, false), "[{}]={}") + kBash;
}

std::string ZshCompletion(const std::vector<CompletionCommand>& commands) {
  return "#compdef normlab\n"
         "# zsh completion for normlab. Use it: source <(normlab completion zsh), after compinit\n" +
         Tables(Places(commands, true), "{} {}") + kZsh;
}

std::string FishCompletion(const std::vector<CompletionCommand>& commands) {
  std::string text =
      "# fish completion for normlab. Use it: normlab completion fish > ~/.config/fish/completions/normlab.fish\n"
      "complete -c normlab -f\n";
  for (const CompletionCommand& command : commands) {
    const std::string prefix = "complete -c normlab" + FishCondition(command);
    for (const CompletionCommand& sub : commands) {
      if (!sub.path.empty() && sub.parent() == command.path) {
        text += fmt::format("{} -a {} -d {}\n", prefix, FishList({sub.name()}), FishQuoted(sub.description));
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
