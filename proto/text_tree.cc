#include "proto/text_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>

namespace normlab {
namespace {

constexpr std::size_t kMaxBytes = 64 * 1024;
constexpr std::size_t kMaxDepth = 16;

// Builds the tree from the parser's events. Problems are thrown as YAML::Exception, as the parser throws its own.
class TreeBuilder : public YAML::EventHandler {
 public:
  TextNode Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Scalar(mark, anchor, {}); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw YAML::Exception(mark, "aliases (*name) are not allowed; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& value) override {
    TextNode node;
    node.kind = TextNode::Kind::kScalar;
    node.scalar = value;
    Scalar(mark, anchor, std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor, TextNode::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, anchor, TextNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    TextNode node;
    std::optional<std::string> key;  // of the entry whose value comes next
  };

  static void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      throw YAML::Exception(mark, "anchors (&name) are not allowed; write the value out");
    }
  }

  bool ExpectsKey() const {
    return !levels_.empty() && levels_.back().node.kind == TextNode::Kind::kMap && !levels_.back().key;
  }

  void Scalar(const YAML::Mark& mark, YAML::anchor_t anchor, TextNode node) {
    RefuseAnchor(mark, anchor);
    if (ExpectsKey()) {
      levels_.back().key = std::move(node.scalar);
    } else {
      Add(std::move(node));
    }
  }

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, TextNode::Kind kind) {
    RefuseAnchor(mark, anchor);
    if (ExpectsKey()) {
      throw YAML::Exception(mark, "a map or list cannot be a field's name");
    }
    if (levels_.size() >= kMaxDepth) {
      throw YAML::Exception(mark, fmt::format("nested deeper than {} levels", kMaxDepth));
    }
    levels_.push_back({});
    levels_.back().node.kind = kind;
  }

  void Close() {
    TextNode node = std::move(levels_.back().node);
    levels_.pop_back();
    Add(std::move(node));
  }

  void Add(TextNode node) {
    if (levels_.empty()) {
      root_ = std::move(node);
    } else if (levels_.back().node.kind == TextNode::Kind::kMap) {
      levels_.back().node.entries.push_back({std::move(*levels_.back().key), std::move(node)});
      levels_.back().key.reset();
    }  // what a list holds is not kept: no field is a list
  }

  TextNode root_;
  std::vector<Level> levels_;
};

}  // namespace

absl::StatusOr<TextNode> ParseTextTree(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(
        fmt::format("the document has {} bytes; expected at most {}", text.size(), kMaxBytes));
  }
  std::istringstream stream{std::string(text)};
  TreeBuilder builder;
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    TextNode root = builder.Take();
    if (parser.HandleNextDocument(builder)) {
      return absl::InvalidArgumentError("the text holds more than one document; expected one");
    }
    return root;
  } catch (const YAML::Exception& error) {
    if (error.mark.is_null()) {
      return absl::InvalidArgumentError(error.msg);
    }
    return absl::InvalidArgumentError(
        fmt::format("line {}, column {}: {}", error.mark.line + 1, error.mark.column + 1, error.msg));
  }
}

}  // namespace normlab
