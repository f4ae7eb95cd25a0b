// parallel.h - the only door to OpenMP: a loop over pieces that do not depend on the number of threads.
//
// Determinism rule of the project: work is cut into pieces by size alone, each piece writes its own output or its own
// partial sum, and partial sums are combined in piece order. Then any thread count gives the same bits.
//
// One team serves the whole process. Its threads are started by SetThreads() and never end. Between loops they wait
// for the next one, spinning for some tens of microseconds before they sleep; with more threads than processors they
// sleep at once, and while other programs keep the processors busy the team rests and loops run on their caller. Each
// thread begins a loop with a share of neighbouring pieces, the same whenever as many pieces are cut, so that what it
// wrote in one loop is in its cache in the next; a thread that is done takes from the others.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace normlab {

// Sets how many threads loops started from this thread use from now on, at least 1 and at most kMaxThreads. Starts
// those that the team does not have yet; if the system grants fewer, loops use fewer.
inline constexpr int kMaxThreads = 256;
void SetThreads(int n);
int Threads();

// The order in which a thread goes through its share: for memory that is larger than the cache and swept to and fro.
enum class Order { kForward, kBackward };

namespace internal {
using PieceFn = void (*)(void* context, std::ptrdiff_t piece, int thread);
void RunPieces(std::ptrdiff_t pieces, PieceFn fn, void* context, Order order);
}  // namespace internal

// Calls body(piece), or body(piece, thread), for every piece in [0, pieces), on up to Threads() threads, in any order;
// returns when all are done. `thread` in [0, Threads()) is of one piece at a time: what is kept by it, such as scratch
// memory, needs no lock. Runs inline, as thread 0, with one piece, one thread, inside another parallel_for, and while
// the team rests or works for another thread: pieces must not wait for each other. The first exception a piece throws
// is rethrown here after the join. Allocates nothing.
template <typename Body>
void parallel_for(std::ptrdiff_t pieces, Body&& body, Order order = Order::kForward) {
  using Fn = std::remove_reference_t<Body>;
  internal::RunPieces(
      pieces,
      [](void* context, std::ptrdiff_t piece, int thread) {
        if constexpr (std::is_invocable_v<Fn&, std::ptrdiff_t, int>) {
          (*static_cast<Fn*>(context))(piece, thread);
        } else {
          (*static_cast<Fn*>(context))(piece);
        }
      },
      const_cast<void*>(static_cast<const void*>(&body)), order);
}

// Calls fn once on every thread that loops started from here use, the calling one included: for modes of the processor,
// which belong to a thread. fn must not throw. Not from inside a loop.
void on_each_thread(void (*fn)());

// Calls body(begin, end), or body(begin, end, thread), for consecutive ranges of `grain` indices (the last one shorter)
// that cover [0, n).
template <typename Body>
void parallel_ranges(std::ptrdiff_t n, std::ptrdiff_t grain, Body&& body) {
  parallel_for((n + grain - 1) / grain, [&](std::ptrdiff_t piece, int thread) {
    const std::ptrdiff_t begin = piece * grain, end = begin + grain < n ? begin + grain : n;
    if constexpr (std::is_invocable_v<Body&, std::ptrdiff_t, std::ptrdiff_t, int>) {
      body(begin, end, thread);
    } else {
      body(begin, end);
    }
  });
}

}  // namespace normlab
