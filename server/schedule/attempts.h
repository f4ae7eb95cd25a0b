// attempts.h - who works on what: leases with their heartbeats, and what happens when an attempt ends without an
// outcome.
//
// A lease is kept in memory and measured by a monotonic clock, so that clock jumps end none early; the attempt's number
// in the store is what makes two attempts safe. An attempt ends without an outcome when its worker died or fell silent.
// Or it lives and gets nowhere: no new step, point or piece of a file for long. Its job then goes back to the queue,
// unless it has done so too often without a new checkpoint in between: then it fails, with the last reason, instead of
// being tried for ever.
//
// Whether a worker that a launcher started lives is the launcher's word, by the id that it gave: such a worker's attempts end
// with it at once. Of all others only their silence tells; what they call themselves is for people.
//
// Thread safety: all methods, any thread. mu_ is never held while the store is called. Borrows the store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "results/store/store.h"

namespace normlab::server {

using MonotonicClock = std::function<std::chrono::steady_clock::time_point()>;

struct AttemptsOptions {
  std::chrono::milliseconds lease{60'000};
  std::chrono::milliseconds stall{900'000};  // how long an attempt may get nowhere
  int max_deaths = 5;                        // in a row without a new checkpoint
  MonotonicClock now = [] { return std::chrono::steady_clock::now(); };
};

class Attempts {
 public:
  Attempts(store::Store& store, AttemptsOptions options) : store_(store), options_(std::move(options)) {}

  // Takes over what was under way when the server last stopped. Workers started by hand go on, within one lease, and so do those
  // that a launcher still keeps (WorkerStarted comes first); its others ended with the server.
  absl::Status Recover() ABSL_LOCKS_EXCLUDED(mu_);

  // Waits until a job is free, `wait` has passed, or `given_up` says that the caller is gone. Absent: no job.
  // kPermissionDenied for a worker with an id that no launcher keeps.
  absl::StatusOr<std::optional<store::Lease>> Lease(const store::Request& request, const store::Worker& worker,
                                                    std::chrono::milliseconds wait,
                                                    const std::function<bool()>& given_up) ABSL_LOCKS_EXCLUDED(mu_);
  // A job may have become free.
  void QueueChanged() ABSL_LOCKS_EXCLUDED(mu_);
  // While held back, no job is leased; attempts under way go on.
  void HoldBack(bool held_back) ABSL_LOCKS_EXCLUDED(mu_);
  bool held_back() ABSL_LOCKS_EXCLUDED(mu_);
  // Leases end with no job from now on, those that wait included; workers are told to yield.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);

  // What the worker of an attempt is to do before its next step.
  enum class Order { kGoOn, kStop, kYield };
  // Waits until there is an order for `attempt`, `wait` has passed (kGoOn), or `given_up` says that the caller is gone.
  // kFailedPrecondition once the attempt is over.
  absl::StatusOr<Order> AwaitOrder(store::AttemptId attempt, std::chrono::milliseconds wait,
                                   const std::function<bool()>& given_up) ABSL_LOCKS_EXCLUDED(mu_);
  // The store was asked to cancel the job: whoever works on it hears of it now.
  void Cancelled(store::JobId job) ABSL_LOCKS_EXCLUDED(mu_);

  // The worker of `attempt` lives and has done so many steps: its lease starts anew.
  void Beat(store::AttemptId attempt, std::uint64_t steps_done) ABSL_LOCKS_EXCLUDED(mu_);
  // The same, of one that got somewhere otherwise: new points, a piece of a file.
  void Moved(store::AttemptId attempt) ABSL_LOCKS_EXCLUDED(mu_);
  // What the store answered when `attempt` brought something, as it is. A full disk holds the job up until an answer is
  // OK again.
  absl::Status Answered(store::AttemptId attempt, absl::Status answer) ABSL_LOCKS_EXCLUDED(mu_);
  // Why the store keeps a job, or with none under way the queue, from getting on; empty if it does not.
  std::string HeldUp(store::JobId job) ABSL_LOCKS_EXCLUDED(mu_);
  // The store has ended the attempt.
  void Ended(store::AttemptId attempt) ABSL_LOCKS_EXCLUDED(mu_);

  // A launcher is about to start the worker `id`, and keeps it until WorkerGone.
  void WorkerStarted(std::string_view id) ABSL_LOCKS_EXCLUDED(mu_);
  // Ends what it held. `died`: counts against the job; false for a worker that was told to go.
  void WorkerGone(std::string_view id, std::string_view why, bool died) ABSL_LOCKS_EXCLUDED(mu_);
  // Ends attempts that were silent for a lease, those that got nowhere, and those that nobody holds. Call often.
  void Sweep() ABSL_LOCKS_EXCLUDED(mu_);

  // Workers that hold a job, in the order of the jobs; then those that ask for one or did lately; then those that a launcher
  // keeps and that have not been heard of.
  struct WorkerView {
    store::Worker worker;
    std::optional<store::AttemptId> attempt;
    std::chrono::milliseconds for_how_long{0};  // it has had its job, or has waited
    std::chrono::milliseconds unheard{0};       // since it was last heard of; less than 0: never
    std::string waits_for;                      // empty: it works
  };
  std::vector<WorkerView> Workers() ABSL_LOCKS_EXCLUDED(mu_);

  std::chrono::milliseconds lease() const { return options_.lease; }

 private:
  struct Held {
    int number = 0;
    store::Worker worker;
    std::chrono::steady_clock::time_point since = {};
    std::chrono::steady_clock::time_point ends;
    std::chrono::steady_clock::time_point stalls;  // unless it gets somewhere before
    std::uint64_t steps_done = 0;
    std::string held_up;  // by a full disk
    bool cancelled = false;
  };

  struct Waiting {
    store::Worker worker;
    std::chrono::steady_clock::time_point since;
    std::chrono::steady_clock::time_point heard;
    int calls = 0;  // under way
  };
  // Lease, between BeginWait and EndWait.
  absl::StatusOr<std::optional<store::Lease>> AwaitJob(const store::Request& request, const store::Worker& worker,
                                                       std::chrono::milliseconds wait,
                                                       const std::function<bool()>& given_up) ABSL_LOCKS_EXCLUDED(mu_);
  void BeginWait(const store::Worker& worker) ABSL_LOCKS_EXCLUDED(mu_);
  void EndWait(const store::Worker& worker) ABSL_LOCKS_EXCLUDED(mu_);
  void Grant(store::AttemptId attempt, const store::Worker& worker) ABSL_LOCKS_EXCLUDED(mu_);
  // Whether a launcher keeps the worker, or it was started by hand.
  bool IsKnown(const store::Worker& worker) ABSL_LOCKS_EXCLUDED(mu_);
  bool WaitForQueue(std::uint64_t seen, std::chrono::steady_clock::time_point deadline,
                    const std::function<bool()>& given_up) ABSL_LOCKS_EXCLUDED(mu_);
  // What is held of `attempt`; nullptr if it is over.
  Held* Find(store::AttemptId attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Once a lease: ends what the store has leased and what was not held by anybody here, now and the time before. A call that
  // failed between the store's answer and Grant leaves such a job, for which nobody would wait.
  void EndUnheld() ABSL_LOCKS_EXCLUDED(mu_);
  // Why the attempt is to end now; empty: it may go on.
  std::string Verdict(const Held& held) const;
  // Why a worker that asks for a job gets none.
  std::string WhyNoJob() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Absent: none yet.
  std::optional<absl::StatusOr<Order>> CurrentOrder(store::AttemptId attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Forgets the lease and gives the job back or fails it. If the store cannot, the next Sweep tries again.
  void End(store::AttemptId attempt, std::string_view why, bool died) ABSL_LOCKS_EXCLUDED(mu_);

  store::Store& store_;
  const AttemptsOptions options_;
  Mutex mu_;
  std::condition_variable queue_changed_;
  std::condition_variable orders_changed_;
  std::uint64_t queue_version_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool held_back_ ABSL_GUARDED_BY(mu_) = false;
  std::map<store::JobId, Held> held_ ABSL_GUARDED_BY(mu_);
  std::set<std::string, std::less<>> workers_ ABSL_GUARDED_BY(mu_);  // ids of those that launchers keep
  std::map<std::string, Waiting> waiting_ ABSL_GUARDED_BY(mu_);      // by name and id; some are gone, which time tells
  std::string queue_held_up_ ABSL_GUARDED_BY(mu_);
  std::chrono::steady_clock::time_point next_look_ ABSL_GUARDED_BY(mu_) = {};  // for what nobody holds
  std::set<std::pair<store::JobId, int>> unheld_ ABSL_GUARDED_BY(mu_);         // attempts, at the last look
};

}  // namespace normlab::server
