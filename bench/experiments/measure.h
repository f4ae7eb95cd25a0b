// measure.h - what the benchmarks of training steps share.
#pragma once

#include <benchmark/benchmark.h>

#include "experiments/experiment.h"

namespace normlab {

// Forgets everything.
class NullRecorder final : public Recorder {
 public:
  void Point(std::string_view, std::uint64_t, double) override {}
  void Artifact(std::string_view, std::string_view, std::uint64_t, std::string) override {}
};

// One thread, in the mode in which workers train: denormals are zero.
void PrepareThread();

// Counters GF/s, and of_peak: its share of what fused multiply-adds reach on one core in the same run. `flops` are the
// multiplications and additions of an iteration's matrix products.
void Rates(benchmark::State& state, double flops);

void RegisterMnist();
void RegisterDraw();
void RegisterHandwriting();

}  // namespace normlab
