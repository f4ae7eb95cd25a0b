// completion.h - shell completion made from the command line itself: commands, options, the names options take, job
// ids.
//
// Nothing is listed twice: whatever a command registers with CLI11 is completed. The scripts are tables, in which every
// word is quoted for its shell, and code that is always the same.
#pragma once

#include <CLI/CLI.hpp>

#include <map>
#include <string>
#include <vector>

namespace normlab::client {

// What stands in the place of a value.
struct ValueKind {
  bool files = false;
  std::vector<std::string> names;  // fixed
  std::string command;             // prints names, one a line; empty: none
};

// Whether an option or argument names a file or folder.
bool TakesFile(const CLI::Option& option);

struct CompletionCommand {
  struct Option {
    std::vector<std::string> names;  // "--output", "-o"
    std::string description;
    bool takes_value = false;
    ValueKind value;
  };
  std::string path;  // "data fetch"; empty: the program itself
  std::string description;
  std::vector<Option> options;
  ValueKind positional;                  // of any position
  std::vector<std::string> subcommands;  // their last words

  std::string parent() const;  // path of the command that this one is a subcommand of
  std::string name() const;    // last word of path
};

// Every command, the program first. `choices` holds the fixed names of options that take them. Positionals called JOB
// and PAPER are completed by asking the server.
std::vector<CompletionCommand> CompletionTree(const CLI::App& app,
                                              const std::map<const CLI::Option*, std::vector<std::string>>& choices);

std::string BashCompletion(const std::vector<CompletionCommand>& commands);
std::string ZshCompletion(const std::vector<CompletionCommand>& commands);
std::string FishCompletion(const std::vector<CompletionCommand>& commands);

}  // namespace normlab::client
