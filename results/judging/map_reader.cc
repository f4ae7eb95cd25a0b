#include "results/judging/map_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "base/parse_number.h"

namespace normlab::judging {
namespace {

// One screen of problems helps; thousands, from a file that is something else, do not.
constexpr std::size_t kMostProblems = 50;

bool IsName(std::string_view text) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789_-.";
  return !text.empty() && text.size() <= 64 && text.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace

void Problems::Add(const YamlMark& at, std::string_view text) {
  lines_.push_back(at.line == 0 ? fmt::format("{}: {}", file_, text)
                                : fmt::format("{}:{}:{}: {}", file_, at.line, at.column, text));
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

std::string DidYouMean(const std::string& word, const std::vector<std::string>& words) {
  return normlab::DidYouMean(NearestWord(word, words));
}

MapReader::MapReader(const YamlNode* node, std::string path, Problems& problems)
    : node_(node), path_(std::move(path)), problems_(problems) {
  if (node_ != nullptr && node_->kind != YamlNode::Kind::kMap) {
    problems_.Add(node_->mark, fmt::format("{} is expected to be a mapping of fields", path_));
    node_ = nullptr;
  }
}

void MapReader::Problem(std::string_view key, std::string_view text) {
  if (node_ != nullptr) {
    const YamlNode* at = node_->Find(key);
    problems_.Add(at != nullptr ? at->mark : node_->mark, fmt::format("{}.{} {}", path_, key, text));
  }
}

const YamlNode* MapReader::Optional(std::string_view key) {
  known_.emplace(key);
  return node_ == nullptr ? nullptr : node_->Find(key);
}

const YamlNode* MapReader::Required(std::string_view key) {
  const YamlNode* value = Optional(key);
  if (value == nullptr) {
    Problem(key, "is missing");
  }
  return value;
}

std::optional<std::string> MapReader::Scalar(std::string_view key, bool required) {
  const YamlNode* value = required ? Required(key) : Optional(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (value->kind != YamlNode::Kind::kScalar) {
    Problem(key, "is expected to be a single value");
    return std::nullopt;
  }
  return value->scalar;
}

std::string MapReader::Text(std::string_view key, std::optional<std::string> fallback) {
  const auto text = Scalar(key, !fallback);
  if (text && text->empty()) {
    Problem(key, "is empty");
  }
  return text.value_or(fallback.value_or(""));
}

std::vector<std::string> MapReader::Texts(std::string_view key) {
  std::vector<std::string> texts;
  const YamlNode* list = Optional(key);
  if (list != nullptr && list->kind != YamlNode::Kind::kList) {
    Problem(key, "is expected to be a list");
  } else if (list != nullptr) {
    for (const YamlNode& text : list->items) {
      if (text.kind == YamlNode::Kind::kScalar && !text.scalar.empty()) {
        texts.push_back(text.scalar);
      } else {
        problems_.Add(text.mark, fmt::format("{}.{} is expected to hold single values", path_, key));
      }
    }
  }
  return texts;
}

double MapReader::Number(std::string_view key, double min, double max, std::optional<double> fallback) {
  const auto text = Scalar(key, !fallback);
  if (!text) {
    return fallback.value_or(min);
  }
  const auto value = ParseReal(*text);
  if (!value || !(*value >= min && *value <= max)) {
    Problem(key, fmt::format("is {}; expected a number from {} to {}", *text, min, max));
    return fallback.value_or(min);
  }
  return *value;
}

int MapReader::Integer(std::string_view key, int min, int max, std::optional<int> fallback) {
  const auto text = Scalar(key, !fallback);
  if (!text) {
    return fallback.value_or(min);
  }
  const auto value = ParseReal(*text);
  if (!value || *value != std::floor(*value) || !(*value >= min && *value <= max)) {
    Problem(key, fmt::format("is {}; expected a whole number from {} to {}", *text, min, max));
    return fallback.value_or(min);
  }
  return static_cast<int>(*value);
}

bool MapReader::Bool(std::string_view key, std::optional<bool> fallback) {
  const std::optional<int> chosen = fallback ? std::optional(*fallback ? 1 : 0) : std::nullopt;
  return Choice(key, {"false", "true"}, chosen) == 1;
}

std::optional<int> MapReader::IndexOf(std::string_view key, const std::string& text,
                                      const std::vector<std::string>& choices) {
  const auto found = std::find(choices.begin(), choices.end(), text);
  if (found == choices.end()) {
    Problem(key, fmt::format("is {}; expected one of {}{}", text, fmt::join(choices, ", "), DidYouMean(text, choices)));
    return std::nullopt;
  }
  return static_cast<int>(found - choices.begin());
}

int MapReader::Choice(std::string_view key, const std::vector<std::string>& choices, std::optional<int> fallback) {
  const auto text = Scalar(key, !fallback);
  return text ? IndexOf(key, *text, choices).value_or(fallback.value_or(0)) : fallback.value_or(0);
}

std::vector<int> MapReader::Choices(std::string_view key, const std::vector<std::string>& choices) {
  const YamlNode* node = Optional(key);
  const bool one = node != nullptr && node->kind == YamlNode::Kind::kScalar;
  std::vector<int> indices;
  for (const std::string& text : one ? std::vector<std::string>{node->scalar} : Texts(key)) {
    if (const auto index = IndexOf(key, text, choices)) {
      indices.push_back(*index);
    }
  }
  return indices;
}

void MapReader::Finish() {
  if (node_ == nullptr) {
    return;
  }
  const std::vector<std::string> known(known_.begin(), known_.end());
  std::set<std::string> seen;
  for (const auto& [key, mark, value] : node_->entries) {
    if (!known_.contains(key)) {
      const std::string near = DidYouMean(key, known);
      problems_.Add(mark, near.empty() ? fmt::format("{}.{} is not a field; fields here are {}", path_, key,
                                                     fmt::join(known, ", "))
                                       : fmt::format("{}.{} is not a field{}", path_, key, near));
    } else if (!seen.insert(key).second) {
      problems_.Add(mark, fmt::format("{}.{} is given twice", path_, key));
    }
  }
}

bool CheckName(const std::string& name, const YamlMark& mark, const std::string& path, std::set<std::string>& seen,
               Problems& problems) {
  if (!IsName(name)) {
    problems.Add(mark, fmt::format("{}: a name here is made of a-z, 0-9, '_', '-', '.'", path));
    return false;
  }
  if (!seen.insert(name).second) {
    problems.Add(mark, fmt::format("{}.{} is given twice", path, name));
    return false;
  }
  return true;
}

std::vector<std::pair<std::string, const YamlNode*>> NamedEntries(const YamlNode* node, const std::string& path,
                                                                  Problems& problems) {
  std::vector<std::pair<std::string, const YamlNode*>> entries;
  if (node == nullptr) {
    return entries;
  }
  if (node->kind != YamlNode::Kind::kMap || node->entries.empty()) {
    problems.Add(node->mark, fmt::format("{} is expected to be a mapping of names, with at least one", path));
    return entries;
  }
  std::set<std::string> seen;
  for (const auto& [name, mark, value] : node->entries) {
    if (CheckName(name, mark, path, seen, problems)) {
      entries.emplace_back(name, &value);
    }
  }
  return entries;
}

std::vector<std::pair<std::string, std::string>> NamedValues(const YamlNode* node, const std::string& path,
                                                             Problems& problems) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& [name, value] : NamedEntries(node, path, problems)) {
    if (value->kind == YamlNode::Kind::kScalar) {
      values.emplace_back(name, value->scalar);
    } else {
      problems.Add(value->mark, fmt::format("{}.{} is expected to be a single value", path, name));
    }
  }
  return values;
}

}  // namespace normlab::judging
