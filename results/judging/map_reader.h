// map_reader.h - typed reading of a mapping that collects every problem with its line and column: what manifests need.
//
// Nodes are borrowed from the document (see base/yaml.h); nullptr is what is absent.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/yaml.h"

namespace normlab::judging {

// Problems of one file, in the order found.
class Problems {
 public:
  explicit Problems(std::string_view file) : file_(file) {}
  void Add(const YamlMark& at, std::string_view text);                   // "file:3:7: text"
  void AddLine(std::string_view file, int line, std::string_view text);  // of another file: "fig.csv:3: text"
  absl::Status ToStatus() const;                                         // kInvalidArgument, or OK for none

 private:
  std::string file_;
  std::vector<std::string> lines_;
};

// Reads one mapping. Values that are missing or wrong are reported and come back as their fallback, so that the reader
// can go on and report the next problem.
class MapReader {
 public:
  // Anything but a mapping is a problem; the reader is then empty and silent. So it is for nullptr, which whoever asked for
  // it has reported.
  MapReader(const YamlNode* node, std::string path, Problems& problems);

  const std::string& path() const { return path_; }
  bool Has(std::string_view key) { return Optional(key) != nullptr; }
  // nullptr (and silent) if absent.
  const YamlNode* Optional(std::string_view key);
  // nullptr, and a problem, if absent.
  const YamlNode* Required(std::string_view key);

  // With a fallback the key may be absent.
  std::string Text(std::string_view key, std::optional<std::string> fallback = std::nullopt);
  // A list of single values; empty if absent.
  std::vector<std::string> Texts(std::string_view key);
  double Number(std::string_view key, double min, double max, std::optional<double> fallback = std::nullopt);
  int Integer(std::string_view key, int min, int max, std::optional<int> fallback = std::nullopt);
  bool Bool(std::string_view key, std::optional<bool> fallback = std::nullopt);
  // Index of the value among `choices`; 0 after a problem.
  int Choice(std::string_view key, const std::vector<std::string>& choices, std::optional<int> fallback = std::nullopt);
  // Indices of a list's values; of one value alone that one.
  std::vector<int> Choices(std::string_view key, const std::vector<std::string>& choices);

  // "file:3:7: path.key text", at the value of `key` or, if it is absent, at the mapping.
  void Problem(std::string_view key, std::string_view text);
  // Reports keys that nothing asked for, each with the nearest known one.
  void Finish();

 private:
  std::optional<std::string> Scalar(std::string_view key, bool required);
  std::optional<int> IndexOf(std::string_view key, const std::string& text, const std::vector<std::string>& choices);

  const YamlNode* node_;  // nullptr: silent
  std::string path_;
  Problems& problems_;
  std::set<std::string, std::less<>> known_;
};

// "; did you mean layer?", or nothing.
std::string DidYouMean(const std::string& word, const std::vector<std::string>& words);

// True for an identifier, a-z 0-9 _ - ., that is not among `seen` yet; else a problem. `path`: of the mapping it names.
bool CheckName(const std::string& name, const YamlMark& mark, const std::string& path, std::set<std::string>& seen,
               Problems& problems);

// Entries of a mapping in file order, whose names pass CheckName.
std::vector<std::pair<std::string, const YamlNode*>> NamedEntries(const YamlNode* node, const std::string& path,
                                                                  Problems& problems);
// The same for a mapping whose values are single, as text.
std::vector<std::pair<std::string, std::string>> NamedValues(const YamlNode* node, const std::string& path,
                                                             Problems& problems);

}  // namespace normlab::judging
