// query.h - what TensorBoard asks for, checked: which jobs are meant, of whose data, which runs and tags of them.
//
// Thread safety: free functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "proto/spec.h"
#include "results/store/store.h"
#include "server/edge/errors.h"
#include "tensorboard/data_provider.pb.h"

namespace normlab::server {

inline constexpr char kScalars[] = "scalars";
inline constexpr char kImages[] = "images";
inline constexpr char kHparams[] = "hparams";

struct Query {
  store::JobFilter jobs;
  std::string plugin;
  std::optional<std::vector<std::string>> runs = {};  // their names; absent: all
  std::optional<std::set<std::string>> tags = {};
  std::uint32_t points = 0;  // of a series at most; 0: all

  bool Wants(const std::string& tag) const { return !tags || tags->contains(tag); }
};

// An experiment's id says which jobs it holds: none of it, all of them; "mnist_mlp", those of that experiment;
// "item=mnist", those with that label; several with commas, those that meet each.
store::JobFilter ReadExperimentId(std::string_view id, std::vector<FieldViolation>& violations);

std::string ReadPlugin(const tensorboard::data::PluginFilter& filter, std::vector<FieldViolation>& violations);
void ReadRunsAndTags(const tensorboard::data::RunTagFilter& filter, Query& query,
                     std::vector<FieldViolation>& violations);
std::uint32_t ReadPoints(std::int64_t num_points, std::vector<FieldViolation>& violations);

// Of any list or read. kInvalidArgument names every wrong field.
template <typename Request>
absl::StatusOr<Query> ReadQuery(const Request& request) {
  std::vector<FieldViolation> violations;
  Query query{.jobs = ReadExperimentId(request.experiment_id(), violations),
              .plugin = ReadPlugin(request.plugin_filter(), violations)};
  ReadRunsAndTags(request.run_tag_filter(), query, violations);
  if constexpr (requires { request.downsample(); }) {
    if (!request.has_downsample()) {
      violations.push_back({"downsample", "is missing; expected how many points of each series"});
    }
    query.points = ReadPoints(request.downsample().num_points(), violations);
  }
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  return query;
}

}  // namespace normlab::server
