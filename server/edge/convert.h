// convert.h - wire types to store types and back: the only place where the two meet.
//
// Functions that read the wire append what is wrong to a list of violations and return a value that is not to be used
// then.
//
// Thread safety: free functions, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "normlab/v1/artifacts.pb.h"
#include "normlab/v1/curves.pb.h"
#include "normlab/v1/jobs.pb.h"
#include "normlab/v1/worker.pb.h"
#include "proto/spec.h"
#include "results/store/store.h"
#include "server/schedule/attempts.h"
#include "server/schedule/job_name.h"

namespace normlab::server {

inline constexpr std::size_t kMaxText = 4096;  // bytes of an error text or a fact; longer ones are cut

// "j17" -> 17; JobName is the way back.
store::JobId ReadJobId(std::string_view name, std::string_view path, std::vector<FieldViolation>& violations);
// For a request whose only field is the job.
absl::StatusOr<store::JobId> ReadJobId(std::string_view name);

void SetTime(std::int64_t unix_ms, google::protobuf::Timestamp& time);
void ToWire(const store::Job& job, v1::Job& wire);
// What calls that change many jobs say of each: of one that was deleted, which has no state here, its id.
void ToSlimWire(const store::BulkOutcome& outcome, v1::Job& wire);
void ToWire(const store::AttemptInfo& attempt, v1::ListAttemptsResponse::JobAttempt& wire);
// `now`: Unix time.
void ToWire(const Attempts::WorkerView& view, std::chrono::milliseconds now, v1::ListWorkersResponse::Worker& wire);
void ToWire(const store::SeriesInfo& series, v1::Series& wire);
void ToWire(const store::ArtifactInfo& artifact, v1::Artifact& wire);
void ToWire(const store::PointBatch::Columns& columns, v1::WatchCurvesResponse::Columns& wire);

// A step, sequence or revision: what the store can hold.
std::uint64_t ReadCount(std::uint64_t count, std::string_view path, std::vector<FieldViolation>& violations);
double ReadAmount(double amount, std::string_view path, std::vector<FieldViolation>& violations);  // finite, >= 0
void CheckFingerprint(std::string_view fingerprint, std::string_view path, std::vector<FieldViolation>& violations);
std::map<std::string, std::string> ReadFacts(const google::protobuf::Map<std::string, std::string>& facts,
                                             std::string_view path, std::vector<FieldViolation>& violations);
// The facts that must be equal for results of two attempts to be of one run.
std::map<std::string, std::string> ReadComputation(const v1::StartRequest& request,
                                                   std::vector<FieldViolation>& violations);
// A stored spec; fields that came after it was stored have their defaults.
v1::JobSpec ReadStoredSpec(const store::Job& job);
store::JobFilter ReadFilter(const v1::ListJobsRequest& request, std::vector<FieldViolation>& violations);
// Of a call that changes jobs: one that names nothing is a violation. Paths begin with "filter".
store::JobFilter ReadFilter(const v1::JobFilter& wire, std::vector<FieldViolation>& violations);
store::CurveRange ReadRange(const v1::ReadCurveRequest& request, std::vector<FieldViolation>& violations);
// Checks that the columns of a series have equal lengths, steps rise, and the name is one.
store::PointColumns ReadColumn(const v1::AppendPointsRequest::Columns& wire, const std::string& path,
                               std::vector<FieldViolation>& violations);
// Checks that columns have equal lengths, steps rise, and names and sizes are within bounds.
std::vector<store::PointColumns> ReadColumns(const v1::AppendPointsRequest& request,
                                             std::vector<FieldViolation>& violations);
store::Progress ReadProgress(const v1::HeartbeatRequest& request, std::vector<FieldViolation>& violations);
store::FinishInfo ReadFinish(const v1::FinishRequest& request, std::vector<FieldViolation>& violations);

void CheckPriority(int priority, const std::string& path, std::vector<FieldViolation>& violations);

inline constexpr int kMaxLabels = 64;
// Whether this can be one of a job's labels: a key [A-Za-z0-9][A-Za-z0-9._-]{0,127} and a value of up to 256 bytes without control
// characters.
bool CanBeLabel(std::string_view key, std::string_view value);
// At most so many labels; keys [A-Za-z0-9][A-Za-z0-9._-]{0,127}, values up to 256 bytes without control characters.
void CheckLabels(const google::protobuf::Map<std::string, std::string>& labels, const std::string& path,
                 std::vector<FieldViolation>& violations);

}  // namespace normlab::server
