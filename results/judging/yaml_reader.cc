#include "results/judging/yaml_reader.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "base/nearest.h"

namespace normlab::judging {
namespace {

// One screen of problems helps; thousands, from a file that is something else, do not.
constexpr std::size_t kMostProblems = 50;

std::optional<double> ToNumber(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// Sees a document as events, before any node exists, and stops at what is refused.
class Gate : public YAML::EventHandler {
 public:
  Gate(const YamlLimits& limits, Problems& problems) : limits_(limits), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Count(mark, "", anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(mark, "aliases (*name) are not allowed here");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string&) override {
    Count(mark, tag, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor);
  }
  void OnMapEnd() override { --depth_; }

 private:
  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    Count(mark, tag, anchor);
    if (++depth_ > limits_.depth) {
      Refuse(mark, fmt::format("nested deeper than {} levels", limits_.depth));
    }
  }
  void Count(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) {
      Refuse(mark, "anchors (&name) are not allowed here");
    }
    // "?" and "!" are what the parser gives plain and quoted values without a tag.
    if (!tag.empty() && tag != "?" && tag != "!") {
      Refuse(mark, "tags (!name) are not allowed here");
    }
    if (++nodes_ > limits_.nodes) {
      Refuse(mark, fmt::format("more than {} values", limits_.nodes));
    }
  }
  [[noreturn]] void Refuse(const YAML::Mark& mark, std::string_view why) {
    problems_.Add(mark, why);
    throw YAML::Exception(mark, "refused");
  }

  const YamlLimits& limits_;
  Problems& problems_;
  int depth_ = 0;
  int nodes_ = 0;
};

}  // namespace

void Problems::Add(const YAML::Mark& at, std::string_view text) {
  lines_.push_back(at.is_null() ? fmt::format("{}: {}", file_, text)
                                : fmt::format("{}:{}:{}: {}", file_, at.line + 1, at.column + 1, text));
}

void Problems::AddLine(std::string_view file, int line, std::string_view text) {
  lines_.push_back(fmt::format("{}:{}: {}", file, line, text));
}

absl::Status Problems::ToStatus() const {
  if (lines_.empty()) {
    return absl::OkStatus();
  }
  const std::size_t shown = std::min(lines_.size(), kMostProblems);
  std::string text =
      fmt::format("{}", fmt::join(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(shown), "\n"));
  if (shown < lines_.size()) {
    text += fmt::format("\n{} more problems", lines_.size() - shown);
  }
  return absl::InvalidArgumentError(text);
}

MapReader::MapReader(const YAML::Node& node, std::string path, Problems& problems)
    : node_(node), path_(std::move(path)), problems_(problems) {
  if (!node_.IsDefined()) {
    silent_ = true;  // whoever asked for it has said so
  } else if (!node_.IsMap()) {
    problems_.Add(node_.Mark(), fmt::format("{} is expected to be a mapping of fields", path_));
    silent_ = true;
  }
}

void MapReader::Problem(const YAML::Node& at, std::string_view key, std::string_view text) {
  if (!silent_) {
    problems_.Add(at.IsDefined() ? at.Mark() : node_.Mark(), fmt::format("{}.{} {}", path_, key, text));
  }
}

bool MapReader::Has(const std::string& key) {
  known_.insert(key);
  return !silent_ && node_[key].IsDefined();
}

YAML::Node MapReader::Optional(const std::string& key) {
  return Has(key) ? node_[key] : YAML::Node(YAML::NodeType::Undefined);
}

YAML::Node MapReader::Required(const std::string& key) {
  if (!Has(key)) {
    Problem(node_, key, "is missing");
    return YAML::Node(YAML::NodeType::Undefined);
  }
  return node_[key];
}

std::optional<std::string> MapReader::Scalar(const std::string& key, bool required) {
  const YAML::Node value = required ? Required(key) : Optional(key);
  if (!value.IsDefined()) {
    return std::nullopt;
  }
  if (!value.IsScalar()) {
    Problem(value, key, "is expected to be a single value");
    return std::nullopt;
  }
  return value.Scalar();
}

std::string MapReader::Text(const std::string& key, std::optional<std::string> fallback) {
  const auto text = Scalar(key, !fallback);
  if (text && text->empty()) {
    Problem(node_[key], key, "is empty");
  }
  return text.value_or(fallback.value_or(""));
}

std::vector<std::string> MapReader::Texts(const std::string& key) {
  std::vector<std::string> texts;
  const YAML::Node list = Optional(key);
  if (list.IsDefined() && !list.IsSequence()) {
    Problem(list, key, "is expected to be a list");
  } else if (list.IsDefined()) {
    for (const YAML::Node& text : list) {
      if (text.IsScalar() && !text.Scalar().empty()) {
        texts.push_back(text.Scalar());
      } else {
        Problem(text, key, "is expected to hold texts");
      }
    }
  }
  return texts;
}

double MapReader::Number(const std::string& key, double min, double max, std::optional<double> fallback) {
  const auto text = Scalar(key, !fallback);
  if (!text) {
    return fallback.value_or(min);
  }
  const auto value = ToNumber(*text);
  if (!value || !(*value >= min && *value <= max)) {
    Problem(node_[key], key, fmt::format("is {}; expected a number from {} to {}", *text, min, max));
    return fallback.value_or(min);
  }
  return *value;
}

int MapReader::Integer(const std::string& key, int min, int max, std::optional<int> fallback) {
  const auto text = Scalar(key, !fallback);
  if (!text) {
    return fallback.value_or(min);
  }
  const auto value = ToNumber(*text);
  if (!value || *value != std::floor(*value) || !(*value >= min && *value <= max)) {
    Problem(node_[key], key, fmt::format("is {}; expected a whole number from {} to {}", *text, min, max));
    return fallback.value_or(min);
  }
  return static_cast<int>(*value);
}

bool MapReader::Bool(const std::string& key, std::optional<bool> fallback) {
  const std::optional<int> chosen = fallback ? std::optional(*fallback ? 1 : 0) : std::nullopt;
  return Choice(key, {"false", "true"}, chosen) == 1;
}

int MapReader::Choice(const std::string& key, const std::vector<std::string>& choices, std::optional<int> fallback) {
  const auto text = Scalar(key, !fallback);
  if (!text) {
    return fallback.value_or(0);
  }
  const auto found = std::find(choices.begin(), choices.end(), *text);
  if (found == choices.end()) {
    const std::string near = NearestWord(*text, choices);
    Problem(node_[key], key,
            fmt::format("is {}; expected one of {}{}", *text, fmt::join(choices, ", "),
                        near.empty() ? "" : fmt::format("; did you mean {}?", near)));
    return fallback.value_or(0);
  }
  return static_cast<int>(found - choices.begin());
}

void MapReader::Finish() {
  if (silent_) {
    return;
  }
  const std::vector<std::string> known(known_.begin(), known_.end());
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "(a key that is not text)";
    if (!known_.contains(key)) {
      const std::string near = NearestWord(key, known);
      Problem(entry.first, key,
              near.empty() ? fmt::format("is not a field; fields here are {}", fmt::join(known, ", "))
                           : fmt::format("is not a field; did you mean {}?", near));
    } else if (!seen.insert(key).second) {
      Problem(entry.first, key, "is given twice");
    }
  }
}

std::vector<std::pair<std::string, YAML::Node>> NamedEntries(const YAML::Node& node, const std::string& path,
                                                             Problems& problems) {
  std::vector<std::pair<std::string, YAML::Node>> entries;
  if (!node.IsDefined()) {
    return entries;
  }
  if (!node.IsMap() || node.size() == 0) {
    problems.Add(node.Mark(), fmt::format("{} is expected to be a mapping of names, with at least one", path));
    return entries;
  }
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789_-.";
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (name.empty() || name.size() > 64 || name.find_first_not_of(kAllowed) != std::string::npos) {
      problems.Add(entry.first.Mark(), fmt::format("{}: a name here is made of a-z, 0-9, '_', '-', '.'", path));
    } else if (!seen.insert(name).second) {
      problems.Add(entry.first.Mark(), fmt::format("{}.{} is given twice", path, name));
    } else {
      entries.emplace_back(name, entry.second);
    }
  }
  return entries;
}

std::optional<YAML::Node> LoadYaml(std::string_view text, const YamlLimits& limits, Problems& problems) {
  if (text.size() > limits.bytes) {
    problems.Add(YAML::Mark::null_mark(), fmt::format("{} bytes; at most {} are read", text.size(), limits.bytes));
    return std::nullopt;
  }
  const std::string copy(text);
  try {
    std::istringstream stream(copy);
    YAML::Parser parser(stream);
    Gate gate(limits, problems);
    if (!parser.HandleNextDocument(gate)) {
      problems.Add(YAML::Mark::null_mark(), "is empty; expected a manifest");
      return std::nullopt;
    }
    if (parser.HandleNextDocument(gate)) {
      problems.Add(YAML::Mark::null_mark(), "holds more than one document; expected one");
      return std::nullopt;
    }
    return YAML::Load(copy);
  } catch (const YAML::Exception& e) {
    if (problems.none()) {
      problems.Add(e.mark, fmt::format("not well-formed YAML: {}", e.msg));
    }
    return std::nullopt;
  }
}

}  // namespace normlab::judging
