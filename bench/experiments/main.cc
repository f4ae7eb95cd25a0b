// Training steps and evaluations of the experiments at the paper's sizes, on one thread:
//
//   experiments_bench                                   all
//   experiments_bench --benchmark_filter=MnistStep/layer
//   experiments_bench --benchmark_filter="DrawStep|HandwritingStep"
#include "base/parallel.h"
#include "bench/experiments/measure.h"
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

int main(int argc, char** argv) {
  normlab::RegisterMnist();
  normlab::RegisterDraw();
  normlab::RegisterHandwriting();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
}
