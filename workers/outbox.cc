#include "workers/outbox.h"

#include <utility>

#include "base/failpoint.h"

namespace normlab::workers {
namespace {

constexpr std::size_t kPointBytes = 32;  // step, value, time and their share of everything else

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

Outbox::Outbox(ServiceClient& client, v1::Attempt attempt, std::stop_token lost, OutboxOptions options)
    : client_(client),
      attempt_(std::move(attempt)),
      lost_(std::move(lost)),
      options_(std::move(options)),
      thread_([this](std::stop_token stop) { SendAll(std::move(stop)); }) {}

Outbox::~Outbox() {
  thread_.request_stop();
  thread_.join();
}

void Outbox::Point(std::string_view series, std::uint64_t step, double value, std::int64_t wall_ms) {
  MutexLock lock(mu_);
  WaitForRoom(lock);
  if (failed_) {
    return;
  }
  auto it = open_columns_.find(series);
  if (it == open_columns_.end()) {
    v1::AppendPointsRequest::Columns* columns = open_.add_columns();
    columns->set_series(series.data(), series.size());
    it = open_columns_.emplace(series, columns).first;
  }
  it->second->add_steps(step);
  it->second->add_values(value);
  it->second->add_wall_ms(wall_ms);
  bytes_ += kPointBytes;
  if (++open_points_ == 1) {
    open_since_ = std::chrono::steady_clock::now();
    changed_.notify_all();
  } else if (open_points_ >= options_.batch_points) {
    SealBatch();
  }
}

void Outbox::Checkpoint(std::uint64_t steps_done, std::shared_ptr<const SpoolFile> file) {
  ++checkpoints_;
  Push(CheckpointItem{steps_done, std::move(file)}, 0);
}

void Outbox::Artifact(std::string_view name, std::string_view media_type, std::uint64_t step,
                      std::shared_ptr<const SpoolFile> file) {
  ArtifactItem item;
  *item.header.mutable_attempt() = attempt_;
  item.header.set_name(name.data(), name.size());
  item.header.set_media_type(media_type.data(), media_type.size());
  item.header.set_step(step);
  item.file = std::move(file);
  Push(std::move(item), 0);
}

absl::Status Outbox::Drain() {
  MutexLock lock(mu_);
  ++draining_;
  changed_.notify_all();
  while (failure_.ok() && (sending_ || !queue_.empty() || open_points_ > 0)) {
    lock.Wait(changed_);
  }
  --draining_;
  return failure_;
}

void Outbox::Push(Payload payload, std::size_t bytes) {
  MutexLock lock(mu_);
  WaitForRoom(lock);
  if (failed_) {
    return;
  }
  SealBatch();
  queue_.push_back({std::move(payload), bytes});
  bytes_ += bytes;
  changed_.notify_all();
}

void Outbox::WaitForRoom(MutexLock& lock) {
  while (bytes_ >= options_.max_bytes && failure_.ok()) {
    lock.Wait(changed_);
  }
}

void Outbox::SealBatch() {
  if (open_points_ == 0) {
    return;
  }
  *open_.mutable_attempt() = attempt_;
  queue_.push_back({std::move(open_), open_points_ * kPointBytes});
  open_ = {};
  open_columns_.clear();
  open_points_ = 0;
  changed_.notify_all();
}

void Outbox::SendAll(std::stop_token stop) {
  // Both ends of waiting: the lease is lost, or the outbox is destroyed.
  std::stop_source end;
  std::stop_callback on_lost(lost_, [&] { end.request_stop(); });
  std::stop_callback on_destroyed(stop, [&] { end.request_stop(); });
  while (std::optional<Item> item = Next(end.get_token())) {
    Pass(Failpoint::kOutboxSends);
    const absl::Status status = Send(item->payload, end.get_token());
    Pass(Failpoint::kOutboxSent);
    if (std::holds_alternative<CheckpointItem>(item->payload)) {
      --checkpoints_;
    }
    options_.moved();
    MutexLock lock(mu_);
    sending_ = false;
    bytes_ -= item->bytes;
    changed_.notify_all();
    if (!status.ok()) {
      return Fail(status);
    }
  }
  MutexLock lock(mu_);
  Fail(absl::CancelledError("the lease was lost"));
}

void Outbox::Fail(absl::Status why) {
  failure_ = std::move(why);
  failed_ = true;
  queue_.clear();
  changed_.notify_all();
}

std::optional<Outbox::Item> Outbox::Next(std::stop_token stop) {
  std::stop_callback wake(stop, [this] {
    MutexLock lock(mu_);
    changed_.notify_all();
  });
  MutexLock lock(mu_);
  while (!stop.stop_requested()) {
    const auto due = open_since_ + options_.linger;
    if (open_points_ > 0 && queue_.empty() && (draining_ > 0 || std::chrono::steady_clock::now() >= due)) {
      SealBatch();
    }
    if (!queue_.empty()) {
      Item item = std::move(queue_.front());
      queue_.pop_front();
      sending_ = true;
      return item;
    }
    if (open_points_ > 0) {
      lock.WaitUntil(changed_, due);
    } else {
      lock.Wait(changed_);
    }
  }
  return std::nullopt;
}

absl::Status Outbox::Send(const Payload& payload, std::stop_token stop) {
  const auto retried = [&](std::string_view what, const std::function<absl::Status()>& call) {
    return Retry(what, options_.backoff, stop, call);
  };
  return std::visit(Overloaded{[&](const v1::AppendPointsRequest& points) {
                                 return retried("append_points", [&] { return client_.AppendPoints(points, stop); });
                               },
                               [&](const CheckpointItem& item) {
                                 return retried("put_checkpoint", [&] {
                                   return client_.PutCheckpoint(attempt_, item.step, *item.file, options_.moved, stop);
                                 });
                               },
                               [&](const ArtifactItem& item) {
                                 return retried("put_artifact", [&] {
                                   return client_.PutArtifact(item.header, *item.file, options_.moved, stop);
                                 });
                               }},
                    payload);
}

}  // namespace normlab::workers
