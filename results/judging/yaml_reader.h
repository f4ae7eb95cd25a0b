// yaml_reader.h - typed reading of a YAML mapping that collects every problem with its line and column.
//
// Not a general YAML layer: mappings with known keys, lists, scalars; what manifests need. Nodes are borrowed from the
// document and share its lifetime.
#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::judging {

// Problems of one file, in the order found.
class Problems {
 public:
  explicit Problems(std::string_view file) : file_(file) {}
  void Add(const YAML::Mark& at, std::string_view text);                 // "file:3:7: text"
  void AddLine(std::string_view file, int line, std::string_view text);  // of another file: "fig.csv:3: text"
  absl::Status ToStatus() const;                                         // kInvalidArgument, or OK for none
  bool none() const { return lines_.empty(); }

 private:
  std::string file_;
  std::vector<std::string> lines_;
};

// Reads one mapping. Values that are missing or wrong are reported and come back as their fallback, so that the reader
// can go on and report the next problem.
class MapReader {
 public:
  // Anything but a mapping is a problem; the reader is then empty and silent.
  MapReader(const YAML::Node& node, std::string path, Problems& problems);

  const std::string& path() const { return path_; }
  YAML::Mark mark() const { return node_.Mark(); }
  bool Has(const std::string& key);
  // Undefined (and silent) if absent.
  YAML::Node Optional(const std::string& key);
  // Undefined, and a problem, if absent.
  YAML::Node Required(const std::string& key);

  // With a fallback the key may be absent.
  std::string Text(const std::string& key, std::optional<std::string> fallback = std::nullopt);
  // A list of texts; empty if absent.
  std::vector<std::string> Texts(const std::string& key);
  double Number(const std::string& key, double min, double max, std::optional<double> fallback = std::nullopt);
  int Integer(const std::string& key, int min, int max, std::optional<int> fallback = std::nullopt);
  bool Bool(const std::string& key, std::optional<bool> fallback = std::nullopt);
  // Index of the value among `choices`; 0 after a problem.
  int Choice(const std::string& key, const std::vector<std::string>& choices,
             std::optional<int> fallback = std::nullopt);

  void Problem(const YAML::Node& at, std::string_view key, std::string_view text);
  // Reports keys that nothing asked for, each with the nearest known one.
  void Finish();

 private:
  std::optional<std::string> Scalar(const std::string& key, bool required);

  YAML::Node node_;
  std::string path_;
  Problems& problems_;
  std::set<std::string> known_;
  bool silent_ = false;
};

// Keys of a mapping in file order, each once (a key given twice is a problem), as identifiers: a-z 0-9 _ - .
std::vector<std::pair<std::string, YAML::Node>> NamedEntries(const YAML::Node& node, const std::string& path,
                                                             Problems& problems);

struct YamlLimits {
  std::size_t bytes = 256 * 1024;
  int depth = 16;
  int nodes = 20'000;
};

// Loads one document within limits. Anchors, aliases and tags are refused before anything is built from them.
std::optional<YAML::Node> LoadYaml(std::string_view text, const YamlLimits& limits, Problems& problems);

}  // namespace normlab::judging
