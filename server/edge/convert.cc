#include "server/edge/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parse_number.h"
#include "base/sha256.h"
#include "base/text.h"
#include "proto/names.h"
#include "proto/spec_text.h"
#include "results/store/external_runs.h"
#include "server/edge/errors.h"

namespace normlab::server {
namespace {

constexpr std::size_t kMaxPoints = 100'000;  // of one AppendPoints call
constexpr int kMaxNamed = 1000;              // jobs of a filter
constexpr int kMaxPriority = 1000;
constexpr std::size_t kMaxLabelValue = 256;
constexpr std::size_t kMaxSeriesName = 250;

template <typename Map>
void Copy(const std::map<std::string, std::string>& from, Map& to) {
  to.insert(from.begin(), from.end());
}

// The states, experiment and labels of a filter, whose fields' paths begin with `prefix`.
template <typename Filter>
store::JobFilter ReadCommon(const Filter& wire, const std::string& prefix, std::vector<FieldViolation>& violations) {
  store::JobFilter filter;
  for (int i = 0; i < wire.states_size(); ++i) {
    const int state = wire.states(i);
    if (state == v1::JOB_STATE_UNSPECIFIED || !v1::JobState_IsValid(state)) {
      violations.push_back({fmt::format("{}states[{}]", prefix, i), fmt::format("is {}; expected a JobState", state)});
    }
    filter.states.push_back(static_cast<store::JobState>(state));
  }
  filter.experiment = wire.experiment();
  std::vector<std::string> names;
  for (const ExperimentInfo& info : Experiments()) {
    names.push_back(info.name);
  }
  if (!filter.experiment.empty() && std::find(names.begin(), names.end(), filter.experiment) == names.end()) {
    violations.push_back({prefix + "experiment",
                          fmt::format("is {}; expected one of {}", Shown(filter.experiment), fmt::join(names, ", "))});
  }
  CheckLabels(wire.labels(), prefix + "labels", violations);
  filter.labels.insert(wire.labels().begin(), wire.labels().end());
  return filter;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

void SetTime(std::int64_t unix_ms, google::protobuf::Timestamp& time) {
  time.set_seconds(unix_ms / 1000);
  time.set_nanos(static_cast<int>(unix_ms % 1000 * 1'000'000));
}

std::uint64_t ReadCount(std::uint64_t count, std::string_view path, std::vector<FieldViolation>& violations) {
  if (count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    violations.push_back({std::string(path), fmt::format("is {}; expected at most 2^63 - 1", count)});
  }
  return count;
}

double ReadAmount(double amount, std::string_view path, std::vector<FieldViolation>& violations) {
  if (!std::isfinite(amount) || amount < 0) {
    violations.push_back({std::string(path), fmt::format("is {}; expected a finite number >= 0", amount)});
  }
  return amount;
}

store::JobId ReadJobId(std::string_view name, std::string_view path, std::vector<FieldViolation>& violations) {
  if (name.size() >= 2 && name[0] == 'j' && name[1] >= '1' && name[1] <= '9') {
    if (const auto id = ParseWhole<store::JobId>(name.substr(1))) {
      return *id;
    }
  }
  violations.push_back({std::string(path), fmt::format("is {}; expected a job such as j17", Shown(name))});
  return 0;
}

absl::StatusOr<store::JobId> ReadJobId(std::string_view name) {
  std::vector<FieldViolation> violations;
  const store::JobId id = ReadJobId(name, "job_id", violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  return id;
}

namespace {

// As lists show texts of other programs, which may be long.
void CopyShort(const std::map<std::string, std::string>& texts, google::protobuf::Map<std::string, std::string>& wire) {
  for (const auto& [key, value] : texts) {
    wire[key] = OneLine(value, kMaxLabelValue);
  }
}

void ToWire(const store::Job& job, v1::ExternalRun& wire) {
  const std::map<std::string, std::string>& tags = job.external->tags;
  if (const auto name = tags.find(store::kRunNameTag); name != tags.end()) {
    wire.set_name(name->second);
  }
  wire.set_experiment(job.experiment);
  CopyShort(job.external->params, *wire.mutable_params());
  CopyShort(tags, *wire.mutable_tags());
  wire.set_removed(job.external->removed);
}

}  // namespace

void ToWire(const store::Job& job, v1::Job& wire) {
  wire.set_job_id(JobName(job.id));
  if (!job.external) {
    wire.mutable_spec()->ParseFromString(job.spec);
    AdoptOlderFields(*wire.mutable_spec());
  }
  wire.set_state(static_cast<v1::JobState>(job.state));
  wire.set_identity(job.identity);
  wire.set_priority(job.priority);
  wire.set_attempt(job.attempt);
  SetTime(job.created_ms, *wire.mutable_created());
  if (job.started_ms != 0) {
    SetTime(job.started_ms, *wire.mutable_started());
  }
  if (job.finished_ms != 0) {
    SetTime(job.finished_ms, *wire.mutable_finished());
  }
  wire.set_steps_done(job.steps_done);
  wire.set_steps_total(job.steps_total);
  wire.set_steps_per_second(job.steps_per_second);
  wire.set_error(job.error);
  wire.set_fingerprint(job.fingerprint);
  wire.set_worker(job.worker);
  Copy(job.labels, *wire.mutable_labels());
  wire.set_revision(job.revision);
  wire.set_cpu_seconds(job.cpu_seconds);
  Copy(job.facts, *wire.mutable_facts());
  if (job.resumed_from != 0) {
    wire.set_resumed_from(JobName(job.resumed_from));
  }
  if (job.external) {
    ToWire(job, *wire.mutable_external());
  }
}

void ToSlimWire(const store::BulkOutcome& outcome, v1::Job& wire) {
  const store::Job& job = outcome.job;
  wire.set_job_id(JobName(job.id));
  if (outcome.shown) {
    wire.set_state(static_cast<v1::JobState>(job.state));
    wire.set_priority(job.priority);
    Copy(job.labels, *wire.mutable_labels());
    if (job.resumed_from != 0) {
      wire.set_resumed_from(JobName(job.resumed_from));
    }
  }
}

void ToWire(const store::AttemptInfo& attempt, v1::ListAttemptsResponse::JobAttempt& wire) {
  wire.set_number(attempt.number);
  wire.set_worker(attempt.worker);
  SetTime(attempt.started_ms, *wire.mutable_started());
  if (attempt.ended_ms != 0) {
    SetTime(attempt.ended_ms, *wire.mutable_ended());
  }
  wire.set_ending(attempt.ending);
  wire.set_died(attempt.died);
  if (attempt.first_step) {
    wire.set_first_step(*attempt.first_step);
  }
  if (attempt.steps_done) {
    wire.set_steps_done(*attempt.steps_done);
  }
}

void ToWire(const Attempts::WorkerView& view, std::chrono::milliseconds now, v1::ListWorkersResponse::Worker& wire) {
  wire.set_worker(view.worker.name);
  wire.set_kept(!view.worker.id.empty());
  if (view.attempt) {
    wire.set_job_id(JobName(view.attempt->job));
    wire.set_attempt(view.attempt->number);
  }
  if (view.unheard.count() >= 0) {
    SetTime((now - view.for_how_long).count(), *wire.mutable_since());
    SetTime((now - view.unheard).count(), *wire.mutable_last_heard());
  }
  wire.set_waits_for(view.waits_for);
}

void ToWire(const store::SeriesInfo& series, v1::Series& wire) {
  wire.set_name(series.name);
  wire.set_points(series.points);
  wire.set_first_step(series.first_step);
  wire.set_last_step(series.last_step);
  wire.set_min(series.min);
  wire.set_max(series.max);
  wire.set_last(series.last);
  wire.set_not_finite(series.not_finite);
}

void ToWire(const store::ArtifactInfo& artifact, v1::Artifact& wire) {
  wire.set_name(artifact.name);
  wire.set_media_type(artifact.media_type);
  wire.set_step(artifact.step);
  wire.set_size(artifact.size);
  wire.set_crc32c(artifact.crc32c);
}

void ToWire(const store::PointBatch::Columns& columns, v1::WatchCurvesResponse::Columns& wire) {
  wire.set_job_id(JobName(columns.job));
  wire.set_series(columns.series);
  wire.mutable_steps()->Add(columns.steps.begin(), columns.steps.end());
  wire.mutable_values()->Add(columns.values.begin(), columns.values.end());
}

std::map<std::string, std::string> ReadComputation(const v1::StartRequest& request,
                                                   std::vector<FieldViolation>& violations) {
  if (request.arithmetic().empty()) {
    violations.push_back({"arithmetic", "is empty; expected the worker's instruction set and C library"});
  }
  for (const auto& [field, revision] : {std::pair("numerics_revision", request.numerics_revision()),
                                        std::pair("model_revision", request.model_revision())}) {
    if (revision < 1) {
      violations.push_back({field, fmt::format("is {}; expected a revision, >= 1", revision)});
    }
  }
  return {{"arithmetic", OneLine(request.arithmetic(), kMaxText)},
          {"numerics_revision", std::to_string(request.numerics_revision())},
          {"model_revision", std::to_string(request.model_revision())}};
}

v1::JobSpec ReadStoredSpec(const store::Job& job) {
  v1::JobSpec spec;
  spec.ParseFromString(job.spec);
  std::vector<FieldViolation> ignored;  // it was valid when it was stored, and the worker checks what it must
  return ResolveSpec(spec, ignored);
}

store::JobFilter ReadFilter(const v1::ListJobsRequest& request, std::vector<FieldViolation>& violations) {
  return ReadCommon(request, "", violations);
}

store::JobFilter ReadFilter(const v1::JobFilter& wire, std::vector<FieldViolation>& violations) {
  store::JobFilter filter = ReadCommon(wire, "filter.", violations);
  if (wire.job_ids_size() > kMaxNamed) {
    violations.push_back(
        {"filter.job_ids", fmt::format("names {} jobs; expected at most {}", wire.job_ids_size(), kMaxNamed)});
  }
  for (int i = 0; i < std::min(wire.job_ids_size(), kMaxNamed); ++i) {
    filter.ids.push_back(ReadJobId(wire.job_ids(i), fmt::format("filter.job_ids[{}]", i), violations));
  }
  if (wire.job_ids().empty() && wire.states().empty() && wire.experiment().empty() && wire.labels().empty()) {
    violations.push_back({"filter", "names nothing; expected job_ids, states, an experiment or labels"});
  }
  return filter;
}

void CheckPriority(int priority, const std::string& path, std::vector<FieldViolation>& violations) {
  if (priority < -kMaxPriority || priority > kMaxPriority) {
    violations.push_back(
        {path, fmt::format("is {}; expected an integer >= -{} and <= {}", priority, kMaxPriority, kMaxPriority)});
  }
}

store::CurveRange ReadRange(const v1::ReadCurveRequest& request, std::vector<FieldViolation>& violations) {
  store::CurveRange range;
  range.from_step = ReadCount(request.from_step(), "from_step", violations);
  if (request.has_to_step()) {
    range.to_step = ReadCount(request.to_step(), "to_step", violations);
    if (request.to_step() < request.from_step()) {
      violations.push_back(
          {"to_step", fmt::format("is {}; expected at least from_step ({})", request.to_step(), request.from_step())});
    }
  }
  range.max_points = request.max_points();
  range.skip_damaged = request.skip_damaged();
  if (!v1::Downsampling_IsValid(request.downsampling())) {
    violations.push_back(
        {"downsampling", fmt::format("is {}; expected MIN_MAX or LTTB", static_cast<int>(request.downsampling()))});
  }
  range.downsampling =
      request.downsampling() == v1::DOWNSAMPLING_LTTB ? store::Downsampling::kLttb : store::Downsampling::kMinMax;
  const std::string& series = request.series();  // those of external runs have spaces, and more
  if (series.empty() || series.size() > kMaxSeriesName || std::any_of(series.begin(), series.end(), IsControl)) {
    violations.push_back({"series", fmt::format("is {}; expected a name such as train/nll", Shown(series))});
  }
  return range;
}

store::PointColumns ReadColumn(const v1::AppendPointsRequest::Columns& wire, const std::string& path,
                               std::vector<FieldViolation>& violations) {
  if (!IsName(wire.series(), true)) {
    violations.push_back(
        {path + ".series", fmt::format("is {}; expected a name such as train/nll", Shown(wire.series()))});
  }
  if (wire.values_size() != wire.steps_size() || wire.wall_ms_size() != wire.steps_size()) {
    violations.push_back({path, fmt::format("has {} steps, {} values and {} times; expected as many of each",
                                            wire.steps_size(), wire.values_size(), wire.wall_ms_size())});
  }
  const auto& steps = wire.steps();
  const auto falls = std::adjacent_find(steps.begin(), steps.end(), [](auto a, auto b) { return b <= a; });
  if (falls != steps.end()) {
    violations.push_back(
        {path + ".steps", fmt::format("has {} after {}; expected rising steps", *(falls + 1), *falls)});
  }
  if (!steps.empty()) {
    ReadCount(*std::max_element(steps.begin(), steps.end()), path + ".steps", violations);
  }
  return {.series = wire.series(),
          .steps = {steps.begin(), steps.end()},
          .values = {wire.values().begin(), wire.values().end()},
          .wall_ms = {wire.wall_ms().begin(), wire.wall_ms().end()}};
}

std::vector<store::PointColumns> ReadColumns(const v1::AppendPointsRequest& request,
                                             std::vector<FieldViolation>& violations) {
  std::vector<store::PointColumns> columns;
  std::size_t points = 0;
  for (int i = 0; i < request.columns_size(); ++i) {
    points += static_cast<std::size_t>(request.columns(i).steps_size());
    columns.push_back(ReadColumn(request.columns(i), fmt::format("columns[{}]", i), violations));
  }
  if (points > kMaxPoints) {
    violations.push_back(
        {"columns", fmt::format("hold {} points; expected at most {} in one call", points, kMaxPoints)});
  }
  return columns;
}

store::Progress ReadProgress(const v1::HeartbeatRequest& request, std::vector<FieldViolation>& violations) {
  return {.steps_done = ReadCount(request.steps_done(), "steps_done", violations),
          .steps_total = ReadCount(request.steps_total(), "steps_total", violations),
          .steps_per_second = ReadAmount(request.steps_per_second(), "steps_per_second", violations),
          .cpu_seconds = ReadAmount(request.cpu_seconds(), "cpu_seconds", violations)};
}

void CheckFingerprint(std::string_view fingerprint, std::string_view path, std::vector<FieldViolation>& violations) {
  if (!IsSha256Hex(fingerprint)) {
    violations.push_back({std::string(path), "is not a SHA-256; expected 64 hexadecimal digits in lower case"});
  }
}

std::map<std::string, std::string> ReadFacts(const google::protobuf::Map<std::string, std::string>& facts,
                                             std::string_view path, std::vector<FieldViolation>& violations) {
  if (facts.size() > kMaxLabels) {
    violations.push_back(
        {std::string(path), fmt::format("hold {} entries; expected at most {}", facts.size(), kMaxLabels)});
  }
  std::map<std::string, std::string> read;
  for (const auto& [key, value] : facts) {
    read[OneLine(key, kMaxText)] = OneLine(value, kMaxText);
  }
  return read;
}

store::FinishInfo ReadFinish(const v1::FinishRequest& request, std::vector<FieldViolation>& violations) {
  store::FinishInfo info;
  switch (request.outcome()) {
    case v1::OUTCOME_SUCCEEDED:
      info.state = store::JobState::kSucceeded;
      break;
    case v1::OUTCOME_FAILED:
      info.state = store::JobState::kFailed;
      break;
    case v1::OUTCOME_CANCELLED:
      info.state = store::JobState::kCancelled;
      break;
    case v1::OUTCOME_DIVERGED:
      info.state = store::JobState::kDiverged;
      break;
    default:
      violations.push_back({"outcome", fmt::format("is {}; expected an Outcome", static_cast<int>(request.outcome()))});
  }
  info.error = OneLine(request.error(), kMaxText);
  if (info.state == store::JobState::kFailed && info.error.empty()) {
    violations.push_back({"error", "is empty; expected why the job failed, in one line"});
  }
  info.fingerprint = request.fingerprint();
  if (info.state == store::JobState::kSucceeded) {
    CheckFingerprint(info.fingerprint, "fingerprint", violations);
  }
  info.steps_done = ReadCount(request.steps_done(), "steps_done", violations);
  info.cpu_seconds = ReadAmount(request.cpu_seconds(), "cpu_seconds", violations);
  info.facts = ReadFacts(request.facts(), "facts", violations);
  return info;
}

bool CanBeLabel(std::string_view key, std::string_view value) {
  return IsName(key, false) && value.size() <= kMaxLabelValue && std::none_of(value.begin(), value.end(), IsControl);
}

void CheckLabels(const google::protobuf::Map<std::string, std::string>& labels, const std::string& path,
                 std::vector<FieldViolation>& violations) {
  if (static_cast<int>(labels.size()) > kMaxLabels) {
    violations.push_back({path, fmt::format("hold {} entries; expected at most {}", labels.size(), kMaxLabels)});
    return;
  }
  for (const auto& [key, value] : labels) {
    const std::string shown = Shown(key);
    if (!IsName(key, false)) {
      violations.push_back({fmt::format("{}[{}]", path, shown),
                            "is not a label's name; expected letters, digits, '.', '_' and '-', at most 128"});
    }
    if (value.size() > kMaxLabelValue || std::any_of(value.begin(), value.end(), IsControl)) {
      violations.push_back(
          {fmt::format("{}[{}]", path, shown),
           fmt::format("is {}; expected at most {} bytes without control characters", Shown(value), kMaxLabelValue)});
    }
  }
}

}  // namespace normlab::server
