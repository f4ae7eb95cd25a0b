#include "base/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

namespace normlab {
namespace {

YamlMark ToMark(const YAML::Mark& mark) {
  return mark.is_null() ? YamlMark() : YamlMark{mark.line + 1, mark.column + 1};
}

// Builds the tree from the parser's events. Problems are thrown as YAML::Exception, as the parser throws its own.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const YamlLimits& limits) : limits_(limits) {}
  YamlNode Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Scalar(Admit(mark, "", anchor, YamlNode::Kind::kNull));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw YAML::Exception(mark, "aliases (*name) are not allowed; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = Admit(mark, tag, anchor, YamlNode::Kind::kScalar);
    node.scalar = value;
    Scalar(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, Admit(mark, tag, anchor, YamlNode::Kind::kList));
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, Admit(mark, tag, anchor, YamlNode::Kind::kMap));
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    YamlNode node;
    std::optional<YamlNode::Entry> entry;  // whose value comes next
  };

  YamlNode Admit(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (anchor != YAML::NullAnchor) {
      throw YAML::Exception(mark, "anchors (&name) are not allowed; write the value out");
    }
    // "?" and "!" are what the parser gives plain and quoted values without a tag.
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw YAML::Exception(mark, "tags (!name) are not allowed");
    }
    if (++nodes_ > limits_.nodes) {
      throw YAML::Exception(mark, fmt::format("more than {} values", limits_.nodes));
    }
    YamlNode node;
    node.kind = kind;
    node.mark = ToMark(mark);
    return node;
  }

  bool ExpectsName() const {
    return !levels_.empty() && levels_.back().node.kind == YamlNode::Kind::kMap && !levels_.back().entry;
  }

  void Scalar(YamlNode node) {
    if (ExpectsName()) {
      levels_.back().entry = YamlNode::Entry{std::move(node.scalar), node.mark, {}};
    } else {
      Add(std::move(node));
    }
  }

  void Open(const YAML::Mark& mark, YamlNode node) {
    if (ExpectsName()) {
      throw YAML::Exception(mark, "a map or list cannot be a field's name");
    }
    if (static_cast<int>(levels_.size()) >= limits_.depth) {
      throw YAML::Exception(mark, fmt::format("nested deeper than {} levels", limits_.depth));
    }
    levels_.push_back({std::move(node), std::nullopt});
  }

  void Close() {
    YamlNode node = std::move(levels_.back().node);
    levels_.pop_back();
    Add(std::move(node));
  }

  void Add(YamlNode node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == YamlNode::Kind::kList) {
      level.node.items.push_back(std::move(node));
    } else {
      level.entry->value = std::move(node);
      level.node.entries.push_back(std::move(*level.entry));
      level.entry.reset();
    }
  }

  const YamlLimits& limits_;
  YamlNode root_;
  std::vector<Level> levels_;
  int nodes_ = 0;
};

}  // namespace

const YamlNode* YamlNode::Find(std::string_view name) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &found->value;
}

std::optional<YamlNode> ParseYaml(std::string_view text, const YamlLimits& limits, YamlProblem& problem) {
  if (text.size() > limits.bytes) {
    problem = {{}, fmt::format("the document has {} bytes; expected at most {}", text.size(), limits.bytes)};
    return std::nullopt;
  }
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(limits);
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    YamlNode root = builder.Take();
    if (parser.HandleNextDocument(builder)) {
      problem = {{}, "the text holds more than one document; expected one"};
      return std::nullopt;
    }
    return root;
  } catch (const YAML::Exception& error) {
    problem = {ToMark(error.mark), error.msg};
    return std::nullopt;
  }
}

}  // namespace normlab
