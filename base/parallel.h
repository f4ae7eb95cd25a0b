// parallel.h - the only door to OpenMP: a loop over pieces that do not depend on the number of threads.
//
// Determinism rule of the project: work is cut into pieces by size alone, each piece writes its own output or its own
// partial sum, and partial sums are combined in piece order. Then any thread count gives the same bits.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace normlab {

// Sets the team size of parallel loops started from this thread from now on; at least 1.
void SetThreads(int n);
int Threads();

namespace internal {
using PieceFn = void (*)(void* context, std::ptrdiff_t piece);
void RunPieces(std::ptrdiff_t pieces, PieceFn fn, void* context);
void RunOnEachThread(void (*fn)());
}  // namespace internal

// Calls body(piece) for every piece in [0, pieces), on up to Threads() threads, in any order; returns when all are
// done. Runs inline with one piece, one thread, or inside another parallel_for. The first exception a piece throws is
// rethrown here after the join. Allocates nothing.
template <typename Body>
void parallel_for(std::ptrdiff_t pieces, Body&& body) {
  using Fn = std::remove_reference_t<Body>;
  internal::RunPieces(
      pieces, [](void* context, std::ptrdiff_t piece) { (*static_cast<Fn*>(context))(piece); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// Calls fn once on every thread that loops started from here use, the calling one included: for modes of the processor,
// which belong to a thread. fn must not throw.
inline void on_each_thread(void (*fn)()) { internal::RunOnEachThread(fn); }

// Calls body(begin, end) for consecutive ranges of `grain` indices (the last one shorter) that cover [0, n).
template <typename Body>
void parallel_ranges(std::ptrdiff_t n, std::ptrdiff_t grain, Body&& body) {
  parallel_for((n + grain - 1) / grain, [&](std::ptrdiff_t piece) {
    const std::ptrdiff_t begin = piece * grain;
    body(begin, begin + grain < n ? begin + grain : n);
  });
}

}  // namespace normlab
