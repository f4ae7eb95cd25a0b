// checks.h - what MLflow's client may say of a run, by MLflow's own limits: a wrong field is named with what was expected.
//
// Thread safety: free functions, any thread.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mlflow/service.pb.h"
#include "proto/spec.h"
#include "results/store/external_runs.h"

namespace normlab::server {

inline constexpr std::size_t kMaxShown = 100;    // bytes of a caller's own text in an error
inline constexpr std::size_t kMaxRunName = 500;  // and of an experiment's
inline constexpr int kMaxMetrics = 1000;         // of a batch, as all below
inline constexpr int kMaxParams = 100;
inline constexpr int kMaxTags = 100;
inline constexpr std::size_t kMaxBatchBytes = 1 << 20;  // of its JSON

// 1 to `most` bytes.
void CheckSize(std::string_view text, std::size_t most, const std::string& path,
               std::vector<FieldViolation>& violations);
void CheckTag(std::string_view key, std::string_view value, const std::string& path,
              std::vector<FieldViolation>& violations);
std::map<std::string, std::string> ReadTags(const google::protobuf::RepeatedPtrField<mlflow::Pair>& tags,
                                            std::vector<FieldViolation>& violations);

// Each adds to `change`. A tag that can be a label becomes one.
void AddTag(const std::string& key, const std::string& value, store::RunChange& change);
void AddTags(const google::protobuf::RepeatedPtrField<mlflow::Pair>& tags, store::RunChange& change,
             std::vector<FieldViolation>& violations);
void AddParam(const std::string& key, const std::string& value, const std::string& path, store::RunChange& change,
              std::vector<FieldViolation>& violations);
void AddMetric(const mlflow::Metric& metric, const std::string& path, store::RunChange& change,
               std::vector<FieldViolation>& violations);
store::RunChange ReadBatch(const mlflow::LogBatchRequest& request, std::vector<FieldViolation>& violations);

}  // namespace normlab::server
