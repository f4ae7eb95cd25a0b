// Training steps of the convolutional networks on images of noise of CIFAR-10's size, batches of 100, on one thread.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/experiments/measure.h"
#include "experiments/convnet/convnet_training.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr data::ImageShape kShape{.channels = 3, .height = 32, .width = 32};
constexpr int kImages = 3200, kBatch = 100;

v1::ConvnetConfig Config(v1::ConvnetNetwork network, v1::ConvnetNorm norm) {
  v1::JobSpec spec;
  spec.mutable_convnet()->set_network(network);
  spec.mutable_convnet()->set_norm(norm);
  spec.mutable_convnet()->set_batch_size(kBatch);
  spec.mutable_convnet()->set_epochs(10000);
  spec.mutable_convnet()->set_evaluation_interval(1'000'000'000);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).convnet();
}

// Multiplications and additions of one convolution of one image.
constexpr double Convolution(double positions, double taps, double in, double out) {
  return 2.0 * positions * taps * in * out;
}

// Of an image: forward, and the gradients of weights and inputs, but of the pixels.
double StepFlops(v1::ConvnetNetwork network) {
  if (network == v1::CONVNET_NETWORK_CAFFE) {
    const double first = Convolution(1024, 25, 3, 32);
    return 3.0 * (first + Convolution(256, 25, 32, 32) + Convolution(64, 25, 32, 64) + 2.0 * (1024 * 64 + 64 * 10)) -
           first;
  }
  const double first = Convolution(1024, 9, 3, 96);
  return 3.0 * (first + 2 * Convolution(1024, 9, 96, 96) + Convolution(256, 9, 96, 192) +
                2 * Convolution(256, 9, 192, 192) + Convolution(36, 9, 192, 192) + 2 * Convolution(36, 1, 192, 192) +
                2.0 * 192 * 10) -
         first;
}

void ConvnetStep(benchmark::State& state, v1::ConvnetNetwork network, v1::ConvnetNorm norm) {
  PrepareThread();
  const data::ImageData data{NoiseImages(kImages, kShape), NoiseImages(1, kShape), ""};
  Updates updates(MakeConvnet(Config(network, norm), 1, data).value());
  for (auto _ : state) {
    updates.Next();
  }
  Rates(state, kBatch * StepFlops(network));
}

}  // namespace

void RegisterConvnet() {
  const std::pair<const char*, v1::ConvnetNetwork> networks[] = {{"caffe", v1::CONVNET_NETWORK_CAFFE},
                                                                 {"convpool", v1::CONVNET_NETWORK_CONVPOOL}};
  const std::pair<const char*, v1::ConvnetNorm> norms[] = {{"none", v1::CONVNET_NORM_NONE},
                                                           {"batch", v1::CONVNET_NORM_BATCH},
                                                           {"layer", v1::CONVNET_NORM_LAYER},
                                                           {"group", v1::CONVNET_NORM_GROUP}};
  for (const auto& [network_name, network] : networks) {
    for (const auto& [norm_name, norm] : norms) {
      benchmark::RegisterBenchmark(("ConvnetStep/" + std::string(network_name) + "/" + norm_name).c_str(), ConvnetStep,
                                   network, norm)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace normlab
