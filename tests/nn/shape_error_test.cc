// Shapes that do not fit: the error names the op, both variables and their shapes, and what was expected.
#include <gmock/gmock.h>

#include <utility>

#include "nn/error.h"
#include "nn/ops/attention.h"
#include "nn/ops/batch_norm.h"
#include "nn/ops/cross_entropy.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/layer_norm.h"
#include "nn/ops/linear.h"
#include "nn/ops/reverse.h"
#include "nn/ops/rows.h"
#include "nn/ops/weight_norm.h"
#include "nn/parameter.h"

namespace normlab::nn {
namespace {

class ShapeError : public testing::Test {
 protected:
  // A Var with a name and a shape, rows x cols.
  Var var(const std::string& name, Index rows, Index cols) {
    return tape_.parameter(store_.add(name, {cols, rows}, init::zeros()));
  }
  template <typename F>
  void expect(const std::string& message, F f) {
    try {
      f();
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::StartsWith(message));
    }
  }

  ParameterStore store_{1};
  Tape tape_;
};

TEST_F(ShapeError, Linear) {
  const Var w = var("hidden1.weight", 784, 1000), x = var("x", 768, 2);
  expect("linear: 'hidden1.weight' is 784 x 1000 and 'x' is 768 x 2; expected as many rows", [&] { linear(w, x); });
}

TEST_F(ShapeError, VectorsOfTheWrongLength) {
  const Var a = var("a", 3, 2), right = var("right", 3, 1), wrong = var("gain", 12, 1), matrix = var("m", 3, 3);
  const std::string expected = ": 'a' is 3 x 2 and 'gain' is 12 x 1; expected a vector with one value per row";
  expect("add_bias" + expected, [&] { add_bias(a, wrong); });
  expect("layer_norm" + expected, [&] { layer_norm(a, wrong, right); });
  expect("layer_norm" + expected, [&] { layer_norm(a, right, wrong); });
  expect("rms_norm" + expected, [&] { rms_norm(a, wrong, right); });
  expect("batch_norm" + expected, [&] { batch_norm(a, wrong, right, false); });
  expect("batch_norm_with" + expected, [&] { batch_norm_with<float>({}, a, right, wrong); });
  expect("layer_norm: 'a' is 3 x 2 and 'm' is 3 x 3", [&] { layer_norm(a, matrix, right); });
  expect("weight_norm: 'a' is 3 x 2 and 'right' is 3 x 1; expected a gain with one value per unit",
         [&] { weight_norm(a, right); });
}

TEST_F(ShapeError, UnbiasedVarianceOfOneExample) {
  const Var a = var("a", 3, 1), v = var("v", 3, 1);
  expect("batch_norm: 'a' is 3 x 1; expected at least 2 examples", [&] { batch_norm(a, v, v, true); });
}

TEST_F(ShapeError, Elementwise) {
  const Var x = var("x", 3, 2), y = var("y", 2, 3);
  expect("add: 'x' is 3 x 2 and 'y' is 2 x 3; expected the same shape", [&] { add(x, y); });
  expect("mul: 'x' is 3 x 2 and 'y' is 2 x 3; expected the same shape", [&] { mul(x, y); });
  expect("concat_rows: 'x' is 3 x 2 and 'y' is 2 x 3; expected as many columns", [&] { concat_rows(x, y); });
  expect("slice_rows: rows 2 to 3 of 'x', which is 3 x 2", [&] { slice_rows(x, 2, 2); });
  expect("slice_rows: rows -1 to 0", [&] { slice_rows(x, -1, 2); });
}

TEST_F(ShapeError, Sequences) {
  const SequenceLayout layout{.steps = 4, .batch = 2};
  const Var k = var("k", 3, 8), q = var("q", 3, 2), short_k = var("short", 3, 7), scores = var("scores", 1, 8);
  const std::string columns = ": 'short' is 3 x 7; expected 4 x 2 columns, steps x sequences";
  expect("attention_scores" + columns, [&] { attention_scores(q, short_k, layout); });
  expect("masked_softmax" + columns, [&] { masked_softmax(short_k, {}, layout); });
  expect("attention_context" + columns, [&] { attention_context(scores, short_k, layout); });
  expect("masked_mean" + columns, [&] { masked_mean(short_k, scores, layout); });
  expect("attention_scores: 'k' is 3 x 8 and 'k' is 3 x 8; expected a query of as many rows for each example",
         [&] { attention_scores(k, k, layout); });
  expect("attention_hidden" + columns, [&] { attention_hidden(short_k, q, {}, layout); });
  expect("attention_hidden: 'k' is 3 x 8 and 'k' is 3 x 8; expected a query of as many rows for each example",
         [&] { attention_hidden(k, k, {}, layout); });
  expect("attention_hidden: 'q' is 3 x 2 and 'k' is 3 x 8; expected one row with a value per column",
         [&] { attention_hidden(k, q, q, layout); });
  expect("masked_softmax: 'k' is 3 x 8; expected one row", [&] { masked_softmax(k, {}, layout); });
  const std::string row = ": 'q' is 3 x 2 and 'k' is 3 x 8; expected one row with a value per column";
  expect("attention_context" + row, [&] { attention_context(q, k, layout); });
  expect("masked_mean" + row, [&] { masked_mean(k, q, layout); });
  expect("masked_softmax: 'q' is 3 x 2 and 'scores' is 1 x 8; expected one row",
         [&] { masked_softmax(scores, q, layout); });
  expect("repeat_over_time: 'k' is 3 x 8; expected a column for each sequence", [&] { repeat_over_time(k, layout); });
  expect("attention_scores: 'k' is 3 x 8; expected 0 x 8 columns", [&] { attention_scores(q, k, {0, 8}); });
}

TEST_F(ShapeError, LengthsOfSequences) {
  const Var x = var("x", 3, 8);
  const auto reverse = [&](std::vector<std::int32_t> lengths) {
    reverse_sequences(x, std::span(std::as_const(lengths)), {.steps = 4, .batch = 2});
  };
  expect("reverse_sequences: 3 lengths for 'x' of 2 sequences; expected one each", [&] { reverse({1, 2, 3}); });
  expect("reverse_sequences: length 5 of example 1; expected 0 to 4, the steps of 'x'", [&] { reverse({4, 5}); });
  expect("reverse_sequences: length -1 of example 0", [&] { reverse({-1, 0}); });
}

TEST_F(ShapeError, Labels) {
  const Var z = var("logits", 10, 2);
  const auto loss = [&](std::vector<std::int32_t> labels) {
    (void)softmax_cross_entropy(z, std::span(std::as_const(labels)));
  };
  expect("softmax_cross_entropy: 'logits' is 10 x 2 and there are 3 labels", [&] { loss({1, 2, 3}); });
  expect("softmax_cross_entropy: label 10 of example 1; expected 0 to 9", [&] { loss({1, 10}); });
  expect("softmax_cross_entropy: label -1 of example 0", [&] { loss({-1, 10}); });
}

}  // namespace
}  // namespace normlab::nn
