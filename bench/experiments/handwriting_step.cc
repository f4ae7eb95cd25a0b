// Training steps of the handwriting network at the paper's size, on one thread: 3 x 400 cells, batch 8, 700 points.
// Points are noise; texts have 30 characters.
#include <sys/resource.h>

#include "base/rng.h"
#include "bench/experiments/measure.h"
#include "experiments/handwriting/training.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr int kLines = 16, kBatch = 8, kPoints = 700, kCharacters = 30;

data::HandwritingData NoiseLines() {
  Rng rng(1, "bench/lines");
  data::HandwritingData data;
  for (int n = 0; n < kLines; ++n) {
    data::PenSequence& line = data.train.emplace_back();
    for (int t = 0; t < kPoints; ++t) {
      line.steps.push_back(
          {static_cast<float>(rng.Normal()), static_cast<float>(rng.Normal()), rng.Uniform() < 0.04 ? 1.0f : 0.0f});
    }
    for (int u = 0; u < kCharacters; ++u) {
      line.text.push_back(static_cast<std::uint8_t>(rng.Below(57)));
    }
  }
  data.test.push_back(data.train.front());
  return data;
}

v1::HandwritingConfig Config(v1::NormKind norm) {
  v1::JobSpec spec;
  spec.mutable_handwriting()->set_norm(norm);
  spec.mutable_handwriting()->set_max_steps(kPoints);
  spec.mutable_handwriting()->set_updates(1000000);
  spec.mutable_handwriting()->set_evaluation_interval(1000000);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).handwriting();
}

// Multiplications and additions of an update's matrix products: forward, gradients of the weights, of the inputs.
double StepFlops(const v1::HandwritingConfig& config) {
  const double units = config.units(), seen = 3 + 57;
  const double cells = 4 * units * ((seen + units) + 2 * (seen + 2 * units));
  const double heads = units * 3 * config.gaussians() + 3 * units * (6 * config.components() + 1);
  return 3 * 2 * kBatch * kPoints * (cells + heads);
}

void HandwritingStep(benchmark::State& state, v1::NormKind norm) {
  PrepareThread();
  Updates updates = HandwritingUpdates(norm);
  for (auto _ : state) {
    updates.Next();
  }
  Rates(state, StepFlops(Config(norm)));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

Updates HandwritingUpdates(v1::NormKind norm) {
  return Updates(MakeHandwriting(Config(norm), 1, NoiseLines()).value());
}

void RegisterHandwriting() {
  for (const auto& [name, norm] : {std::pair{"HandwritingStep/none", v1::NORM_KIND_NONE},
                                   std::pair{"HandwritingStep/layer", v1::NORM_KIND_LAYER}}) {
    benchmark::RegisterBenchmark(name, HandwritingStep, norm)->Unit(benchmark::kMillisecond);
  }
}

}  // namespace normlab
