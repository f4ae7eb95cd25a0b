// Training steps and evaluations of the experiments at the paper's sizes, on one thread or --threads=N, which comes first:
//
//   experiments_bench                                   all
//   experiments_bench --benchmark_filter=MnistStep/layer
//   experiments_bench --benchmark_filter="DrawStep|HandwritingStep"
#include <cstdlib>
#include <string_view>

#include "bench/experiments/measure.h"

int main(int argc, char** argv) {
  constexpr std::string_view kThreads = "--threads=";
  if (argc > 1 && std::string_view(argv[1]).starts_with(kThreads)) {
    normlab::UseThreads(std::atoi(argv[1] + kThreads.size()));
    argv[1] = argv[0];
    ++argv;
    --argc;
  }
  normlab::RegisterConvnet();
  normlab::RegisterMnist();
  normlab::RegisterDraw();
  normlab::RegisterHandwriting();
  normlab::RegisterSkipThoughts();
  normlab::RegisterOrderEmbedding();
  normlab::RegisterReader();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
}
