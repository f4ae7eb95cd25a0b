// Whole training steps in float: the same bits for any team and after a restart, and no allocation once warm.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/parallel.h"
#include "nn/denormals.h"
#include "nn/layers/linear.h"
#include "nn/ops/activation.h"
#include "nn/ops/cross_entropy.h"
#include "nn/optim/clip.h"
#include "nn/optim/optimizer.h"
#include "tests/nn/allocation_counter.h"

namespace normlab::nn {
namespace {

// A small network of the paper's form, large enough that every loop has several pieces.
class Trainer {
 public:
  Trainer(NormKind kind, bool adam)
      : first_(root_ / "hidden1", kIn, kHidden, spec(kind)),
        second_(root_ / "hidden2", kHidden, kHidden, spec(kind)),
        logits_(root_ / "logits", kHidden, 10, {.kind = NoNorm{}}),
        x_(static_cast<std::size_t>(kIn * kBatch)),
        labels_(static_cast<std::size_t>(kBatch)) {
    if (adam) {
      optimizer_ = std::make_unique<Adam>(store_, AdamOptions{});
    } else {
      optimizer_ = std::make_unique<Sgd>(store_, SgdOptions{});
    }
  }

  float step(std::uint64_t update) {
    draw_batch(update);
    const Step step;
    tape_.reset();
    Var h = relu(first_(tape_.input("x", x_.data(), kIn, kBatch), step));
    h = relu(second_(h, step));
    const Var loss = softmax_cross_entropy(logits_(h, step), std::span<const std::int32_t>(labels_));
    tape_.backward(loss);
    optimizer_->step(update, clip_scale(global_norm(store_), 0.5));
    return loss.scalar();
  }

  // Everything that changes while training.
  std::vector<NamedValues> state() {
    std::vector<NamedValues> all = store_.list_parameters();
    for (const auto& more : {store_.list_buffers(), optimizer_->slots()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }
  std::vector<float> bits() {
    std::vector<float> all;
    for (const NamedValues& a : state()) {
      all.insert(all.end(), a.data, a.data + a.size);
    }
    return all;
  }
  void copy_state_of(Trainer& other) {
    const std::vector<NamedValues> to = state(), from = other.state();
    ASSERT_EQ(to.size(), from.size());
    for (std::size_t i = 0; i < to.size(); ++i) {
      ASSERT_EQ(to[i].name, from[i].name);
      std::copy_n(from[i].data, from[i].size, to[i].data);
    }
  }

 private:
  static constexpr Index kIn = 300, kHidden = 520, kBatch = 70;

  static NormSpec spec(NormKind kind) { return {.kind = kind}; }
  void draw_batch(std::uint64_t update) {
    Rng rng(1, "batch", update);
    for (float& v : x_) {
      v = static_cast<float>(rng.Uniform());
    }
    for (std::int32_t& y : labels_) {
      y = static_cast<std::int32_t>(rng.Below(10));
    }
  }

  ParameterStore store_{1};
  Scope root_{store_};
  Linear first_, second_, logits_;
  std::unique_ptr<Optimizer> optimizer_;
  Tape tape_;
  std::vector<float> x_;
  std::vector<std::int32_t> labels_;
};

// Bitwise, so that NaNs would compare and -0 is not 0.
bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class Training : public testing::TestWithParam<NormKind> {
 protected:
  void TearDown() override { SetThreads(1); }
};
std::string KindName(const testing::TestParamInfo<NormKind>& info) {
  return std::array{"None", "Batch", "Layer", "Weight", "Rms", "Group"}[info.index];
}
INSTANTIATE_TEST_SUITE_P(Kinds, Training,
                         testing::Values(NoNorm{}, BatchNorm{}, LayerNorm{}, WeightNorm{}, RmsNorm{},
                                         GroupNorm{.groups = 8}),
                         KindName);

TEST_P(Training, LearnsTheBatchItSees) {
  Trainer trainer(GetParam(), true);
  const float before = trainer.step(0);
  float after = before;
  for (int i = 0; i < 15; ++i) {
    after = trainer.step(0);
  }
  EXPECT_LT(after, 0.5f * before);
}

TEST_P(Training, AnyNumberOfThreadsGivesTheSameBits) {
  std::vector<float> expected;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    Trainer trainer(GetParam(), true);
    std::vector<float> losses;
    for (std::uint64_t update = 0; update < 4; ++update) {
      losses.push_back(trainer.step(update));
    }
    std::vector<float> bits = trainer.bits();
    bits.insert(bits.end(), losses.begin(), losses.end());
    if (threads == 1) {
      expected = bits;
    }
    EXPECT_TRUE(SameBits(bits, expected)) << threads << " threads";
  }
}

TEST_P(Training, GoesOnFromACopiedStateWithTheSameBits) {
  for (const bool adam : {true, false}) {
    Trainer whole(GetParam(), adam), resumed(GetParam(), adam);
    for (std::uint64_t update = 0; update < 3; ++update) {
      whole.step(update);
    }
    resumed.step(99);  // what is there before the copy must not matter
    resumed.copy_state_of(whole);
    for (std::uint64_t update = 3; update < 6; ++update) {
      EXPECT_EQ(whole.step(update), resumed.step(update));
    }
    EXPECT_TRUE(SameBits(whole.bits(), resumed.bits()));
  }
}

TEST_P(Training, AStepAllocatesNothingAfterTheFirst) {
  SetThreads(1);
  Trainer trainer(GetParam(), true);
  trainer.step(0);
  const long before = allocations();
  for (std::uint64_t update = 1; update < 4; ++update) {
    trainer.step(update);
  }
  EXPECT_EQ(allocations() - before, 0);
}

// A second thread's workspace grows when it first gets a piece, which may be some steps later on a busy machine.
TEST_P(Training, ATeamStopsAllocating) {
  SetThreads(2);
  Trainer trainer(GetParam(), true);
  int quiet_steps = 0;
  for (std::uint64_t update = 0; update < 60 && quiet_steps < 4; ++update) {
    const long before = allocations();
    trainer.step(update);
    quiet_steps = allocations() == before ? quiet_steps + 1 : 0;
  }
  EXPECT_EQ(quiet_steps, 4);
}

void give_gradient(BasicParameter<double>& p, const std::vector<double>& gradient) {
  std::copy(gradient.begin(), gradient.end(), p.gradient_memory());
  *p.gradient_flag() = true;
}

TEST(Clip, TheNormIsThatOfAllGradientsTogether) {
  BasicParameterStore<double> store(1);
  BasicParameter<double>& a = store.add("a", {3}, init::zeros());
  BasicParameter<double>& b = store.add("b", {1}, init::zeros());
  give_gradient(a, {3.0, 0.0, 4.0});
  give_gradient(b, {12.0});
  EXPECT_DOUBLE_EQ(global_norm(store), 13.0);
  EXPECT_DOUBLE_EQ(clip_scale(13.0, 26.0), 1.0);
  EXPECT_DOUBLE_EQ(clip_scale(13.0, 6.5), 0.5);
  EXPECT_TRUE(std::isnan(clip_scale(std::nan(""), 1.0)));
}

TEST(Clip, GradientScaleIsAppliedByTheOptimizers) {
  for (const double scale : {1.0, 0.25}) {
    BasicParameterStore<double> store(1);
    BasicParameter<double>& w = store.add("w", {1}, init::zeros());
    BasicSgd<double> sgd(store, {.learning_rate = 1.0, .momentum = 0.0});
    give_gradient(w, {8.0});
    sgd.step(0, scale);
    EXPECT_DOUBLE_EQ(*w.value(), -8.0 * scale);
  }
}

// In a thread of its own, for the mode would stay with the thread of the other tests.
TEST(Denormals, AreFlushedOnTheWholeTeam) {
  std::jthread([] {
    constexpr int kThreads = 3;
    SetThreads(kThreads);
    static std::atomic<int> flushing;
    const auto count = [] {
      flushing = 0;
      on_each_thread([] { flushing += flushes_denormals() ? 1 : 0; });
      return flushing.load();
    };
    EXPECT_LT(count(), kThreads);  // this thread does not
    flush_denormals();
    EXPECT_EQ(count(), kThreads);
    volatile float tiny = 1e-38f;
    EXPECT_EQ(tiny * 0.01f, 0.0f);
  });
}

}  // namespace
}  // namespace normlab::nn
