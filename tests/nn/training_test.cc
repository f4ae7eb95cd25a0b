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
  explicit Trainer(NormKind kind, const OptimizerSpec& optimizer = {}, ClipKind clip = ClipKind::kGlobalNorm,
                   Index batch = 70)
      : first_(root_ / "hidden1", kIn, kHidden, spec(kind)),
        second_(root_ / "hidden2", kHidden, kHidden, spec(kind)),
        logits_(root_ / "logits", kHidden, 10, {.kind = NoNorm{}}),
        optimizer_(make_optimizer(store_, optimizer, {.warmup = 3})),
        clip_{.kind = clip, .limit = 0.5},
        batch_(batch),
        x_(static_cast<std::size_t>(kIn * batch)),
        labels_(static_cast<std::size_t>(batch)) {}

  float step(std::uint64_t update) {
    draw_batch(update);
    const Step step;
    tape_.reset();
    Var h = relu(first_(tape_.input("x", x_.data(), kIn, batch_), step));
    h = relu(second_(h, step));
    const Var loss = softmax_cross_entropy(logits_(h, step), std::span<const std::int32_t>(labels_));
    tape_.backward(loss);
    optimizer_->step(update, clip_gradients(store_, clip_).scale);
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
  static constexpr Index kIn = 300, kHidden = 520;

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
  ClipSpec clip_;
  Index batch_;
  Tape tape_;
  std::vector<float> x_;
  std::vector<std::int32_t> labels_;
};

// Bitwise, so that NaNs would compare and -0 is not 0.
bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Three updates, a copy of the state, three more.
void expect_same_bits_after_resuming(Trainer& whole, Trainer& resumed) {
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
  Trainer trainer(GetParam());
  const float before = trainer.step(0);
  float after = before;
  for (int i = 0; i < 15; ++i) {
    after = trainer.step(0);
  }
  EXPECT_LT(after, 0.5f * before);
}

// A batch as the optimizer sees it: many examples, or so few that the weights' gradients are left to it.
struct Batch {
  Index size;
  ClipKind clip;
};
constexpr std::array kBatches = {Batch{70, ClipKind::kGlobalNorm}, Batch{4, ClipKind::kOff}};

TEST_P(Training, AnyNumberOfThreadsGivesTheSameBits) {
  for (const Batch& batch : kBatches) {
    std::vector<float> expected;
    for (const int threads : {1, 2, 3, 8}) {
      SetThreads(threads);
      Trainer trainer(GetParam(), {}, batch.clip, batch.size);
      std::vector<float> losses;
      for (std::uint64_t update = 0; update < 4; ++update) {
        losses.push_back(trainer.step(update));
      }
      std::vector<float> bits = trainer.bits();
      bits.insert(bits.end(), losses.begin(), losses.end());
      if (threads == 1) {
        expected = bits;
      }
      EXPECT_TRUE(SameBits(bits, expected)) << batch.size << " examples, " << threads << " threads";
    }
  }
}

TEST_P(Training, GoesOnFromACopiedStateWithTheSameBits) {
  Trainer whole(GetParam()), resumed(GetParam());
  expect_same_bits_after_resuming(whole, resumed);
}

TEST_P(Training, AStepAllocatesNothingAfterTheFirst) {
  SetThreads(1);
  for (const Batch& batch : kBatches) {
    Trainer trainer(GetParam(), {}, batch.clip, batch.size);
    trainer.step(0);
    const long before = allocations();
    for (std::uint64_t update = 1; update < 4; ++update) {
      trainer.step(update);
    }
    EXPECT_EQ(allocations() - before, 0) << batch.size << " examples";
  }
}

// A second thread's workspace grows when it first gets a piece, which may be some steps later on a busy machine.
TEST_P(Training, ATeamStopsAllocating) {
  SetThreads(2);
  Trainer trainer(GetParam());
  int quiet_steps = 0;
  for (std::uint64_t update = 0; update < 60 && quiet_steps < 4; ++update) {
    const long before = allocations();
    trainer.step(update);
    quiet_steps = allocations() == before ? quiet_steps + 1 : 0;
  }
  EXPECT_EQ(quiet_steps, 4);
}

class OptimizerTraining : public testing::TestWithParam<OptimizerKind> {
 protected:
  void TearDown() override { SetThreads(1); }
  static Trainer trainer(ClipKind clip = ClipKind::kGlobalNorm) {
    return Trainer(LayerNorm{}, {.kind = GetParam(), .momentum = 0.5, .weight_decay = 1e-3}, clip);
  }
};
std::string OptimizerName(const testing::TestParamInfo<OptimizerKind>& info) {
  return std::array{"Adam", "AdamW", "Sgd", "Rmsprop", "RmspropGraves"}[info.index];
}
INSTANTIATE_TEST_SUITE_P(Kinds, OptimizerTraining,
                         testing::Values(OptimizerKind::kAdam, OptimizerKind::kAdamW, OptimizerKind::kSgd,
                                         OptimizerKind::kRmsprop, OptimizerKind::kRmspropGraves),
                         OptimizerName);
constexpr std::array kClips = {ClipKind::kOff, ClipKind::kGlobalNorm, ClipKind::kPerTensor, ClipKind::kPerValue};

TEST_P(OptimizerTraining, AnyNumberOfThreadsGivesTheSameBits) {
  for (const ClipKind clip : kClips) {
    std::vector<float> expected;
    for (const int threads : {1, 2, 3, 8}) {
      SetThreads(threads);
      Trainer t = trainer(clip);
      t.step(0);
      t.step(1);
      const std::vector<float> bits = t.bits();
      expected = threads == 1 ? bits : expected;
      EXPECT_TRUE(SameBits(bits, expected)) << threads << " threads";
    }
  }
}

TEST_P(OptimizerTraining, GoesOnFromACopiedStateWithTheSameBits) {
  Trainer whole = trainer(), resumed = trainer();
  expect_same_bits_after_resuming(whole, resumed);
}

TEST_P(OptimizerTraining, AStepAllocatesNothingAfterTheFirst) {
  for (const ClipKind clip : kClips) {
    Trainer t = trainer(clip);
    t.step(0);
    const long before = allocations();
    t.step(1);
    EXPECT_EQ(allocations() - before, 0);
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
