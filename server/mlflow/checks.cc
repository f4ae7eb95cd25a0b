#include "server/mlflow/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "server/edge/convert.h"

namespace normlab::server {
namespace {

constexpr std::size_t kMaxKey = 250;
constexpr std::size_t kMaxParamValue = 6000;
constexpr std::size_t kMaxTagValue = 8000;
constexpr int kMaxEntries = 1000;  // of all kinds together, in a batch
constexpr std::string_view kReserved = "mlflow.";

// MLflow's rule, which takes letters of any script for words; a key must be a path that stays below where it starts.
bool IsKey(std::string_view key) {
  const auto good = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalnum(byte) != 0 || std::string_view("_/.- :").find(c) != std::string_view::npos;
  };
  return key.size() <= kMaxKey && std::all_of(key.begin(), key.end(), good) && store::StaysBelow(key);
}

std::string Inside(const std::string& path, std::string_view field) {
  return path.empty() ? std::string(field) : fmt::format("{}.{}", path, field);
}

void CheckKey(std::string_view key, const std::string& path, std::vector<FieldViolation>& violations) {
  if (!IsKey(key)) {
    violations.push_back(
        {Inside(path, "key"),
         fmt::format("is {}; expected letters, digits, '_', '-', '.', ':', ' ' and '/' between them, at "
                     "most {} bytes",
                     key.empty() ? "empty" : OneLine(key, kMaxShown), kMaxKey)});
  }
}

void CheckValue(std::string_view value, std::size_t most, const std::string& path,
                std::vector<FieldViolation>& violations) {
  if (value.size() > most) {
    violations.push_back({Inside(path, "value"), fmt::format("has {} bytes; expected at most {}", value.size(), most)});
  }
}

void CheckCount(int count, int most, std::string_view what, std::vector<FieldViolation>& violations) {
  if (count > most) {
    violations.push_back({std::string(what), fmt::format("has {} entries; expected at most {}", count, most)});
  }
}

}  // namespace

void CheckSize(std::string_view text, std::size_t most, const std::string& path,
               std::vector<FieldViolation>& violations) {
  if (text.empty() || text.size() > most) {
    violations.push_back({path, fmt::format("has {} bytes; expected 1 to {}", text.size(), most)});
  }
}

void CheckTag(std::string_view key, std::string_view value, const std::string& path,
              std::vector<FieldViolation>& violations) {
  CheckKey(key, path, violations);
  CheckValue(value, kMaxTagValue, path, violations);
}

std::map<std::string, std::string> ReadTags(const google::protobuf::RepeatedPtrField<mlflow::Pair>& tags,
                                            std::vector<FieldViolation>& violations) {
  std::map<std::string, std::string> read;
  for (int i = 0; i < tags.size(); ++i) {
    CheckTag(tags[i].key(), tags[i].value(), fmt::format("tags[{}]", i), violations);
    read[tags[i].key()] = tags[i].value();
  }
  return read;
}

void AddTag(const std::string& key, const std::string& value, store::RunChange& change) {
  const bool label = !std::string_view(key).starts_with(kReserved) && CanBeLabel(key, value);
  (label ? change.set_labels : change.set_tags)[key] = value;
  (label ? change.set_tags : change.set_labels).erase(key);
}

void AddTags(const google::protobuf::RepeatedPtrField<mlflow::Pair>& tags, store::RunChange& change,
             std::vector<FieldViolation>& violations) {
  CheckCount(tags.size(), kMaxTags, "tags", violations);
  for (const auto& [key, value] : ReadTags(tags, violations)) {
    AddTag(key, value, change);
  }
}

void AddParam(const std::string& key, const std::string& value, const std::string& path, store::RunChange& change,
              std::vector<FieldViolation>& violations) {
  CheckKey(key, path, violations);
  CheckValue(value, kMaxParamValue, path, violations);
  const auto [param, added] = change.params.emplace(key, value);
  if (!added && param->second != value) {
    violations.push_back(
        {Inside(path, "value"), fmt::format("is {}, and {} in the same call; a parameter is set once",
                                            OneLine(value, kMaxShown), OneLine(param->second, kMaxShown))});
  }
}

void AddMetric(const mlflow::Metric& metric, const std::string& path, store::RunChange& change,
               std::vector<FieldViolation>& violations) {
  CheckKey(metric.key(), path, violations);
  if (metric.step() < 0) {
    violations.push_back(
        {Inside(path, "step"), fmt::format("is {}; expected 0 or more, as normlab counts updates", metric.step())});
  }
  if (metric.timestamp() < 0) {
    violations.push_back(
        {Inside(path, "timestamp"), fmt::format("is {}; expected milliseconds since 1970", metric.timestamp())});
  }
  change.points.push_back({.series = metric.key(),
                           .step = static_cast<std::uint64_t>(metric.step()),
                           .wall_ms = metric.timestamp(),
                           .value = metric.value()});
}

store::RunChange ReadBatch(const mlflow::LogBatchRequest& request, std::vector<FieldViolation>& violations) {
  store::RunChange change;
  CheckCount(request.metrics_size(), kMaxMetrics, "metrics", violations);
  CheckCount(request.params_size(), kMaxParams, "params", violations);
  const int entries = request.metrics_size() + request.params_size() + request.tags_size();
  if (entries > kMaxEntries && request.metrics_size() <= kMaxMetrics) {
    violations.push_back({"metrics, params and tags",
                          fmt::format("have {} entries together; expected at most {}", entries, kMaxEntries)});
  }
  change.points.reserve(static_cast<std::size_t>(request.metrics_size()));
  for (int i = 0; i < request.metrics_size(); ++i) {
    AddMetric(request.metrics(i), fmt::format("metrics[{}]", i), change, violations);
  }
  for (int i = 0; i < request.params_size(); ++i) {
    AddParam(request.params(i).key(), request.params(i).value(), fmt::format("params[{}]", i), change, violations);
  }
  AddTags(request.tags(), change, violations);
  return change;
}

}  // namespace normlab::server
