#include "workers/attempt.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <utility>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/text.h"
#include "proto/spec.h"

namespace normlab::workers {
namespace {

std::chrono::milliseconds ToMilliseconds(const google::protobuf::Duration& duration) {
  return std::chrono::milliseconds(google::protobuf::util::TimeUtil::DurationToMilliseconds(duration));
}

v1::Outcome ToOutcome(RunEnd end) {
  switch (end) {
    case RunEnd::kSucceeded:
      return v1::OUTCOME_SUCCEEDED;
    case RunEnd::kDiverged:
      return v1::OUTCOME_DIVERGED;
    case RunEnd::kCancelled:
      return v1::OUTCOME_CANCELLED;
    default:
      return v1::OUTCOME_FAILED;
  }
}

OutboxOptions WithMoved(OutboxOptions options, Watchdog& watchdog) {
  options.moved = [&watchdog] { watchdog.Moved(); };
  return options;
}

constexpr std::size_t kLongestError = 2000;

}  // namespace

Attempt::Attempt(ServiceClient& client, const SessionOptions& options, const v1::LeaseResponse::Lease& job,
                 std::stop_token stop)
    : client_(client),
      options_(options),
      job_(job),
      stop_(std::move(stop)),
      watchdog_(options.stall, options.on_stall),
      lease_(client, job.attempt(), ToMilliseconds(job.lease()), options.now),
      outbox_(client, job.attempt(), lease_.lost(), WithMoved(options.outbox, watchdog_)),
      facts_(options.facts) {}

RunEnd Attempt::Perform() {
  const auto data = options_.imported_data(job_.spec(), options_.data_directories);
  if (!data.ok()) {
    return Finish({.end = RunEnd::kFailed, .error = Message(data.status()), .fingerprint = "", .steps_done = 0});
  }
  data_sha256_ = *data;
  const auto restarted = Start();
  if (!restarted.ok()) {
    return Dropped(restarted.status());
  }
  auto checkpoint = *restarted ? absl::StatusOr<std::shared_ptr<const ReadableFile>>(nullptr) : FetchCheckpoint();
  if (!checkpoint.ok()) {
    return Dropped(checkpoint.status());
  }
  RunResult result = RunExperiment([this] { return Prepare(); }, std::move(*checkpoint), *this, options_.runner);
  const absl::Status sent = outbox_.Drain();
  if (!sent.ok() && !IsStale(sent) && !IsTransient(sent)) {
    result.end = RunEnd::kFailed;
    result.error = fmt::format("the server refused what was measured: {}", Message(sent));
    return Finish(result);
  }
  if (!sent.ok() || result.end == RunEnd::kDropped) {
    return Dropped(sent);
  }
  if (result.end == RunEnd::kYielded) {
    Log(LogLevel::kInfo, "job_left", {{"job", job_.attempt().job_id()}, {"steps_done", result.steps_done}});
    return RunEnd::kYielded;
  }
  return Finish(result);
}

Order Attempt::NextOrder() {
  if (outbox_.failed()) {
    return Order::kDrop;
  }
  const Order order = lease_.CurrentOrder();
  return order == Order::kGoOn && stop_.stop_requested() ? Order::kYield : order;
}

void Attempt::Point(std::string_view series, std::uint64_t step, double value) {
  watchdog_.Moved();
  outbox_.Point(series, step, value, UnixMs());
}

absl::StatusOr<std::shared_ptr<const SpoolFile>> Attempt::Spooled(const FileWriter& write) const {
  NORMLAB_ASSIGN_OR_RETURN(const std::shared_ptr<SpoolFile> file, SpoolFile::Create(options_.spool_directory));
  NORMLAB_RETURN_IF_ERROR(write([&file](std::string_view bytes) { return file->Append(bytes); }));
  return file;
}

absl::Status Attempt::Artifact(std::string_view name, std::string_view media_type, std::uint64_t step,
                               const FileWriter& write) {
  NORMLAB_ASSIGN_OR_RETURN(auto file, Spooled(write));
  outbox_.Artifact(name, media_type, step, std::move(file));
  return absl::OkStatus();
}

absl::Status Attempt::Checkpoint(std::uint64_t steps_done, const FileWriter& write) {
  NORMLAB_ASSIGN_OR_RETURN(auto file, Spooled(write));
  outbox_.Checkpoint(steps_done, std::move(file));
  return absl::OkStatus();
}

absl::StatusOr<bool> Attempt::Start() {
  const Revisions revisions = RevisionsOf(job_.spec());
  v1::StartRequest request;
  *request.mutable_attempt() = job_.attempt();
  request.set_arithmetic(options_.arithmetic);
  request.set_numerics_revision(revisions.numerics);
  request.set_model_revision(revisions.model);
  request.set_data_sha256(data_sha256_);
  v1::StartResponse response;
  NORMLAB_RETURN_IF_ERROR(Retry("start", options_.backoff, lease_.lost(), [&] {
    auto answer = client_.Start(request, lease_.lost());
    if (answer.ok()) {
      response = std::move(*answer);
    }
    return answer.status();
  }));
  if (response.restarted()) {
    Log(LogLevel::kWarning, "job_restarted",
        {{"job", job_.attempt().job_id()},
         {"why", "what was stored was computed by another revision or instruction set, or from other data"},
         {"next", "starts afresh"}});
  }
  return response.restarted();
}

absl::StatusOr<std::shared_ptr<const ReadableFile>> Attempt::FetchCheckpoint() {
  if (!job_.has_checkpoint_step()) {
    return nullptr;
  }
  std::shared_ptr<SpoolFile> file;
  const absl::Status status = Retry("get_checkpoint", options_.backoff, lease_.lost(), [&]() -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(file, SpoolFile::Create(options_.spool_directory));
    return client_.GetCheckpoint(
        job_.attempt(), *file, [this] { watchdog_.Moved(); }, lease_.lost());
  });
  if (status.code() == absl::StatusCode::kDataLoss || status.code() == absl::StatusCode::kNotFound) {
    Log(LogLevel::kWarning, "checkpoint_not_readable",
        {{"job", job_.attempt().job_id()}, {"why", Message(status)}, {"next", "starts afresh"}});
    return nullptr;
  }
  NORMLAB_RETURN_IF_ERROR(status);
  return file;
}

absl::StatusOr<PreparedRun> Attempt::Prepare() {
  const v1::JobSpec& spec = job_.spec();
  std::map<std::string, std::string> data_facts;
  PreparedRun run;
  NORMLAB_ASSIGN_OR_RETURN(run.experiment, options_.make_experiment(spec, {options_.data_directories, &data_facts}));
  const auto data = data_facts.find("data." + DatasetName(spec));
  if (!data_sha256_.empty() && (data == data_facts.end() || data->second != data_sha256_)) {
    return absl::FailedPreconditionError(fmt::format(
        "data set {} was replaced while the job started; resume it, and it takes what is here now", DatasetName(spec)));
  }
  run.label = {.experiment = ExperimentName(spec),
               .identity = Identity(spec, data != data_facts.end() ? data->second : ""),
               .seed = spec.seed(),
               .computed_by = {RevisionsOf(spec), options_.arithmetic}};
  facts_.merge(data_facts);
  return run;
}

RunEnd Attempt::Finish(const RunResult& result) {
  v1::FinishRequest request;
  *request.mutable_attempt() = job_.attempt();
  request.set_outcome(ToOutcome(result.end));
  request.set_error(OneLine(result.error, kLongestError));
  request.set_fingerprint(result.fingerprint);
  request.set_steps_done(result.steps_done);
  request.set_cpu_seconds(lease_.CpuSeconds());
  for (const auto& [key, value] : facts_) {
    (*request.mutable_facts())[key] = OneLine(value, kLongestError);
  }
  lease_.Finishing();
  Pass(Failpoint::kFinishSends);
  const absl::Status status =
      Retry("finish", options_.backoff, lease_.lost(), [&] { return client_.Finish(request, lease_.lost()); });
  Pass(Failpoint::kFinishSent);
  if (!status.ok()) {
    return Dropped(status);
  }
  Log(LogLevel::kInfo, "job_finished",
      {{"job", job_.attempt().job_id()}, {"outcome", v1::Outcome_Name(request.outcome())}, {"error", result.error}});
  return result.end;
}

RunEnd Attempt::Dropped(const absl::Status& why) {
  Log(LogLevel::kWarning, "attempt_lost",
      {{"job", job_.attempt().job_id()},
       {"attempt", job_.attempt().number()},
       {"stale", lease_.stale() || IsStale(why)},
       {"why", Message(why)}});
  return RunEnd::kDropped;
}

}  // namespace normlab::workers
