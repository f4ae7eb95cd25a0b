// Training steps and evaluation of the MNIST network at the paper's sizes, on one thread. Images are noise with MNIST's
// share of zeros, which the first layer passes over: GF/s counts as if they were multiplied, so of_peak may exceed what
// dense products reach. Beyond that share, speed does not depend on what images show.
#include <benchmark/benchmark.h>

#include <map>
#include <string>

#include "bench/experiments/measure.h"
#include "experiments/mnist_mlp/mnist_training.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr std::int64_t kPixels = 784;
constexpr std::int64_t kClasses = 10;
constexpr int kImages = 6400;

constexpr data::ImageShape kShape{.channels = 1, .height = 28, .width = 28};

v1::MnistMlpConfig Config(v1::NormKind norm, int batch_size, int train_images, int test_images) {
  v1::JobSpec spec;
  spec.mutable_mnist_mlp()->set_norm(norm);
  spec.mutable_mnist_mlp()->set_batch_size(batch_size);
  spec.mutable_mnist_mlp()->set_train_images(train_images);
  spec.mutable_mnist_mlp()->set_test_images(test_images);
  spec.mutable_mnist_mlp()->set_passes(10000);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).mnist_mlp();
}

// Multiplications and additions of the matrix products, per example.
double ForwardFlops(double hidden) { return 2.0 * (kPixels * hidden + hidden * hidden + hidden * kClasses); }
// Forward, gradients of the weights, gradients of the inputs of all layers but the first.
double StepFlops(double hidden) { return 3.0 * ForwardFlops(hidden) - 2.0 * kPixels * hidden; }

void MnistStep(benchmark::State& state, v1::NormKind norm, int batch_size) {
  PrepareThread();
  Updates updates = MnistUpdates(norm, batch_size);
  for (auto _ : state) {
    updates.Next();
  }
  Rates(state, batch_size * StepFlops(Config(norm, batch_size, kImages, 1).hidden_units()));
}

// All 65,000 images, as after every pass of the paper's runs.
void MnistEvaluate(benchmark::State& state, v1::NormKind norm) {
  PrepareThread();
  const v1::MnistMlpConfig config = Config(norm, 128, 55000, 10000);
  auto experiment =
      MakeMnistMlp(config, 1, data::ImageData{NoiseImages(55000, kShape), NoiseImages(10000, kShape), ""});
  NullRecorder recorder;
  for (auto _ : state) {
    (*experiment)->Begin(recorder);
  }
  Rates(state, 65000 * ForwardFlops(config.hidden_units()));
}

}  // namespace

Updates MnistUpdates(v1::NormKind norm, int batch_size) {
  const data::ImageData data{NoiseImages(kImages, kShape), NoiseImages(1, kShape), ""};
  return Updates(MakeMnistMlp(Config(norm, batch_size, kImages, 1), 1, data).value(),
                 static_cast<std::uint64_t>(kImages / batch_size));
}

void RegisterMnist() {
  const std::pair<const char*, v1::NormKind> norms[] = {{"none", v1::NORM_KIND_NONE},
                                                        {"batch", v1::NORM_KIND_BATCH},
                                                        {"layer", v1::NORM_KIND_LAYER},
                                                        {"weight", v1::NORM_KIND_WEIGHT},
                                                        {"rms", v1::NORM_KIND_RMS}};
  for (const auto& [name, norm] : norms) {
    for (const int batch_size : {128, 4}) {
      benchmark::RegisterBenchmark(("MnistStep/" + std::string(name) + "/" + std::to_string(batch_size)).c_str(),
                                   MnistStep, norm, batch_size)
          ->Unit(benchmark::kMillisecond);
    }
  }
  for (const auto& [name, norm] : norms) {
    benchmark::RegisterBenchmark(("MnistEvaluate/" + std::string(name)).c_str(), MnistEvaluate, norm)
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace normlab
