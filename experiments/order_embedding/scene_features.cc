#include "experiments/order_embedding/scene_features.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "nn/init.h"
#include "nn/ops/activation.h"
#include "nn/ops/conv.h"
#include "nn/ops/reshape.h"
#include "nn/ops/weight_norm.h"
#include "nn/parameter.h"

namespace normlab {
namespace {

constexpr nn::Image kPixels{.channels = 3, .height = data::kSceneSide, .width = data::kSceneSide};
constexpr nn::ConvSpec kFirst{.height = 5, .width = 5, .stride = 2, .padding = 2};
constexpr nn::ConvSpec kSecond{.height = 3, .width = 3, .stride = 2, .padding = 1};
constexpr nn::Index kFirstChannels = 32, kSecondChannels = 64;
constexpr std::size_t kBatch = 64;
constexpr float kMeanGround = 0.125f;  // taken from the pixels, so that it is the shapes that units answer to

class RandomNetwork {
 public:
  // features x B.
  nn::Var operator()(nn::Tape& tape, const float* pixels, nn::Index batch) {
    const nn::Image hidden = kFirst.output(kPixels, kFirstChannels);
    const nn::Var x = tape.input("pixels", pixels, kPixels.channels, kPixels.positions() * batch);
    const nn::Var first = nn::relu(nn::conv2d(tape.parameter(first_), x, kPixels, kFirst));
    const nn::Var second = nn::relu(nn::conv2d(tape.parameter(second_), first, hidden, kSecond));
    const nn::Var features = nn::reshape(second, kSceneFeatures, batch);
    return nn::weight_norm(features, tape.input("ones", ones_.data(), batch, 1));
  }

 private:
  nn::ParameterStore store_{data::kSceneSeed};
  nn::Parameter& first_ = store_.add("scenes.conv1", {kFirstChannels, kFirst.height, kFirst.width, kPixels.channels},
                                     nn::init::he_normal(), nn::Fans{.in = 75, .out = 800});
  nn::Parameter& second_ = store_.add("scenes.conv2", {kSecondChannels, kSecond.height, kSecond.width, kFirstChannels},
                                      nn::init::he_normal(), nn::Fans{.in = 288, .out = 576});
  std::vector<float> ones_ = std::vector<float>(kBatch, 1.0f);
};

}  // namespace

data::FeatureRows SceneFeatures(std::span<const data::Scene> scenes) {
  const auto memory = std::make_shared<std::vector<float>>(scenes.size() * static_cast<std::size_t>(kSceneFeatures));
  RandomNetwork network;
  nn::Tape tape(nn::Recording::kOff);
  std::vector<float> pixels(kBatch * static_cast<std::size_t>(kPixels.values()));
  for (std::size_t begin = 0; begin < scenes.size(); begin += kBatch) {
    const std::span<const data::Scene> some = scenes.subspan(begin, std::min(kBatch, scenes.size() - begin));
    for (std::size_t i = 0; i < some.size(); ++i) {
      data::RenderScene(some[i], pixels.data() + i * static_cast<std::size_t>(kPixels.values()));
    }
    std::transform(pixels.begin(), pixels.end(), pixels.begin(), [](float level) { return level - kMeanGround; });
    tape.reset();
    const nn::Var features = network(tape, pixels.data(), static_cast<nn::Index>(some.size()));
    std::copy_n(features.data(), features.size(), memory->data() + begin * static_cast<std::size_t>(kSceneFeatures));
  }
  return {.data = memory->data(),
          .rows = static_cast<std::int64_t>(scenes.size()),
          .columns = kSceneFeatures,
          .owner = memory};
}

}  // namespace normlab
