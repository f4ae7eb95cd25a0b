// Training steps of DRAW at the paper's sizes, on one thread. Images are noise with MNIST's share of ones.
#include <sys/resource.h>

#include <map>
#include <string>

#include "base/rng.h"
#include "bench/experiments/measure.h"
#include "experiments/draw/draw_training.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr int kBatch = 128;
constexpr double kPixels = 28 * 28;

v1::DrawConfig Config(v1::NormKind norm, bool attention) {
  v1::JobSpec spec;
  spec.mutable_draw()->set_norm(norm);
  spec.mutable_draw()->set_attention(attention);
  spec.mutable_draw()->set_train_images(10 * kBatch);
  spec.mutable_draw()->set_test_images(1);
  spec.mutable_draw()->set_epochs(10000);
  spec.mutable_draw()->set_evaluation_interval(1000000);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).draw();
}

data::BinaryImages NoiseImages(std::int64_t count) {
  Rng rng(1, "bench/images");
  std::string pixels(static_cast<std::size_t>(count * static_cast<std::int64_t>(kPixels)), '0');
  for (char& pixel : pixels) {
    pixel = rng.Uniform() < 0.13 ? '1' : '0';
  }
  return data::BinaryImages(static_cast<std::int64_t>(kPixels), std::move(pixels));
}

// Multiplications and additions of an update's matrix products: forward, gradients of the weights, of the inputs.
double StepFlops(const v1::DrawConfig& config) {
  const double units = config.units(), latent = config.latent_size();
  const double read = config.attention() ? 2.0 * config.read_size() * config.read_size() : 2.0 * kPixels;
  const double outputs = config.attention() ? 5 + 5 + config.write_size() * config.write_size() : kPixels;
  const double cells = 4 * units * (read + 2 * units) + 4 * units * (latent + units);
  return 3 * 2 * config.glimpses() * kBatch * (cells + units * (2 * latent + outputs));
}

void DrawStep(benchmark::State& state, v1::NormKind norm, bool attention) {
  PrepareThread();
  Updates updates = DrawUpdates(norm, attention);
  for (auto _ : state) {
    updates.Next();
  }
  Rates(state, StepFlops(Config(norm, attention)));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

Updates DrawUpdates(v1::NormKind norm, bool attention) {
  const data::BinarizedMnistData data{NoiseImages(10 * kBatch), NoiseImages(1), ""};
  return Updates(MakeDraw(Config(norm, attention), 1, data).value());
}

void RegisterDraw() {
  const auto add = [](const char* name, v1::NormKind norm, bool attention) {
    benchmark::RegisterBenchmark(name, DrawStep, norm, attention)->Unit(benchmark::kMillisecond);
  };
  add("DrawStep/none", v1::NORM_KIND_NONE, true);
  add("DrawStep/layer", v1::NORM_KIND_LAYER, true);
  add("DrawStep/weight", v1::NORM_KIND_WEIGHT, true);
  add("DrawStepWithoutAttention/none", v1::NORM_KIND_NONE, false);
}

}  // namespace normlab
