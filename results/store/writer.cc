#include "results/store/writer.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/log.h"

namespace normlab::store {
namespace {

constexpr auto kMaxGroupAge = std::chrono::milliseconds(5);
constexpr std::size_t kMaxGroupPoints = 10'000;
constexpr auto kIdle = std::chrono::seconds(1);

}  // namespace

Writer::Writer(std::unique_ptr<Connection> db, int checkpoint_pages, std::function<void()> on_commit)
    : db_(std::move(db)),
      checkpoint_pages_(checkpoint_pages),
      on_commit_(std::move(on_commit)),
      thread_([this] { Loop(); }) {}

Writer::~Writer() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

absl::Status Writer::Run(Lane lane, std::size_t points, const Work& work) {
  Call call;
  call.work = &work;
  call.points = points;
  MutexLock lock(mutex_);
  (lane == Lane::kState ? state_calls_ : point_calls_).push_back(&call);
  wake_.notify_one();
  while (!call.done) {
    lock.Wait(call.finished);
  }
  return call.status;
}

void Writer::Loop() {
  for (;;) {
    Group group = WaitForCalls();
    if (group.empty()) {
      break;
    }
    CommitGroup(std::move(group));
  }
  Checkpoint(/*truncate=*/true);
}

Writer::Group Writer::WaitForCalls() {
  MutexLock lock(mutex_);
  while (state_calls_.empty() && point_calls_.empty()) {
    if (stopping_) {
      return {};
    }
    if (db_->wal_pages() == 0 || !broken_.ok()) {
      lock.Wait(wake_);
    } else if (!lock.WaitUntil(wake_, std::chrono::steady_clock::now() + kIdle) && state_calls_.empty() &&
               point_calls_.empty() && !stopping_) {
      mutex_.Unlock();
      Checkpoint(/*truncate=*/true);
      mutex_.Lock();
    }
  }
  return Take(kMaxGroupPoints);
}

Writer::Group Writer::Take(std::size_t points) {
  Group group(state_calls_.begin(), state_calls_.end());
  state_calls_.clear();
  std::size_t taken = 0;
  while (!point_calls_.empty() && (taken < points || group.empty())) {
    taken += point_calls_.front()->points;
    group.push_back(point_calls_.front());
    point_calls_.pop_front();
  }
  return group;
}

void Writer::CommitGroup(Group group) {
  const absl::Status status = broken_.ok() ? RunGroup(group) : broken_;
  if (db_->broken() && broken_.ok()) {
    broken_ = absl::InternalError(fmt::format(
        "the store stopped writing after an I/O error, because what reached the disk is unknown; restart the server to "
        "recover from the log. The error was: {}",
        Message(status)));
    Log(LogLevel::kError, "store_stopped_writing", {{"error", Message(status)}});
  }
  Answer(group, broken_.ok() ? status : broken_);
  // A log that readers kept from starting over only grows: try again after as much again.
  const int pages = db_->wal_pages();
  checkpointed_pages_ = pages < checkpointed_pages_ ? 0 : checkpointed_pages_;
  if (pages >= checkpointed_pages_ + checkpoint_pages_) {
    Checkpoint(/*truncate=*/false);
    checkpointed_pages_ = pages;
  }
}

absl::Status Writer::RunGroup(Group& group) {
  const auto deadline = std::chrono::steady_clock::now() + kMaxGroupAge;
  Transaction transaction(*db_, Transaction::Kind::kWrite);
  NORMLAB_RETURN_IF_ERROR(transaction.status());
  std::size_t points = 0;
  for (std::size_t next = 0; next < group.size();) {
    for (; next < group.size(); ++next) {
      RunCall(*group[next]);
      points += group[next]->points;
      if (!db_->InTransaction()) {
        // SQLite rolled back everything, as it does when the disk is full: all of the group share the fate.
        return group[next]->status.ok() ? absl::InternalError("a call ended the writer's transaction")
                                        : group[next]->status;
      }
    }
    if (points < kMaxGroupPoints && std::chrono::steady_clock::now() < deadline) {
      const MutexLock lock(mutex_);
      const Group late = Take(kMaxGroupPoints - points);
      group.insert(group.end(), late.begin(), late.end());
    }
  }
  return transaction.Commit();
}

void Writer::RunCall(Call& call) {
  Savepoint savepoint(*db_);
  call.status = savepoint.status();
  if (call.status.ok()) {
    call.status = (*call.work)(*db_);
  }
  if (call.status.ok()) {
    call.status = savepoint.Release();
  }
}

void Writer::Answer(const Group& group, const absl::Status& commit) {
  if (commit.ok()) {
    on_commit_();
  }
  const MutexLock lock(mutex_);
  for (Call* call : group) {
    if (!commit.ok()) {
      call->status = commit;
    }
    call->done = true;
    call->finished.notify_one();  // under the lock: the call lives on its caller's stack
  }
}

void Writer::Checkpoint(bool truncate) {
  if (!broken_.ok()) {
    return;
  }
  const absl::Status status = db_->Checkpoint(truncate);
  if (db_->broken()) {
    broken_ = absl::InternalError(fmt::format(
        "the store stopped writing after an I/O error in a checkpoint; restart the server: {}", Message(status)));
  }
  if (!status.ok() && !absl::IsUnavailable(status)) {
    Log(db_->broken() ? LogLevel::kError : LogLevel::kWarning, "store_checkpoint_failed", {{"error", Message(status)}});
  }
}

}  // namespace normlab::store
