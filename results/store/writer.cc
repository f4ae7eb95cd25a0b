#include "results/store/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"

namespace normlab::store {
namespace {

constexpr auto kMaxGroupAge = std::chrono::milliseconds(5);
constexpr std::size_t kMaxGroupPoints = 10'000;
constexpr auto kIdle = std::chrono::seconds(1);
constexpr auto kPauseLook = std::chrono::milliseconds(1);
constexpr int kPauseFactor = 4;

}  // namespace

Writer::Writer(std::unique_ptr<Connection> db, Options options)
    : db_(std::move(db)),
      options_(std::move(options)),
      pause_pages_(kPauseFactor * options_.checkpoint_pages),
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
    if (pausing_) {
      if (!lock.WaitUntil(wake_, std::chrono::steady_clock::now() + kPauseLook)) {
        mutex_.Unlock();
        StartLogOver();
        mutex_.Lock();
      }
    } else if (db_->wal_pages() == 0 || !broken_.ok()) {
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
  const absl::Status status = broken_.ok() ? RunGroup(group, /*join=*/true) : broken_;
  if (absl::IsDataLoss(status) && group.size() > 1) {
    // One of them met a damaged page, with which SQLite commits nothing: each gets a transaction of its own.
    for (Call* call : group) {
      Group alone = {call};
      Answer(alone, broken_.ok() ? RunGroup(alone, /*join=*/false) : broken_);
    }
  } else {
    Answer(group, status);
  }
  WatchLog();
}

void Writer::StopWriting(const absl::Status& error) {
  if (!broken_.ok()) {
    return;
  }
  broken_ = absl::UnavailableError(fmt::format(
      "the store stopped writing after an I/O error, because what reached the disk is unknown; restart the server to "
      "recover from the log. The error was: {}",
      Message(error)));
  Log(LogLevel::kError, "store_stopped_writing", {{"error", Message(error)}});
  if (options_.on_stopped) {
    options_.on_stopped(broken_);
  }
}

void Writer::StartLogOver() {
  if (!pausing_ || !options_.readers->Idle()) {
    return;
  }
  Checkpoint(/*truncate=*/true);
  options_.readers->Resume();
  pausing_ = false;
  // If somebody else reads: later, and not after each commit.
  pause_pages_ = std::max(kPauseFactor * options_.checkpoint_pages, 2 * db_->wal_pages());
}

void Writer::WatchLog() {
  // A log that readers kept from starting over only grows: try again after as much again.
  const int pages = db_->wal_pages();
  checkpointed_pages_ = pages < checkpointed_pages_ ? 0 : checkpointed_pages_;
  if (pages >= checkpointed_pages_ + options_.checkpoint_pages) {
    Checkpoint(/*truncate=*/false);
    checkpointed_pages_ = pages;
  }
  if (options_.readers != nullptr && !pausing_ && pages >= pause_pages_) {
    options_.readers->Pause();
    pausing_ = true;
  }
  StartLogOver();
  alarm_pages_ = pages < kAlarmPages ? kAlarmPages : alarm_pages_;
  if (pages >= alarm_pages_) {
    Log(LogLevel::kWarning, "store_log_is_long", {{"pages", pages}});
    alarm_pages_ = 2 * pages;
  }
}

absl::Status Writer::RunGroup(Group& group, bool join) {
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
    if (join && points < kMaxGroupPoints && std::chrono::steady_clock::now() < deadline) {
      const MutexLock lock(mutex_);
      const Group late = Take(kMaxGroupPoints - points);
      group.insert(group.end(), late.begin(), late.end());
    }
  }
  Pass(Failpoint::kCommitBegins);
  const absl::Status committed = transaction.Commit();
  Pass(Failpoint::kCommitted);
  return committed;
}

void Writer::RunCall(Call& call) {
  call.status = InSavepoint(*db_, [&] { return (*call.work)(*db_); });
}

void Writer::Answer(const Group& group, absl::Status commit) {
  if (db_->broken()) {
    StopWriting(commit);
    commit = broken_;
  }
  if (commit.ok()) {
    options_.on_commit();
  }
  const MutexLock lock(mutex_);
  for (Call* call : group) {
    if (!commit.ok() && !absl::IsDataLoss(call->status)) {
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
  Pass(Failpoint::kLogBegins);
  const absl::Status status = db_->Checkpoint(truncate);
  if (db_->broken()) {
    StopWriting(status);
  } else if (!status.ok() && !absl::IsUnavailable(status)) {
    Log(LogLevel::kWarning, "store_checkpoint_failed", {{"error", Message(status)}});
  }
}

}  // namespace normlab::store
