#include "server/mlflow/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proto/spec_text.h"
#include "results/store/external_runs.h"
#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/mlflow/notes.h"
#include "server/mlflow/pairs.h"

namespace normlab::server {
namespace {

mlflow::RunStatus StatusOf(const store::Job& job) {
  switch (job.state) {
    case store::JobState::kQueued:
      return mlflow::SCHEDULED;
    case store::JobState::kRunning:
    case store::JobState::kCancelling:
      return mlflow::RUNNING;
    case store::JobState::kSucceeded:
      return mlflow::FINISHED;
    case store::JobState::kCancelled:
      return mlflow::KILLED;
    default:
      return mlflow::FAILED;
  }
}

RunView OfOurs(store::Job job) {
  const v1::JobSpec spec = ReadStoredSpec(job);
  RunView run;
  for (const auto& [name, value] : ConfigFields(spec)) {
    run.params[name] = value;
  }
  run.params["seed"] = std::to_string(spec.seed());
  run.tags = job.labels;
  const std::string summary = SummarizeSpec(spec);
  run.tags[store::kRunNameTag] = summary.empty() ? "defaults" : summary;
  run.tags[store::kUserTag] = "normlab";
  run.tags["mlflow.source.name"] = "normlab";
  run.tags["mlflow.source.type"] = "JOB";
  run.tags["normlab.state"] = store::StateName(job.state);
  run.tags["normlab.identity"] = job.identity;
  for (const auto& [key, value] : {std::pair("normlab.fingerprint", job.fingerprint), {"normlab.error", job.error}}) {
    if (!value.empty()) {
      run.tags[key] = value;
    }
  }
  run.job = std::move(job);
  return run;
}

std::string Text(const std::map<std::string, std::string>& texts, const std::string& key) {
  const auto found = texts.find(key);
  return found == texts.end() ? "" : found->second;
}

Value TextOrNothing(const std::map<std::string, std::string>& texts, const std::string& key) {
  const auto found = texts.find(key);
  return found == texts.end() ? Value() : Value(found->second);
}

Value FindAttribute(const RunView& run, const std::string& name) {
  if (name == "start_time") {
    return static_cast<double>(run.job.started_ms != 0 ? run.job.started_ms : run.job.created_ms);
  }
  if (name == "end_time") {
    return run.job.finished_ms == 0 ? Value() : Value(static_cast<double>(run.job.finished_ms));
  }
  if (name == "run_id") {
    return JobName(run.job.id);
  }
  if (name == "status") {
    return mlflow::RunStatus_Name(StatusOf(run.job));
  }
  if (name == "artifact_uri") {
    return ArtifactUri(run.job.id);
  }
  return TextOrNothing(run.tags, name == "run_name" ? store::kRunNameTag : store::kUserTag);
}

// When the last point of a series was measured, also of one that was stored before its row said so.
absl::StatusOr<std::int64_t> LastTime(Core& core, store::JobId job, const store::SeriesInfo& series) {
  if (series.last_ms != 0) {
    return series.last_ms;
  }
  store::CurveRange range;
  range.from_step = series.last_step;
  NORMLAB_ASSIGN_OR_RETURN(const store::Curve curve, core.store.ReadCurve(job, series.name, range));
  return curve.wall_ms.empty() ? 0 : curve.wall_ms.back();
}

}  // namespace

RunView MakeRunView(store::Job job) {
  if (!job.external) {
    return OfOurs(std::move(job));
  }
  RunView run;
  run.params = job.external->params;
  run.tags = job.labels;
  run.tags.insert(job.external->tags.begin(), job.external->tags.end());
  run.job = std::move(job);
  return run;
}

absl::StatusOr<store::JobId> ReadRunId(std::string_view run_id, std::string_view run_uuid) {
  const std::string_view name = run_id.empty() ? run_uuid : run_id;
  if (name.empty()) {
    return BadField("run_id", "is empty; expected a run such as j17");
  }
  std::vector<FieldViolation> violations;
  const store::JobId id = ReadJobId(name, "run_id", violations);
  return violations.empty() ? absl::StatusOr<store::JobId>(id)
                            : absl::NotFoundError(
                                  fmt::format("run_id is {}; expected a run of this server, such as j17", Shown(name)));
}

absl::StatusOr<RunView> LoadRun(Core& core, std::string_view run_id, std::string_view run_uuid) {
  NORMLAB_ASSIGN_OR_RETURN(const store::JobId id, ReadRunId(run_id, run_uuid));
  NORMLAB_ASSIGN_OR_RETURN(store::Job job, core.store.GetJob(id));
  return MakeRunView(std::move(job));
}

std::string ExperimentIdOf(const store::Job& job) {
  return job.external ? std::to_string(job.external->experiment) : job.experiment;
}

std::string ArtifactUri(store::JobId job) { return fmt::format("mlflow-artifacts:/{}", JobName(job)); }

Value Find(const RunView& run, const Subject& subject) {
  switch (subject.of) {
    case Subject::Of::kParam:
      return TextOrNothing(run.params, subject.key);
    case Subject::Of::kTag:
      return TextOrNothing(run.tags, subject.key);
    case Subject::Of::kAttribute:
      return FindAttribute(run, subject.key);
    case Subject::Of::kMetric:
      break;
  }
  const auto found = std::find_if(run.series.begin(), run.series.end(),
                                  [&subject](const store::SeriesInfo& series) { return series.name == subject.key; });
  return found == run.series.end() ? Value() : Value(found->last);
}

void ToWire(const RunView& run, mlflow::RunInfo& wire) {
  const store::Job& job = run.job;
  wire.set_run_id(JobName(job.id));
  wire.set_run_uuid(wire.run_id());
  wire.set_run_name(Text(run.tags, store::kRunNameTag));
  wire.set_experiment_id(ExperimentIdOf(job));
  wire.set_user_id(Text(run.tags, store::kUserTag));
  wire.set_status(StatusOf(job));
  wire.set_start_time(job.started_ms != 0 ? job.started_ms : job.created_ms);
  if (job.finished_ms != 0) {
    wire.set_end_time(job.finished_ms);
  }
  wire.set_artifact_uri(ArtifactUri(job.id));
  wire.set_lifecycle_stage(job.external && job.external->removed ? "deleted" : "active");
}

absl::Status ToWire(Core& core, RunView run, mlflow::Run& wire) {
  ToWire(run, *wire.mutable_info());
  AddPairs(run.params, *wire.mutable_data()->mutable_params());
  AddPairs(run.tags, *wire.mutable_data()->mutable_tags());
  if (run.series.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(run.series, core.store.ListSeries(run.job.id));
  }
  for (const store::SeriesInfo& series : run.series) {
    mlflow::Metric& metric = *wire.mutable_data()->add_metrics();
    metric.set_key(series.name);
    metric.set_value(series.last);
    metric.set_step(static_cast<std::int64_t>(series.last_step));
    NORMLAB_ASSIGN_OR_RETURN(const std::int64_t time, LastTime(core, run.job.id, series));
    metric.set_timestamp(time);
  }
  return run.job.external ? AddNotes(core, run.job.id, wire) : absl::OkStatus();
}

}  // namespace normlab::server
