// completion.h - what could stand in the place of a command line's last word: made from the command line itself, so that
// whatever a command registers with CLI11 is completed.
//
// The scripts that shells load know nothing of normlab; they ask it (`normlab complete`) and offer the answer.
//
// Pure functions; names that only a server knows come through a Lookup.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace normlab::client {

struct Candidate {
  std::string word;
  std::string description = {};
};

struct Completion {
  std::vector<Candidate> candidates;  // whether or not they begin with what was typed
  bool files = false;                 // files and folders as well
};

// What options and arguments of the line have been given so far, by their names: "--home", "JOB".
using Given = std::map<std::string, std::string>;
// Names of a kind, which is what an option or argument calls its value: "JOB", "SERIES".
using Lookup = std::function<std::vector<Candidate>(const std::string& kind, const Given& given)>;
// The fixed names of options that take them.
using Choices = std::map<const CLI::Option*, std::vector<std::string>>;

// Whether an option or argument names a file or folder.
bool TakesFile(const CLI::Option& option);

// `words`: the line without the program's name; the last one is being typed and may be empty.
Completion Complete(const CLI::App& app, const Choices& choices, const std::vector<std::string>& words,
                    const Lookup& lookup);

// Bash takes a line apart at every '=', and puts what is offered behind the last of them. The words as they were typed.
std::vector<std::string> JoinedAtEquals(const std::vector<std::string>& words);

// As the script of `shell` (bash, zsh, fish) reads it: "files" or "words", then a candidate a line. Those of bash begin
// with `typed`, for bash itself does not choose.
std::string RenderCompletion(const Completion& completion, const std::string& shell, const std::string& typed);

}  // namespace normlab::client
