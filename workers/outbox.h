// outbox.h - what a run produces, sent in the order it was produced by a thread of its own.
//
// Points gather into batches for a quarter of a second; checkpoints and artifacts follow the points before them, and
// each item is sent once the one before it has been acknowledged. So a stored checkpoint never knows of a point that is
// not stored. Training only ever waits here when 32 MiB are unsent, because the server has been away for long; files
// wait on disk and count for nothing.
//
// Thread safety: all methods, any thread. The destructor discards what is unsent.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "base/mutex.h"
#include "workers/call.h"
#include "workers/service_client.h"

namespace normlab::workers {

struct OutboxOptions {
  std::size_t max_bytes = 32 << 20;       // unsent; one item may exceed it
  std::size_t batch_points = 4096;        // about 100 KB on the wire
  std::chrono::milliseconds linger{250};  // a point is on its way no later than this
  Backoff backoff = {};
  std::function<void()> moved = [] {};  // called for all that the server has taken, pieces of files included
};

class Outbox {
 public:
  // `lost` ends everything: calls under way are cancelled, what is unsent is discarded.
  Outbox(ServiceClient& client, v1::Attempt attempt, std::stop_token lost, OutboxOptions options = {});
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  void Point(std::string_view series, std::uint64_t step, double value, std::int64_t wall_ms) ABSL_LOCKS_EXCLUDED(mu_);
  void Checkpoint(std::uint64_t steps_done, std::shared_ptr<const SpoolFile> file);
  void Artifact(std::string_view name, std::string_view media_type, std::uint64_t step,
                std::shared_ptr<const SpoolFile> file);
  // A checkpoint waits to be sent or is being sent.
  bool HasCheckpoint() const { return checkpoints_ > 0; }

  // Blocks until all is acknowledged. Otherwise what went wrong: kCancelled when the lease was lost, else what the
  // server answered; from then on the outbox takes everything and sends nothing.
  absl::Status Drain() ABSL_LOCKS_EXCLUDED(mu_);
  bool failed() const { return failed_; }

 private:
  struct CheckpointItem {
    std::uint64_t step;
    std::shared_ptr<const SpoolFile> file;
  };
  struct ArtifactItem {
    v1::PutArtifactRequest::Header header;
    std::shared_ptr<const SpoolFile> file;
  };
  using Payload = std::variant<v1::AppendPointsRequest, CheckpointItem, ArtifactItem>;
  struct Item {
    Payload payload;
    std::size_t bytes;
  };

  void SendAll(std::stop_token stop);
  // Waits for the next item to send; absent when the outbox is being destroyed.
  std::optional<Item> Next(std::stop_token stop) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Send(const Payload& payload, std::stop_token stop);
  // Waits for room, then queues `payload` behind the points gathered so far.
  void Push(Payload payload, std::size_t bytes) ABSL_LOCKS_EXCLUDED(mu_);
  void WaitForRoom(MutexLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends all sending.
  void Fail(absl::Status why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SealBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  ServiceClient& client_;
  const v1::Attempt attempt_;
  const std::stop_token lost_;
  const OutboxOptions options_;

  Mutex mu_;
  std::condition_variable changed_;  // anything below
  std::deque<Item> queue_ ABSL_GUARDED_BY(mu_);
  std::size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;  // of queue_, the open batch and the item being sent
  v1::AppendPointsRequest open_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, v1::AppendPointsRequest::Columns*, std::less<>> open_columns_ ABSL_GUARDED_BY(mu_);
  std::size_t open_points_ ABSL_GUARDED_BY(mu_) = 0;
  std::chrono::steady_clock::time_point open_since_ ABSL_GUARDED_BY(mu_);
  int draining_ ABSL_GUARDED_BY(mu_) = 0;
  bool sending_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> failed_{false};
  std::atomic<int> checkpoints_{0};
  std::jthread thread_;  // last: uses all of the above
};

}  // namespace normlab::workers
