#include "bench/experiments/measure.h"

#include "base/parallel.h"
#include "bench/fma_peak.h"
#include "nn/denormals.h"

namespace normlab {

void PrepareThread() {
  SetThreads(1);
  nn::flush_denormals();
}

void Rates(benchmark::State& state, double flops) {
  static const double peak = fma_peak();
  state.counters["GF/s"] = benchmark::Counter(flops / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = benchmark::Counter(flops / 1e9 / peak, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace normlab
