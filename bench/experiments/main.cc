// Training steps and evaluations of the experiments at the paper's sizes, on one thread:
//
//   experiments_bench                                   all
//   experiments_bench --benchmark_filter=MnistStep/layer
//   experiments_bench --benchmark_filter="DrawStep|HandwritingStep"
#include "bench/experiments/measure.h"

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
