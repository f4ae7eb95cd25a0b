// text_tree.h - one YAML or JSON document as a small tree that keeps duplicates and positions. Internal to proto/.
//
// Limits make hostile documents harmless: 64 KiB, depth 16, no anchors and aliases, so the tree is never larger than
// the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab {

struct TextNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  struct Entry;
  Kind kind = Kind::kNull;
  std::string scalar;          // of a scalar
  std::vector<Entry> entries;  // of a map, in the document's order, duplicates kept
};

struct TextNode::Entry {
  std::string name;
  TextNode value;
};

// kInvalidArgument with "line 3, column 7: what is wrong" for a document that is not well-formed or breaks a limit.
absl::StatusOr<TextNode> ParseTextTree(std::string_view text);

}  // namespace normlab
