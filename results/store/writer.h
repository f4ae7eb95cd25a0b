// writer.h - the one thread that writes: runs queued calls in groups, one transaction and one sync a group.
//
// A call alone in the queue commits at once. Calls that arrive while a group runs join it until it is 5 ms old or holds
// 10,000 points; calls that arrive while it commits form the next one. So the cost of a sync is shared by everyone who
// waits, and nobody waits for company.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "results/store/readers.h"
#include "results/store/sqlite.h"

namespace normlab::store {

// Thread safety: Run from any thread. Owns the connection; the functions of its options are called on its own thread
// and must not call Run.
class Writer {
 public:
  using Work = std::function<absl::Status(Connection&)>;
  // State changes go before points: a cancel must not queue behind a burst of curves.
  enum class Lane { kState, kPoints };

  struct Options {
    int checkpoint_pages = 0;         // by how much the log grows between checkpoints
    Readers* readers = nullptr;       // held back for a moment when the log has grown to several times that; borrowed
    std::function<void()> on_commit;  // after each commit, before the calls of the group return
    std::function<void(const absl::Status& why)> on_stopped;  // once, when an I/O error ends all writing
  };

  Writer(std::unique_ptr<Connection> db, Options options);
  // Commits what is queued, empties the WAL.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Runs `work`, perhaps more than once, on the writer's thread inside a savepoint and returns once its transaction is
  // on disk. If `work` fails,
  // its changes and no others are undone. kResourceExhausted: the disk is full and nothing of this call was kept.
  // kDataLoss: the call met a page or row that is damaged; if a page, nothing of the call is kept even if `work` returned
  // OK, because SQLite commits no transaction that met one. kUnavailable: SQLite failed to write or sync, now or earlier.
  // After a failed sync the kernel may have dropped the very pages that a second sync would call clean, so nothing is
  // tried again: every later call fails until the store is opened anew.
  absl::Status Run(Lane lane, std::size_t points, const Work& work);

 private:
  struct Call {
    const Work* work;
    std::size_t points;
    absl::Status status = absl::OkStatus();
    bool done = false;
    std::condition_variable finished;
  };
  using Group = std::vector<Call*>;

  static constexpr int kAlarmPages = 64 * 1024;  // 256 MiB

  void Loop();
  // Takes queued calls of up to `points` points, state changes first; at least one if any is queued.
  Group Take(std::size_t points) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Waits for calls; none: time to stop.
  Group WaitForCalls();
  void CommitGroup(Group group);
  // Runs the calls of `group` and, if `join`, those that arrive meanwhile, which it appends.
  absl::Status RunGroup(Group& group, bool join);
  void RunCall(Call& call);
  void Answer(const Group& group, absl::Status commit);
  void Checkpoint(bool truncate);
  // Refuses all further calls.
  void StopWriting(const absl::Status& error);
  // Moves the log into the file now and then, and sees that it starts over.
  void WatchLog();
  // Empties the log once the readers that are held back for it are done.
  void StartLogOver();

  const std::unique_ptr<Connection> db_;  // used by thread_ only
  const Options options_;
  absl::Status broken_;            // thread_ only; not OK once an I/O error was met
  int checkpointed_pages_ = 0;     // thread_ only; length of the log at its last checkpoint
  int pause_pages_;                // thread_ only; length of the log at which readers are held back
  bool pausing_ = false;           // thread_ only; they are
  int alarm_pages_ = kAlarmPages;  // thread_ only; length of the log that is said next

  Mutex mutex_;
  std::condition_variable wake_;
  std::deque<Call*> state_calls_ ABSL_GUARDED_BY(mutex_);
  std::deque<Call*> point_calls_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace normlab::store
