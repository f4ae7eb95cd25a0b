#include "workers/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>

#include "proto/spec.h"
#include "proto/spec_text.h"
#include "workers/safetensors.h"
#include "workers/spool.h"

namespace normlab::workers {
namespace {

std::string Shown(double value) { return fmt::format("{} ({:016x})", value, std::bit_cast<std::uint64_t>(value)); }

// Takes what the run produces and holds it against what is stored.
class Comparison : public RunHost {
 public:
  Comparison(const StoredResult& stored, const VerifyOptions& options) : stored_(stored), options_(options) {
    for (const auto& column : stored.curve) {
      columns_[column.series()].column = &column;
    }
  }

  // Goes on behind the points that a checkpoint was taken after, which must be those it has the hash of.
  void StartBehind(const CurveChains& checkpointed) {
    for (const auto& [series, chain] : checkpointed.series()) {
      CurveChains before;
      if (const auto found = columns_.find(series); found != columns_.end()) {
        auto& [column, next] = found->second;
        for (; next < column->steps_size() && column->steps(next) <= chain.last_step; ++next) {
          before.Add(series, column->steps(next), column->values(next));
        }
      }
      const auto stored = before.series().find(series);
      if (stored == before.series().end() || stored->second != chain) {
        return Differs(fmt::format(
            "{}: the {} stored points up to step {} are not the {} that the checkpoint was taken after", series,
            stored == before.series().end() ? 0 : stored->second.points, chain.last_step, chain.points));
      }
      report_.points += chain.points;
    }
  }

  Order NextOrder() override { return report_.difference.empty() ? Order::kGoOn : Order::kDrop; }
  void Progress(std::uint64_t done, std::uint64_t total) override { options_.progress(done, total); }
  bool CanTakeCheckpoint() override { return false; }
  absl::Status Checkpoint(std::uint64_t, const FileWriter&) override { return absl::OkStatus(); }

  void Point(std::string_view series, std::uint64_t step, double value) override {
    const auto found = columns_.find(series);
    if (found == columns_.end() || found->second.next == found->second.column->steps_size()) {
      return Differs(fmt::format("{} at step {}: nothing is stored, the run gave {}", series, step, Shown(value)));
    }
    const auto& [column, next] = found->second;
    const std::uint64_t stored_step = column->steps(next);
    const double stored = column->values(next);
    if (stored_step != step) {
      return Differs(
          fmt::format("{}: the next stored point is of step {}, the run's of step {}", series, stored_step, step));
    }
    if (std::bit_cast<std::uint64_t>(stored) != std::bit_cast<std::uint64_t>(value)) {
      return Differs(
          fmt::format("{} at step {}: stored is {}, the run gave {}", series, step, Shown(stored), Shown(value)));
    }
    ++found->second.next;
    ++report_.points;
  }

  absl::Status Artifact(std::string_view name, std::string_view, std::uint64_t, const FileWriter& write) override {
    if (name != kWeightsArtifact || !stored_.weights) {
      return absl::OkStatus();
    }
    NORMLAB_ASSIGN_OR_RETURN(const std::shared_ptr<SpoolFile> run, SpoolFile::Create(options_.spool_directory));
    NORMLAB_RETURN_IF_ERROR(write([&run](std::string_view bytes) { return run->Append(bytes); }));
    return CompareWeights(*stored_.weights, *run);
  }

  // Call once the run has ended: what is stored and was not given.
  VerifyReport Finish() {
    for (const auto& [series, at] : columns_) {
      if (at.next < at.column->steps_size()) {
        Differs(fmt::format("{} at step {}: stored is {}, the run gave nothing", series, at.column->steps(at.next),
                            Shown(at.column->values(at.next))));
      }
    }
    return report_;
  }

  void Differs(std::string where) {
    if (report_.difference.empty()) {
      report_.difference = std::move(where);
    }
  }

 private:
  struct At {
    const v1::AppendPointsRequest::Columns* column = nullptr;
    int next = 0;
  };

  absl::Status CompareWeights(const ReadableFile& stored_file, const ReadableFile& run_file) {
    const auto stored = ReadSafetensors(stored_file);
    if (!stored.ok()) {
      Differs(fmt::format("the stored weights cannot be read: {}", Message(stored.status())));
      return absl::OkStatus();
    }
    NORMLAB_ASSIGN_OR_RETURN(const TensorIndex run, ReadSafetensors(run_file));
    if (stored->tensors.size() != run.tensors.size()) {
      Differs(
          fmt::format("{} tensors of weights are stored, the run gave {}", stored->tensors.size(), run.tensors.size()));
      return absl::OkStatus();
    }
    for (std::size_t i = 0; i < run.tensors.size(); ++i) {
      NORMLAB_RETURN_IF_ERROR(CompareTensor(stored_file, stored->tensors[i], run_file, run.tensors[i]));
    }
    return absl::OkStatus();
  }

  absl::Status CompareTensor(const ReadableFile& stored_file, const StoredTensor& stored, const ReadableFile& run_file,
                             const StoredTensor& run) {
    if (stored.name != run.name || stored.shape != run.shape) {
      Differs(fmt::format("weights: {} [{}] is stored, the run gave {} [{}]", stored.name,
                          fmt::join(stored.shape, " x "), run.name, fmt::join(run.shape, " x ")));
      return absl::OkStatus();
    }
    constexpr std::uint64_t kPiece = 64 << 10;
    std::vector<std::uint32_t> a(kPiece / sizeof(float)), b(a.size());
    for (std::uint64_t at = 0; at < run.size; at += kPiece) {
      const auto bytes = static_cast<std::size_t>(std::min(kPiece, run.size - at));
      NORMLAB_RETURN_IF_ERROR(stored_file.Read(stored.begin + at, {reinterpret_cast<char*>(a.data()), bytes}).status());
      NORMLAB_RETURN_IF_ERROR(run_file.Read(run.begin + at, {reinterpret_cast<char*>(b.data()), bytes}).status());
      for (std::size_t i = 0; i < bytes / sizeof(float); ++i) {
        if (a[i] != b[i]) {
          Differs(fmt::format("weights: {} at index {}: stored is {} ({:08x}), the run gave {} ({:08x})", run.name,
                              at / sizeof(float) + i, std::bit_cast<float>(a[i]), a[i], std::bit_cast<float>(b[i]),
                              b[i]));
          return absl::OkStatus();
        }
        ++report_.weights;
      }
    }
    return absl::OkStatus();
  }

  const StoredResult& stored_;
  const VerifyOptions& options_;
  std::map<std::string, At, std::less<>> columns_;
  VerifyReport report_;
};

std::string FactOf(const v1::Job& job, const char* key) {
  const auto fact = job.facts().find(key);
  return fact != job.facts().end() ? fact->second : "unknown";
}

// Bits are compared with those of the same code on the same instruction set: others differ and prove nothing.
absl::Status CheckComputedHere(const v1::Job& job, const VerifyOptions& options) {
  const Revisions here = RevisionsOf(job.spec());
  const std::pair<const char*, std::string> wanted[] = {{"arithmetic", options.arithmetic},
                                                        {"numerics_revision", std::to_string(here.numerics)},
                                                        {"model_revision", std::to_string(here.model)}};
  for (const auto& [key, value] : wanted) {
    if (const std::string then = FactOf(job, key); then != value) {
      return absl::FailedPreconditionError(
          fmt::format("{} was computed with {} {}, here it is {}: its bits are not to be expected from this program on "
                      "this machine. "
                      "Verify it where it ran, or compare a job of both with `normlab compare`",
                      job.job_id(), key, then, value));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<PreparedRun> Prepare(const v1::Job& job, const VerifyOptions& options) {
  std::map<std::string, std::string> facts;
  std::vector<FieldViolation> ignored;
  const v1::JobSpec spec = ResolveSpec(job.spec(), ignored);  // fields that came after it was stored
  PreparedRun run;
  NORMLAB_ASSIGN_OR_RETURN(run.experiment, options.make_experiment(spec, {options.data_directories, &facts}));
  const std::string key = "data." + DatasetName(spec);
  const auto data = facts.find(key);
  const std::string here = data != facts.end() ? data->second : "";
  const auto then = job.facts().find(key);
  if (then != job.facts().end() && then->second != here) {
    return absl::FailedPreconditionError(
        fmt::format("the job was fed {} with sha256 {}; here it is {}", DatasetName(spec), then->second, here));
  }
  run.label = {.experiment = ExperimentName(spec),
               .identity = Identity(spec, here),
               .seed = spec.seed(),
               .computed_by = {RevisionsOf(spec), options.arithmetic}};
  return run;
}

}  // namespace

absl::StatusOr<VerifyReport> VerifyJob(const StoredResult& stored, const VerifyOptions& options) {
  const bool diverged = stored.job.state() == v1::JOB_STATE_DIVERGED;
  if (!diverged && stored.job.state() != v1::JOB_STATE_SUCCEEDED) {
    return absl::FailedPreconditionError(
        fmt::format("{} has no result to verify; expected a job that succeeded or diverged", stored.job.job_id()));
  }
  NORMLAB_RETURN_IF_ERROR(CheckComputedHere(stored.job, options));
  Comparison comparison(stored, options);
  if (stored.checkpoint) {
    NORMLAB_ASSIGN_OR_RETURN(const CurveChains curve, CheckpointedCurve(*stored.checkpoint));
    comparison.StartBehind(curve);
  }
  absl::Status prepared;
  const RunResult result = RunExperiment(
      [&] {
        auto run = Prepare(stored.job, options);
        prepared = run.status();
        return run;
      },
      stored.checkpoint, comparison, {});
  NORMLAB_RETURN_IF_ERROR(prepared);
  if (result.end == RunEnd::kFailed) {
    return absl::InternalError(fmt::format("the run failed after {} steps: {}", result.steps_done, result.error));
  }
  if (result.end != RunEnd::kDropped && (result.end == RunEnd::kDiverged) != diverged) {
    comparison.Differs(diverged ? "the stored run diverged, this one did not"
                                : fmt::format("the run diverged: {}", result.error));
  }
  if (!diverged && result.end == RunEnd::kSucceeded && result.fingerprint != stored.job.fingerprint()) {
    comparison.Differs(
        fmt::format("the stored fingerprint is {}, the run's {}", stored.job.fingerprint(), result.fingerprint));
  }
  return comparison.Finish();
}

}  // namespace normlab::workers
