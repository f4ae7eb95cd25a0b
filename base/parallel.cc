#include "base/parallel.h"

#include <omp.h>

#include <atomic>
#include <exception>

namespace normlab {
namespace {

thread_local int team_size = 1;

// Keeps the first exception of a team, to be rethrown outside: one that leaves an OpenMP region ends the process.
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

}  // namespace

void SetThreads(int n) { team_size = n < 1 ? 1 : n; }
int Threads() { return team_size; }

void internal::RunPieces(std::ptrdiff_t pieces, PieceFn fn, void* context) {
  const std::ptrdiff_t team = pieces < team_size ? pieces : team_size;
  if (team <= 1 || omp_in_parallel()) {
    for (std::ptrdiff_t piece = 0; piece < pieces; ++piece) {
      fn(context, piece);
    }
    return;
  }
  FirstException first;
#pragma omp parallel for schedule(dynamic, 1) num_threads(static_cast <int>(team))
  for (std::ptrdiff_t piece = 0; piece < pieces; ++piece) {
    try {
      fn(context, piece);
    } catch (...) {
      first.Capture();
    }
  }
  first.Rethrow();
}

void internal::RunOnEachThread(void (*fn)()) {
  // The runtime keeps its threads: those of this region run the loops that follow.
#pragma omp parallel num_threads(team_size)
  fn();
}

}  // namespace normlab
