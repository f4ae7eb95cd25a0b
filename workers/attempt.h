// attempt.h - one attempt at one job: between the runner on this thread and the lease's and the outbox's threads.
//
// Thread safety: none; made, used and destroyed by the thread that trains.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "workers/lease.h"
#include "workers/outbox.h"
#include "workers/runner.h"
#include "workers/session.h"
#include "workers/watchdog.h"

namespace normlab::workers {

class Attempt : public RunHost {
 public:
  // Borrows all but `stop`, whose request makes the run yield.
  Attempt(ServiceClient& client, const SessionOptions& options, const v1::LeaseResponse::Lease& job,
          std::stop_token stop);

  // Runs the job and reports its outcome. How it ended: kDropped for an attempt that was lost on the way, kYielded for
  // one that was left for another to continue; neither has an outcome.
  RunEnd Perform();

  Order NextOrder() override;
  void Progress(std::uint64_t steps_done, std::uint64_t steps_total) override {
    watchdog_.Moved();
    lease_.Progress(steps_done, steps_total);
  }
  void Point(std::string_view series, std::uint64_t step, double value) override;
  absl::Status Artifact(std::string_view name, std::string_view media_type, std::uint64_t step,
                        const FileWriter& write) override;
  bool CanTakeCheckpoint() override { return !outbox_.HasCheckpoint(); }
  absl::Status Checkpoint(std::uint64_t steps_done, const FileWriter& write) override;

 private:
  // Says what computes here. Whether what earlier attempts stored was dropped for it. An error: the attempt is lost.
  absl::StatusOr<bool> Start();
  // Absent: the run starts afresh, because there is none or none that is sound. An error: the attempt is lost.
  absl::StatusOr<std::shared_ptr<const ReadableFile>> FetchCheckpoint();
  absl::StatusOr<std::shared_ptr<const SpoolFile>> Spooled(const FileWriter& write) const;
  absl::StatusOr<PreparedRun> Prepare();
  RunEnd Finish(const RunResult& result);
  RunEnd Dropped(const absl::Status& why);

  ServiceClient& client_;
  const SessionOptions& options_;
  const v1::LeaseResponse::Lease& job_;
  const std::stop_token stop_;
  Watchdog watchdog_;  // before all that moves it
  Lease lease_;
  Outbox outbox_;  // after lease_: listens for its loss
  std::map<std::string, std::string> facts_;
  std::string data_sha256_;  // see StartRequest
};

}  // namespace normlab::workers
