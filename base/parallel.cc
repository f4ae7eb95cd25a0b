#include "base/parallel.h"

#include <hwy/cache_control.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>

namespace normlab {
namespace {

// Pauses before a waiting thread sleeps: some tens of microseconds, about what it costs to wake it.
constexpr int kPauses = 2000;

thread_local int threads_of_caller = 1;
thread_local bool in_loop = false;

// Keeps the first exception of a loop, to be rethrown outside: one that leaves an OpenMP region ends the process.
class FirstException {
 public:
  void Capture() noexcept {
    if (!taken_.exchange(true)) {
      error_ = std::current_exception();
    }
  }
  void Rethrow() const {
    if (error_) {
      std::rethrow_exception(error_);
    }
  }

 private:
  std::atomic<bool> taken_{false};
  std::exception_ptr error_;
};

// Waits until `word` is not `old` and returns what it is then.
std::uint32_t AwaitChange(const std::atomic<std::uint32_t>& word, std::uint32_t old, bool spin) {
  for (int i = 0; spin && i < kPauses; ++i) {
    if (const std::uint32_t now = word.load(std::memory_order_acquire); now != old) {
      return now;
    }
    hwy::Pause();
  }
  word.wait(old, std::memory_order_acquire);
  return word.load(std::memory_order_acquire);
}

// Lets the team rest while the processors are busy with others: a thread that is called then starts late, or stops in
// the middle of a piece, and all wait for it; one thread alone is faster. Loops run inline until the rest is over, and
// rests grow longer while that goes on.
class Crowding {
 public:
  using Clock = std::chrono::steady_clock;

  bool Rests() const { return rest_ > Clock::duration::zero() && Clock::now() < begin_; }

  // A loop's caller was done and waited for the others.
  void Waited(Clock::time_point from, Clock::time_point to) {
    if (to - from < kLate) {
      return;
    }
    if (from - begin_ > kWindow) {
      *this = {};
      begin_ = from;
    }
    lost_ += to - from;
    if (4 * lost_ > std::max(kWindow / 4, to - begin_)) {
      rest_ = std::clamp(2 * rest_, kShortestRest, kLongestRest);
      begin_ = to + rest_;
      lost_ = {};
    }
  }

 private:
  static constexpr Clock::duration kLate = std::chrono::milliseconds(1);  // no piece takes that long
  static constexpr Clock::duration kWindow = std::chrono::milliseconds(100);
  static constexpr Clock::duration kShortestRest = std::chrono::milliseconds(20);
  static constexpr Clock::duration kLongestRest = std::chrono::milliseconds(640);

  Clock::time_point begin_ = {};  // of the time looked at: now, or when the rest is over
  Clock::duration lost_ = {};     // in that time
  Clock::duration rest_ = {};     // the last one; 0 after a time without
};

// What the threads of a loop need to know.
struct Loop {
  internal::PieceFn fn = nullptr;
  void* context = nullptr;
  std::uint32_t pieces = 0;
  std::uint32_t shares = 0;  // one for each thread that takes part
  Order order = Order::kForward;
  bool steal = true;  // whether a thread that is done takes from the others
  bool spin = false;  // whether threads spin before they sleep

  std::uint32_t begin(std::uint32_t share) const {
    return static_cast<std::uint32_t>(std::uint64_t{pieces} * share / shares);
  }
  // The piece to take when `left` are left of a share.
  std::uint32_t piece(std::uint32_t share, std::uint32_t left) const {
    return order == Order::kForward ? begin(share + 1) - left : begin(share) + left - 1;
  }
};

// The threads of the process. Loops run one at a time, each with the number after the last one's.
//
// A thread that comes late finds another loop, or none: it must neither run a piece twice nor read a loop that is being
// written. So a share holds the number of its loop beside the pieces left, in one word, and a piece is taken by
// exchanging that word. The next loop is written when all pieces of the last one are done; whoever takes a piece has
// therefore read the loop it belongs to.
class Team {
 public:
  void Grow(int threads);
  // Calls fn for every piece, on up to `threads` threads; false, and nothing is done, if another thread uses the team, or
  // the team rests.
  bool TryRun(Loop loop, int threads);
  void RunOnEach(Loop loop, int threads);

 private:
  struct alignas(64) Member {
    std::atomic<std::uint64_t> share{0};   // the loop's number << 32 | pieces left
    std::atomic<std::uint32_t> called{0};  // the number of the last loop that has a share for this thread
  };
  // A Loop that may be read while it is written; what is read then is not used.
  struct SharedLoop {
    std::atomic<internal::PieceFn> fn;
    std::atomic<void*> context;
    std::atomic<std::uint32_t> pieces, shares;
    std::atomic<Order> order;
    std::atomic<bool> steal, spin;

    void Store(const Loop& loop);
    Loop Load() const;
  };

  void Run(Loop loop, int threads);
  void Serve(std::uint32_t self);
  void Work(const Loop& loop, std::uint32_t number, std::uint32_t self);
  bool Take(std::uint32_t share, std::uint32_t number, std::uint32_t& left);

  std::mutex in_use_;
  std::uint32_t size_ = 1;    // threads, with the one that runs a loop; guarded by in_use_
  std::uint32_t number_ = 0;  // of the last loop; guarded by in_use_
  Crowding crowding_;         // guarded by in_use_
  SharedLoop loop_{};
  std::array<Member, kMaxThreads> members_;
  alignas(64) std::atomic<std::uint32_t> unfinished_{0};  // pieces of the loop that are not done
};

void Team::SharedLoop::Store(const Loop& loop) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  fn.store(loop.fn, kRelaxed);
  context.store(loop.context, kRelaxed);
  pieces.store(loop.pieces, kRelaxed);
  shares.store(loop.shares, kRelaxed);
  order.store(loop.order, kRelaxed);
  steal.store(loop.steal, kRelaxed);
  spin.store(loop.spin, kRelaxed);
}

Loop Team::SharedLoop::Load() const {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  return {fn.load(kRelaxed),    context.load(kRelaxed), pieces.load(kRelaxed), shares.load(kRelaxed),
          order.load(kRelaxed), steal.load(kRelaxed),   spin.load(kRelaxed)};
}

// The threads are those of one parallel region that never ends, opened from a thread of its own.
void Team::Grow(int threads) {
  const std::lock_guard lock(in_use_);
  const auto wanted = static_cast<std::uint32_t>(threads);
  if (wanted <= size_) {
    return;
  }
  std::atomic<std::uint32_t> started{0};
  std::thread([this, &started, first = size_, more = static_cast<int>(wanted - size_)] {
#pragma omp parallel num_threads(more)
    {
      const auto self = first + static_cast<std::uint32_t>(omp_get_thread_num());
      if (self == first) {
        started = static_cast<std::uint32_t>(omp_get_num_threads());
        started.notify_one();
      }
      Serve(self);
    }
  }).detach();
  size_ += AwaitChange(started, 0, false);
}

bool Team::TryRun(Loop loop, int threads) {
  const std::unique_lock lock(in_use_, std::try_to_lock);
  if (!lock || crowding_.Rests()) {
    return false;
  }
  Run(loop, threads);
  return true;
}

void Team::RunOnEach(Loop loop, int threads) {
  const std::lock_guard lock(in_use_);
  loop.pieces = std::min(static_cast<std::uint32_t>(threads), size_);
  loop.steal = false;
  Run(loop, threads);
}

void Team::Run(Loop loop, int threads) {
  static const int processors = omp_get_num_procs();
  loop.shares = std::min({static_cast<std::uint32_t>(threads), size_, loop.pieces});
  loop.spin = threads <= processors;
  ++number_;
  loop_.Store(loop);
  unfinished_.store(loop.pieces, std::memory_order_relaxed);
  for (std::uint32_t share = 0; share < loop.shares; ++share) {
    const std::uint64_t left = loop.begin(share + 1) - loop.begin(share);
    members_[share].share.store(std::uint64_t{number_} << 32 | left, std::memory_order_release);
  }
  for (std::uint32_t other = 1; other < loop.shares; ++other) {
    members_[other].called.store(number_);
    members_[other].called.notify_one();
  }
  Work(loop, number_, 0);
  std::uint32_t left = unfinished_.load(std::memory_order_acquire);
  if (left == 0) {
    return;
  }
  const auto done = Crowding::Clock::now();
  while (left != 0) {
    left = AwaitChange(unfinished_, left, loop.spin);
  }
  if (loop.spin) {  // with more threads than processors some are always late
    crowding_.Waited(done, Crowding::Clock::now());
  }
}

void Team::Serve(std::uint32_t self) {
  Member& me = members_[self];
  for (std::uint32_t number = 0, spin = 0;;) {
    number = AwaitChange(me.called, number, spin != 0);
    const Loop loop = loop_.Load();
    Work(loop, number, self);
    spin = loop.spin;
  }
}

void Team::Work(const Loop& loop, std::uint32_t number, std::uint32_t self) {
  in_loop = true;
  for (std::uint32_t k = 0; k < (loop.steal ? loop.shares : 1); ++k) {
    const std::uint32_t share = (self + k) % loop.shares;
    std::uint32_t done = 0;
    for (std::uint32_t left = 0; Take(share, number, left); ++done) {
      loop.fn(loop.context, loop.piece(share, left), static_cast<int>(self));
    }
    if (done > 0 && unfinished_.fetch_sub(done) == done) {
      unfinished_.notify_one();
    }
  }
  in_loop = false;
}

// Takes a piece of loop `number` from a share; `left` counts it. False: none is left, or another loop runs.
bool Team::Take(std::uint32_t share, std::uint32_t number, std::uint32_t& left) {
  std::atomic<std::uint64_t>& word = members_[share].share;
  std::uint64_t seen = word.load(std::memory_order_acquire);
  do {
    left = static_cast<std::uint32_t>(seen);
    if (seen >> 32 != number || left == 0) {
      return false;
    }
  } while (!word.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire));
  return true;
}

// Never destroyed: its threads may look at it until the process ends.
Team& TheTeam() {
  static Team& team = *new Team;
  return team;
}

}  // namespace

void SetThreads(int n) {
  threads_of_caller = std::clamp(n, 1, kMaxThreads);
  TheTeam().Grow(threads_of_caller);
}

int Threads() { return threads_of_caller; }

void internal::RunPieces(std::ptrdiff_t pieces, PieceFn fn, void* context, Order order) {
  struct Guarded {
    PieceFn fn;
    void* context;
    FirstException first;
  } guarded{fn, context, {}};
  const auto run = [](void* memory, std::ptrdiff_t piece, int thread) {
    auto& [fn, context, first] = *static_cast<Guarded*>(memory);
    try {
      fn(context, piece, thread);
    } catch (...) {
      first.Capture();
    }
  };
  const bool alone = pieces <= 1 || threads_of_caller == 1 || in_loop;
  if (!alone &&
      TheTeam().TryRun({.fn = run, .context = &guarded, .pieces = static_cast<std::uint32_t>(pieces), .order = order},
                       threads_of_caller)) {
    guarded.first.Rethrow();
    return;
  }
  for (std::ptrdiff_t piece = 0; piece < pieces; ++piece) {
    fn(context, order == Order::kForward ? piece : pieces - 1 - piece, 0);
  }
}

void on_each_thread(void (*fn)()) {
  const auto call = [](void* function, std::ptrdiff_t, int) { reinterpret_cast<void (*)()>(function)(); };
  TheTeam().RunOnEach({.fn = call, .context = reinterpret_cast<void*>(fn)}, threads_of_caller);
}

}  // namespace normlab
