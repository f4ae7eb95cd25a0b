// verify.h - runs a stored job again, whole or from a checkpoint, and compares it, bit by bit, with what is stored;
// nothing is written.
//
// Threads: one, but for the loops of the engine.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "normlab/v1/jobs.pb.h"
#include "normlab/v1/worker.pb.h"
#include "workers/runner.h"

namespace normlab::workers {

// What a server has of a finished job.
struct StoredResult {
  v1::Job job;
  std::vector<v1::AppendPointsRequest::Columns> curve;  // every series, steps rising
  std::shared_ptr<const ReadableFile> weights;          // weights.safetensors; a diverged job has none
  std::shared_ptr<const ReadableFile> checkpoint;       // where to start; nullptr: at the beginning
};

struct VerifyReport {
  std::uint64_t points = 0;   // that were compared; those before the checkpoint by the hash it has of them
  std::uint64_t weights = 0;  // values that were compared
  // Where the run first differs from the stored one, with both values and their bits; empty: nowhere.
  std::string difference;
};

struct VerifyOptions {
  std::string arithmetic;  // of this process, see nn/cpu.h
  std::vector<std::string> data_directories;
  std::string spool_directory;  // where the run's weights wait to be compared
  std::function<absl::StatusOr<std::unique_ptr<Experiment>>(const v1::JobSpec&, const ExperimentContext&)>
      make_experiment;
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = [](std::uint64_t, std::uint64_t) {};
};

// Stops at the first difference. kFailedPrecondition: the job has no result, was computed by another revision or on another
// instruction set, or was fed other data than is here;
// kDataLoss: the checkpoint is damaged; what the experiment itself reports passes through.
absl::StatusOr<VerifyReport> VerifyJob(const StoredResult& stored, const VerifyOptions& options);

}  // namespace normlab::workers
