#include "client/completion.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_replace.h"
#include "client/text.h"

namespace normlab::client {
namespace {

std::string ValueName(const CLI::Option& option) {
  return option.get_positional() ? option.get_name(true) : option.get_type_name();
}

bool TakesValue(const CLI::Option& option) { return option.get_expected_max() > 0; }

// "--batch-size" of "--batch_size=4".
std::string OptionName(const std::string& word) {
  std::string name = word.substr(0, word.find('='));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

const CLI::Option* FindOption(const CLI::App& command, const std::string& name) {
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional() && option->check_name(name)) {
      return option;
    }
  }
  return nullptr;
}

std::vector<const CLI::Option*> Positionals(const CLI::App& command) {
  std::vector<const CLI::Option*> positionals;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) {
      positionals.push_back(option);
    }
  }
  return positionals;
}

// Reads a line word by word, as far as it goes.
class Line {
 public:
  explicit Line(const CLI::App& app) : command_(&app) {}

  void Read(const std::string& word) {
    if (value_of_ != nullptr) {
      Give(*value_of_, word);
      value_of_ = nullptr;
    } else if (word == "--") {
      options_ended_ = true;
    } else if (IsOption(word)) {
      const CLI::Option* option = FindOption(*command_, OptionName(word));
      if (option != nullptr && TakesValue(*option)) {
        if (const std::size_t equals = word.find('='); equals != std::string::npos) {
          Give(*option, word.substr(equals + 1));
        } else {
          value_of_ = option;
        }
      }
    } else if (const CLI::App* sub = Subcommand(word); sub != nullptr) {
      command_ = sub;
      arguments_ = 0;
    } else if (const CLI::Option* positional = Positional(); positional != nullptr) {
      Give(*positional, word);
      arguments_ += positional->get_expected_max() > 1 ? 0 : 1;
    }
  }

  const CLI::App& command() const { return *command_; }
  const Given& given() const { return given_; }
  // The option whose value comes next.
  const CLI::Option* value_of() const { return value_of_; }
  bool IsOption(const std::string& word) const { return !options_ended_ && word[0] == '-'; }
  // The argument that comes next.
  const CLI::Option* Positional() const {
    const std::vector<const CLI::Option*> positionals = Positionals(*command_);
    return arguments_ < positionals.size() ? positionals[arguments_] : nullptr;
  }

 private:
  const CLI::App* Subcommand(const std::string& name) const {
    for (const CLI::App* sub : command_->get_subcommands(nullptr)) {
      if (sub->get_name() == name) {
        return sub;
      }
    }
    return nullptr;
  }

  void Give(const CLI::Option& option, const std::string& value) {
    given_[option.get_positional() ? option.get_name(true) : "--" + option.get_lnames()[0]] = value;
  }

  const CLI::App* command_;
  const CLI::Option* value_of_ = nullptr;
  std::size_t arguments_ = 0;
  bool options_ended_ = false;
  Given given_;
};

// What could be the value of `option`, of which `typed` stands there; `before` is what stands before it in the word.
// Behind a comma, what the list has not yet.
void AddValues(const CLI::Option& option, const Choices& choices, const Lookup& lookup, const Given& given,
               const std::string& before, const std::string& typed, Completion& completion) {
  const auto fixed = choices.find(&option);
  std::vector<Candidate> values;
  if (fixed == choices.end()) {
    values = lookup(ValueName(option), given);
  } else {
    for (const std::string& name : fixed->second) {
      values.push_back({name});
    }
  }
  const std::string list = typed.substr(0, typed.rfind(',') + 1);
  for (const Candidate& value : values) {
    if (("," + list).find("," + value.word + ",") == std::string::npos) {
      completion.candidates.push_back({before + list + value.word, value.description});
    }
  }
  completion.files = completion.files || TakesFile(option);
}

void AddOptionNames(const CLI::App& command, Completion& completion) {
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional() && !option->get_group().empty()) {
      for (const std::string& name : option->get_lnames()) {
        completion.candidates.push_back({"--" + name, option->get_description()});
      }
      for (const std::string& name : option->get_snames()) {
        completion.candidates.push_back({"-" + name, option->get_description()});
      }
    }
  }
}

bool BeginsWith(const Candidate& candidate, const std::string& typed) { return candidate.word.rfind(typed, 0) == 0; }

}  // namespace

bool TakesFile(const CLI::Option& option) {
  const std::string name = ValueName(option);
  return name == "FILE" || name == "PATH" || name == "DIR";
}

Completion Complete(const CLI::App& app, const Choices& choices, const std::vector<std::string>& words,
                    const Lookup& lookup) {
  Line line(app);
  std::for_each(words.begin(), words.end() - 1, [&line](const std::string& word) { line.Read(word); });
  const std::string& typed = words.back();
  Completion completion;
  if (line.value_of() != nullptr) {
    AddValues(*line.value_of(), choices, lookup, line.given(), "", typed, completion);
  } else if (line.IsOption(typed)) {
    const std::size_t equals = typed.find('=');
    const CLI::Option* option = equals == std::string::npos ? nullptr : FindOption(line.command(), OptionName(typed));
    if (option != nullptr && TakesValue(*option)) {
      AddValues(*option, choices, lookup, line.given(), typed.substr(0, equals + 1), typed.substr(equals + 1),
                completion);
    } else {
      AddOptionNames(line.command(), completion);
    }
  } else {
    for (const CLI::App* sub : line.command().get_subcommands(nullptr)) {
      if (!sub->get_group().empty()) {
        completion.candidates.push_back({sub->get_name(), sub->get_description()});
      }
    }
    if (const CLI::Option* positional = line.Positional(); positional != nullptr) {
      AddValues(*positional, choices, lookup, line.given(), "", typed, completion);
    }
  }
  return completion;
}

std::vector<std::string> JoinedAtEquals(const std::vector<std::string>& words) {
  std::vector<std::string> joined;
  bool open = false;  // the word before was "="
  for (const std::string& word : words) {
    const bool equals = word == "=";
    if ((open || equals) && !joined.empty()) {
      joined.back() += word;
    } else {
      joined.push_back(word);
    }
    open = equals;
  }
  return joined;
}

std::string RenderCompletion(const Completion& completion, const std::string& shell, const std::string& typed) {
  std::string text = completion.files ? "files\n" : "words\n";
  const std::size_t behind_equals = typed.rfind('=') + 1;
  for (const Candidate& candidate : completion.candidates) {
    const std::string description = absl::StrReplaceAll(candidate.description, {{"\n", " "}, {"\t", " "}});
    if (shell == "fish") {
      text += candidate.word + "\t" + description + "\n";
    } else if (shell == "zsh") {  // as _describe takes it
      text += absl::StrReplaceAll(candidate.word, {{"\\", "\\\\"}, {":", "\\:"}}) + ":" + description + "\n";
    } else if (BeginsWith(candidate, typed)) {
      text += ShellQuoted(candidate.word.substr(behind_equals)) + "\n";
    }
  }
  return text;
}

}  // namespace normlab::client
