// yaml.h - one YAML or JSON document as a tree that keeps order, duplicates and positions: what specs and manifests are
// read from.
//
// Bounded before anything is built from it: bytes, depth and values have limits; anchors, aliases and tags are refused, so
// that a tree is never larger than its text. Thread safety: a free function, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace normlab {

// Counted from 1; 0: of the document as a whole.
struct YamlMark {
  int line = 0;
  int column = 0;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  struct Entry;
  Kind kind = Kind::kNull;
  YamlMark mark;
  std::string scalar;           // of a scalar
  std::vector<YamlNode> items;  // of a list
  std::vector<Entry> entries;   // of a map, in the document's order, duplicates kept

  // The first entry of that name; nullptr for none, and for what is no map.
  const YamlNode* Find(std::string_view name) const;
};

struct YamlNode::Entry {
  std::string name;
  YamlMark mark;
  YamlNode value;
};

struct YamlLimits {
  std::size_t bytes = 0;
  int depth = 16;
  int nodes = 20'000;
};

struct YamlProblem {
  YamlMark mark;
  std::string text;  // "nested deeper than 16 levels"
};

// The document; absent, with a problem, for one that is not well-formed, breaks a limit, or is not alone. An empty text is
// a document that is null.
std::optional<YamlNode> ParseYaml(std::string_view text, const YamlLimits& limits, YamlProblem& problem);

}  // namespace normlab
