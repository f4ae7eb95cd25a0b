// Training a small model of words in float: embeddings that are the output's weights too, dropout, attention over
// padded sentences, and a loss over many words. It learns, any team gives the same bits, and a warm step allocates
// nothing.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/parallel.h"
#include "nn/layers/linear.h"
#include "nn/ops/activation.h"
#include "nn/ops/attention.h"
#include "nn/ops/dropout.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/gather.h"
#include "nn/ops/linear_cross_entropy.h"
#include "nn/ops/reverse.h"
#include "nn/optim/optimizer.h"
#include "tests/nn/allocation_counter.h"

namespace normlab::nn {
namespace {

// Which word of a sentence is asked for: the one at its middle or after, by its own embedding among distractors. Large
// enough that every loop has several pieces.
class WordModel {
 public:
  float step(std::uint64_t update) {
    draw_batch(update);
    const Step step{.key = {.seed = 1, .update = update}};
    tape_.reset();
    store_.clear_gradients();
    const Var table = tape_.parameter(table_);
    const Var words = dropout(gather(table, std::span<const std::int32_t>(words_)), 0.1, step, "dropout/words");
    const Var states = reverse_sequences(gelu(hidden_(words, step)), std::span<const std::int32_t>(lengths_), kLayout);
    const Var mask = tape_.input("mask", mask_.data(), 1, kLayout.cols());
    const Var question = gather(table, std::span<const std::int32_t>(questions_));
    const Var a = masked_softmax(attention_scores(question, states, kLayout), mask, kLayout);
    const Var answer = attention_context(a, states, kLayout) + masked_mean(words, mask, kLayout);
    const Var loss = linear_cross_entropy(table, tape_.parameter(bias_), dropout(answer, 0.1, step, "dropout/answer"),
                                          std::span<const std::int32_t>(questions_),
                                          tape_.input("weights", weights_.data(), 1, kLayout.batch));
    tape_.backward(loss);
    adam_.step(update);
    return loss.scalar();
  }

  std::vector<float> bits() { return {store_.values(), store_.values() + store_.flat_size()}; }

 private:
  static constexpr Index kWords = 900, kUnits = 130;
  static constexpr SequenceLayout kLayout{.steps = 12, .batch = 170};

  void draw_batch(std::uint64_t update) {
    Rng rng(1, "words", update % 2);  // two batches, again and again
    for (std::int32_t& word : words_) {
      word = static_cast<std::int32_t>(rng.Below(kWords));
    }
    for (Index b = 0; b < kLayout.batch; ++b) {
      const auto at = static_cast<std::size_t>(b);
      lengths_[at] = static_cast<std::int32_t>(1 + rng.Below(static_cast<std::uint64_t>(kLayout.steps)));
      weights_[at] = b % 5 == 0 ? 0.0f : 0.01f;
      questions_[at] = words_[static_cast<std::size_t>(kLayout.column(lengths_[at] / 2, b))];
      for (Index t = 0; t < kLayout.steps; ++t) {
        mask_[static_cast<std::size_t>(kLayout.column(t, b))] = t < lengths_[at] ? 1.0f : 0.0f;
      }
    }
  }

  ParameterStore store_{1};
  Scope root_{store_};
  Parameter& table_ = root_.matrix("table", kWords, kUnits, init::uniform(0.3));
  Parameter& bias_ = root_.vector("bias", kWords, init::zeros());
  Linear hidden_{root_ / "hidden", kUnits, kUnits, NormSpec{}};
  Optimizer adam_{store_, {.learning_rate = 1e-2}, {}};
  Tape tape_;
  std::vector<std::int32_t> words_ = std::vector<std::int32_t>(static_cast<std::size_t>(kLayout.cols()));
  std::vector<std::int32_t> lengths_ = std::vector<std::int32_t>(static_cast<std::size_t>(kLayout.batch));
  std::vector<std::int32_t> questions_ = lengths_;
  std::vector<float> mask_ = std::vector<float>(words_.size()), weights_ = std::vector<float>(lengths_.size());
};

TEST(WordModel, LearnsTheBatchesItSees) {
  WordModel model;
  const float before = model.step(0);
  float after = before;
  for (std::uint64_t update = 1; update < 60; ++update) {
    after = model.step(update);
  }
  EXPECT_LT(after, 0.3f * before);
}

TEST(WordModel, AnyNumberOfThreadsGivesTheSameBits) {
  std::vector<float> expected;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    WordModel model;
    for (std::uint64_t update = 0; update < 3; ++update) {
      model.step(update);
    }
    const std::vector<float> bits = model.bits();
    if (threads == 1) {
      expected = bits;
    }
    EXPECT_EQ(std::memcmp(bits.data(), expected.data(), bits.size() * sizeof(float)), 0) << threads << " threads";
  }
  SetThreads(1);
}

TEST(WordModel, AStepAllocatesNothingAfterTheFirst) {
  for (const int threads : {1, 3}) {
    SetThreads(threads);
    WordModel model;
    model.step(0);
    model.step(1);
    const long before = allocations();
    for (std::uint64_t update = 2; update < 6; ++update) {
      model.step(update);
    }
    EXPECT_EQ(allocations() - before, 0) << threads << " threads";
  }
  SetThreads(1);
}

}  // namespace
}  // namespace normlab::nn
