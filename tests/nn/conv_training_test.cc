// Training a small convolutional network in float: it learns, any team gives the same bits, and a warm step allocates
// nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "base/parallel.h"
#include "nn/layers/conv.h"
#include "nn/layers/linear.h"
#include "nn/ops/activation.h"
#include "nn/ops/cross_entropy.h"
#include "nn/ops/pool.h"
#include "nn/ops/reshape.h"
#include "nn/optim/optimizer.h"
#include "tests/nn/allocation_counter.h"

namespace normlab::nn {
namespace {

// Every padding, both strides and both poolings, on images of which every loop has several pieces. The image is lighter on
// one of its four sides, which is its class.
class Sides {
 public:
  float step(std::uint64_t update) {
    draw_batch(update);
    const Step step;
    tape_.reset();
    Var h = relu(conv1_(tape_.input("pixels", x_.data(), kImage.channels, kImage.positions() * kBatch), step));
    h = relu(conv2_(max_pool(h, conv1_.output(), kPool), step));
    h = mean_pool(relu(conv3_(h, step)), conv3_.output(), kPool);
    const Var loss = softmax_cross_entropy(last_(reshape(h, pooled2_.values(), kBatch), step),
                                           std::span<const std::int32_t>(labels_));
    tape_.backward(loss);
    adam_.step(update);
    return loss.scalar();
  }

  std::vector<float> bits() { return {store_.values(), store_.values() + store_.flat_size()}; }

 private:
  static constexpr Image kImage{3, 14, 13};
  static constexpr Index kBatch = 19;
  static constexpr PoolSpec kPool{.height = 3, .width = 3, .stride = 2, .round_up = true};

  void draw_batch(std::uint64_t update) {
    Rng rng(1, "sides", update);
    for (Index b = 0; b < kBatch; ++b) {
      const auto label = static_cast<std::int32_t>(rng.Below(4));
      labels_[static_cast<std::size_t>(b)] = label;
      for (Index p = 0; p < kImage.positions(); ++p) {
        const Index y = p / kImage.width, x = p % kImage.width;
        const bool lit = label < 2 ? (y < 5) == (label == 0) : (x < 5) == (label == 2);
        for (Index c = 0; c < kImage.channels; ++c) {
          x_[static_cast<std::size_t>((b * kImage.positions() + p) * kImage.channels + c)] =
              static_cast<float>(rng.Normal()) + (lit ? 1.0f : 0.0f);
        }
      }
    }
  }

  ParameterStore store_{1};
  Scope root_{store_};
  Conv2d conv1_{root_ / "conv1", kImage, 20, {.height = 5, .width = 5, .padding = 2, .mode = Padding::kCircular}, {}};
  Image pooled1_ = kPool.output(conv1_.output());
  Conv2d conv2_{root_ / "conv2", pooled1_, 33, {.height = 3, .width = 3, .padding = 1, .mode = Padding::kReflect}, {}};
  Conv2d conv3_{root_ / "conv3", conv2_.output(), 40, {.height = 3, .width = 3, .stride = 2, .padding = 1}, {}};
  Image pooled2_ = kPool.output(conv3_.output());
  Linear last_{root_ / "last", pooled2_.values(), 4, {}};
  Optimizer adam_{store_, {}, {}};
  Tape tape_;
  std::vector<float> x_ = std::vector<float>(static_cast<std::size_t>(kImage.values() * kBatch));
  std::vector<std::int32_t> labels_ = std::vector<std::int32_t>(kBatch);
};

class ConvTraining : public testing::Test {
 protected:
  void TearDown() override { SetThreads(1); }
};

TEST_F(ConvTraining, LearnsWhichSideIsLit) {
  Sides sides;
  const float before = sides.step(0);
  float after = before;
  for (std::uint64_t update = 1; update < 40; ++update) {
    after = sides.step(update);
  }
  EXPECT_LT(after, 0.5f * before);
}

TEST_F(ConvTraining, AnyNumberOfThreadsGivesTheSameBits) {
  std::vector<float> expected;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    Sides sides;
    for (std::uint64_t update = 0; update < 3; ++update) {
      sides.step(update);
    }
    const std::vector<float> bits = sides.bits();
    if (threads == 1) {
      expected = bits;
    }
    EXPECT_EQ(std::memcmp(bits.data(), expected.data(), bits.size() * sizeof(float)), 0) << threads << " threads";
  }
}

TEST_F(ConvTraining, AStepAllocatesNothingAfterTheFirst) {
  for (const int threads : {1, 2, 5}) {
    SetThreads(threads);
    Sides sides;
    sides.step(0);
    const long before = allocations();
    for (std::uint64_t update = 1; update < 4; ++update) {
      sides.step(update);
    }
    EXPECT_EQ(allocations() - before, 0) << threads << " threads";
  }
}

}  // namespace
}  // namespace normlab::nn
