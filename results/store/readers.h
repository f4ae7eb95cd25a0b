// readers.h - a few read-only connections that share the file with the writer and never wait for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "results/store/sqlite.h"

namespace normlab::store {

// Thread safety: all methods, any thread.
class Readers {
 public:
  // `deadline`: how long one Read may take. A log cannot be emptied while a reader still looks at its beginning.
  static absl::StatusOr<std::unique_ptr<Readers>> Open(const std::string& path, int count, const std::string& vfs,
                                                       std::chrono::milliseconds deadline);

  // Calls work(connection) inside a read transaction, so that it sees one state of the store however many queries it
  // makes. `work` returns a StatusOr or a Status and must not call Read again. Waits while all connections are busy:
  // kResourceExhausted if they are for as long as a read may take. kDeadlineExceeded from queries that are at work at the
  // deadline, which is counted from when they began.
  template <typename Work>
  auto Read(const Work& work) -> decltype(work(std::declval<Connection&>())) {
    NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<Connection> taken, Take());
    const Loan loan(*this, std::move(taken));
    loan.connection().SetDeadline(std::chrono::steady_clock::now() + deadline_);
    const Transaction transaction(loan.connection(), Transaction::Kind::kRead);
    NORMLAB_RETURN_IF_ERROR(transaction.status());
    return work(loan.connection());
  }

  // New reads wait from Pause to Resume; those under way go on. A log can start over only while nobody reads from it, and
  // reads that overlap without end never leave it such a moment.
  void Pause();
  void Resume();
  bool paused();
  // Whether no read is under way.
  bool Idle();
  // Closes all connections. No reads must be under way, and none may follow.
  void Close();

 private:
  class Loan {
   public:
    Loan(Readers& readers, std::unique_ptr<Connection> connection)
        : readers_(readers), connection_(std::move(connection)) {}
    ~Loan() { readers_.GiveBack(std::move(connection_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    Connection& connection() const { return *connection_; }

   private:
    Readers& readers_;
    std::unique_ptr<Connection> connection_;
  };

  Readers(std::chrono::milliseconds deadline, int count) : deadline_(deadline), count_(count) {}
  absl::StatusOr<std::unique_ptr<Connection>> Take();
  void GiveBack(std::unique_ptr<Connection> connection);

  const std::chrono::milliseconds deadline_;
  const int count_;
  Mutex mutex_;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace normlab::store
