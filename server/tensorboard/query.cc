#include "server/tensorboard/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "normlab/v1/jobs.pb.h"
#include "proto/spec_text.h"
#include "server/edge/convert.h"

namespace normlab::server {
namespace {

constexpr int kMostNames = 10'000;
constexpr std::string_view kNoChoice = "defaultExperimentId";  // what the Time Series page says for no experiment

void CheckNames(int count, std::string_view path, std::vector<FieldViolation>& violations) {
  if (count > kMostNames) {
    violations.push_back({std::string(path), fmt::format("holds {}; expected at most {}", count, kMostNames)});
  }
}

}  // namespace

store::JobFilter ReadExperimentId(std::string_view id, std::vector<FieldViolation>& violations) {
  constexpr char kPath[] = "experiment_id";
  v1::ListJobsRequest request;
  if (id == kNoChoice) {
    id = {};
  }
  while (!id.empty()) {
    const std::string_view term = id.substr(0, id.find(','));
    id.remove_prefix(std::min(id.size(), term.size() + 1));
    if (const std::size_t equals = term.find('='); equals != std::string_view::npos) {
      (*request.mutable_labels())[std::string(term.substr(0, equals))] = term.substr(equals + 1);
    } else if (request.experiment().empty()) {
      request.set_experiment(std::string(term));
    } else {
      violations.push_back({kPath, fmt::format("names two experiments, {} and {}; expected one, and labels such as "
                                               "item=mnist, with commas between them",
                                               Shown(request.experiment()), Shown(term))});
    }
  }
  std::vector<FieldViolation> inside;
  store::JobFilter filter = ReadFilter(request, inside);
  for (const FieldViolation& violation : inside) {
    violations.push_back({kPath, fmt::format("{} {}", violation.path, violation.description)});
  }
  return filter;
}

std::string ReadPlugin(const tensorboard::data::PluginFilter& filter, std::vector<FieldViolation>& violations) {
  if (filter.plugin_name().empty()) {
    violations.push_back(
        {"plugin_filter.plugin_name", fmt::format("is empty; expected {}, {} or {}", kScalars, kImages, kHparams)});
  }
  return filter.plugin_name();
}

void ReadRunsAndTags(const tensorboard::data::RunTagFilter& filter, Query& query,
                     std::vector<FieldViolation>& violations) {
  if (filter.has_runs()) {
    CheckNames(filter.runs().names_size(), "run_tag_filter.runs.names", violations);
    query.runs.emplace(filter.runs().names().begin(), filter.runs().names().end());
  }
  if (filter.has_tags()) {
    CheckNames(filter.tags().names_size(), "run_tag_filter.tags.names", violations);
    query.tags.emplace(filter.tags().names().begin(), filter.tags().names().end());
  }
}

std::uint32_t ReadPoints(std::int64_t num_points, std::vector<FieldViolation>& violations) {
  if (num_points < 0) {
    violations.push_back({"downsample.num_points", fmt::format("is {}; expected 0 (all) or more", num_points)});
  }
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(num_points, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace normlab::server
