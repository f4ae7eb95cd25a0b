// Training a small recurrent network in float: it learns, any team gives the same bits, and a warm step allocates
// nothing.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "nn/cells/gru.h"
#include "nn/cells/lstm.h"
#include "nn/ops/columns.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/rows.h"
#include "nn/optim/optimizer.h"
#include "tests/nn/allocation_counter.h"

namespace normlab::nn {
namespace {

// An LSTM under a GRU, and a linear read-out of every step that shall repeat the input of two steps before. Large
// enough that the loops over rows have several pieces.
class Echo {
 public:
  explicit Echo(const NormSpec& norm)
      : lstm_(root_ / "lstm", {.inputs = kIn, .units = kUnits, .norm = norm}),
        gru_(root_ / "gru", {.inputs = kUnits, .units = kUnits, .norm = norm}),
        out_(root_ / "out", kUnits, kIn, {}),
        adam_(make_optimizer(store_, {})) {
    mask_.assign(kBatch, 1.0f);
    mask_.back() = 0.0f;
  }

  float step(std::uint64_t update) {
    Rng rng(1, "echo", update);
    std::generate(x_.begin(), x_.end(), [&] { return static_cast<float>(rng.Normal()); });
    tape_.reset();
    const Var sums = lstm_.input_sums(tape_.input("x", x_.data(), kIn, kSteps * kBatch));
    const std::span<const Var> inputs = split_columns(sums, kSteps);
    LstmState state = lstm_.zero_state(tape_, kBatch);
    Var h = gru_.zero_state(tape_, kBatch), loss = tape_.zeros(1, 1);
    for (Index t = 0; t < kSteps; ++t) {
      const Step step{.time = t};
      const Var mask = t + 1 < kSteps ? Var() : tape_.input("mask", mask_.data(), 1, kBatch);
      state = lstm_.step(inputs[static_cast<std::size_t>(t)], state, step, mask);
      h = gru_.step(gru_.input_sums(state.h), h, step);
      if (t >= 2) {
        const Var error = out_(h, step) - tape_.input("target", x_.data() + (t - 2) * kIn * kBatch, kIn, kBatch);
        loss = loss + sum(error * error);
      }
    }
    tape_.backward(loss);
    adam_->step(update);
    return loss.scalar() / (kIn * kBatch * (kSteps - 2));
  }

  std::vector<float> bits() { return {store_.values(), store_.values() + store_.flat_size()}; }

 private:
  static constexpr Index kIn = 6, kUnits = 130, kBatch = 70, kSteps = 5;

  ParameterStore store_{1};
  Scope root_{store_};
  Lstm lstm_;
  Gru gru_;
  SharedLinear out_;
  std::unique_ptr<Optimizer> adam_;
  Tape tape_;
  std::vector<float> x_ = std::vector<float>(kIn * kBatch * kSteps), mask_;
};

class CellTraining : public testing::TestWithParam<NormKind> {
 protected:
  void TearDown() override { SetThreads(1); }
  static NormSpec norm() {
    return std::holds_alternative<BatchNorm>(GetParam()) ? recurrent_batch_norm(8) : NormSpec{.kind = GetParam()};
  }
};
std::string KindName(const testing::TestParamInfo<NormKind>& info) {
  return std::array{"None", "Batch", "Layer", "Weight", "Rms"}[info.index];
}
INSTANTIATE_TEST_SUITE_P(Kinds, CellTraining,
                         testing::Values(NoNorm{}, BatchNorm{}, LayerNorm{}, WeightNorm{}, RmsNorm{}), KindName);

TEST_P(CellTraining, LearnsToEcho) {
  Echo echo(norm());
  const float before = echo.step(0);
  float after = before;
  for (std::uint64_t update = 1; update < 60; ++update) {
    after = echo.step(update);
  }
  EXPECT_LT(after, 0.8f * before);
}

TEST_P(CellTraining, AnyNumberOfThreadsGivesTheSameBits) {
  std::vector<float> expected;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    Echo echo(norm());
    for (std::uint64_t update = 0; update < 3; ++update) {
      echo.step(update);
    }
    const std::vector<float> bits = echo.bits();
    if (threads == 1) {
      expected = bits;
    }
    EXPECT_EQ(std::memcmp(bits.data(), expected.data(), bits.size() * sizeof(float)), 0) << threads << " threads";
  }
}

TEST_P(CellTraining, AStepAllocatesNothingAfterTheFirst) {
  Echo echo(norm());
  echo.step(0);
  const long before = allocations();
  for (std::uint64_t update = 1; update < 4; ++update) {
    echo.step(update);
  }
  EXPECT_EQ(allocations() - before, 0);
}

}  // namespace
}  // namespace normlab::nn
