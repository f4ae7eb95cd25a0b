// Attention over padded sequences: against its definition, in both orders, with anything at all in the padding.
#include "nn/ops/attention.h"

#include <cmath>

#include "nn/ops/elementwise.h"
#include "nn/ops/reverse.h"
#include "tests/nn/float_testing.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;
using DVar = BasicVar<double>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Lengths of 0 to `steps`, all of which occur if there are enough examples.
Index length(const SequenceLayout& layout, Index b) { return layout.steps - b % (layout.steps + 1); }

std::vector<double> mask_of(const SequenceLayout& layout) {
  std::vector<double> mask(static_cast<std::size_t>(layout.cols()));
  for (Index c = 0; c < layout.cols(); ++c) {
    mask[static_cast<std::size_t>(c)] = layout.step(c) < length(layout, layout.example(c)) ? 1.0 : 0.0;
  }
  return mask;
}

class SequenceAttention : public testing::TestWithParam<SequenceOrder> {
 protected:
  SequenceLayout layout(Index steps, Index batch) const { return {steps, batch, GetParam()}; }
};
INSTANTIATE_TEST_SUITE_P(Orders, SequenceAttention,
                         testing::Values(SequenceOrder::kTimeMajor, SequenceOrder::kBatchMajor), [](const auto& info) {
                           return info.param == SequenceOrder::kTimeMajor ? "TimeMajor" : "BatchMajor";
                         });

TEST_P(SequenceAttention, ColumnsAreWhereTheLayoutSays) {
  const SequenceLayout l = layout(5, 3);
  for (Index t = 0; t < 5; ++t) {
    for (Index b = 0; b < 3; ++b) {
      const Index c = l.column(t, b);
      EXPECT_EQ(c, GetParam() == SequenceOrder::kTimeMajor ? t * 3 + b : b * 5 + t);
      EXPECT_EQ(l.step(c), t);
      EXPECT_EQ(l.example(c), b);
    }
  }
}

TEST_P(SequenceAttention, AgreesWithTheDefinition) {
  const SequenceLayout l = layout(4, 5);
  Inputs in;
  in.normal("q", 3, 5).normal("k", 3, l.cols()).normal("v", 2, l.cols());
  DTape tape;
  const DVar q = in.on(tape, "q"), k = in.on(tape, "k"), v = in.on(tape, "v");
  const std::vector<double> mask = mask_of(l);
  const DVar m = tape.input("mask", mask.data(), 1, l.cols());
  const DVar a = masked_softmax(attention_scores(q, k, l), m, l);
  const DVar y = attention_context(a, v, l), mean = masked_mean(v, m, l);
  for (Index b = 0; b < 5; ++b) {
    double total = 0.0, sums[2] = {}, means[2] = {};
    for (Index t = 0; t < length(l, b); ++t) {
      double score = 0.0;
      for (Index i = 0; i < 3; ++i) {
        score += q.data()[b * 3 + i] * k.data()[l.column(t, b) * 3 + i];
      }
      total += std::exp(score);
      for (Index i = 0; i < 2; ++i) {
        sums[i] += std::exp(score) * v.data()[l.column(t, b) * 2 + i];
        means[i] += v.data()[l.column(t, b) * 2 + i] / static_cast<double>(length(l, b));
      }
    }
    for (Index i = 0; i < 2; ++i) {
      EXPECT_NEAR(y.data()[b * 2 + i], total == 0.0 ? 0.0 : sums[i] / total, 1e-13);
      EXPECT_NEAR(mean.data()[b * 2 + i], means[i], 1e-13);
    }
    for (Index t = length(l, b); t < l.steps; ++t) {
      EXPECT_EQ(a.data()[l.column(t, b)], 0.0);
    }
  }
}

// Everything at once, each input used twice so that gradients add up.
template <typename On>
auto twice(On on, const SequenceLayout& l, const std::vector<double>& mask) {
  const auto q = on("q"), k = on("k");
  const auto m = on.constant(mask, 1);
  const auto scores = attention_scores(q, k + repeat_over_time(q, l), l);
  const auto a = masked_softmax(scores + attention_scores(q * q, k, l), m, l);
  return attention_context(a, k, l) + attention_context(masked_softmax(scores, {}, l), k, l) + masked_mean(k, m, l);
}

TEST_P(SequenceAttention, GradientsAreRight) {
  for (const auto& [steps, batch, rows] : {std::tuple<Index, Index, Index>{1, 1, 1}, {4, 3, 5}, {17, 19, 3}}) {
    const SequenceLayout l = layout(steps, batch);
    Inputs in;
    in.normal("q", rows, batch, 0.0, 0.5).normal("k", rows, l.cols());
    EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return twice(OnTape<double>{t, in.store()}, l, mask_of(l)); }));
  }
}

TEST_P(SequenceAttention, FloatIsRight) {
  const SequenceLayout l = layout(37, 83);
  Inputs in;
  in.normal("q", 300, 83, 0.0, 0.05).normal("k", 300, l.cols());
  ExpectFloatIsRight(
      in, [&](auto on) { return twice(on, l, mask_of(l)); }, 1e-5);
}

// The padding holds NaN; nothing of it comes out, neither forward nor back.
TEST_P(SequenceAttention, PaddingMayBeAnything) {
  const SequenceLayout l = layout(6, 9);
  const std::vector<double> mask = mask_of(l);
  Inputs in;
  in.normal("q", 3, 9).normal("k", 3, l.cols());
  for (Index c = 0; c < l.cols(); ++c) {
    if (mask[static_cast<std::size_t>(c)] == 0.0) {
      std::fill_n(in["k"].value() + c * 3, 3, kNaN);
    }
  }
  const auto finite = [&]<typename T>(BasicParameterStore<T>& store) {
    const std::vector<T> all = values_and_gradients(store, [&](BasicTape<T>& tape) {
      const OnTape<T> on{tape, store};
      const BasicVar<T> m = on.constant(mask, 1), k = on("k");
      const BasicVar<T> a = masked_softmax(attention_scores(on("q"), k, l), m, l);
      return attention_context(a, k, l) + masked_mean(k, m, l);
    });
    return std::all_of(all.begin(), all.end(), [](T v) { return std::isfinite(v); });
  };
  BasicParameterStore<float> store(1);
  for (auto& p : in.store().parameters()) {
    std::copy_n(p.value(), p.size(), store.add(p.name(), p.shape(), init::zeros()).value());
  }
  EXPECT_TRUE(finite(in.store()));
  EXPECT_TRUE(finite(store));
}

TEST_P(SequenceAttention, RepeatsAnExampleAtItsSteps) {
  const SequenceLayout l = layout(4, 3);
  Inputs in;
  in.normal("q", 2, 3);
  DTape tape;
  const DVar q = in.on(tape, "q"), y = repeat_over_time(q, l);
  for (Index c = 0; c < l.cols(); ++c) {
    EXPECT_EQ(y.data()[2 * c + 1], q.data()[2 * l.example(c) + 1]);
  }
}

// Of two uses, one without s, so that gradients add up.
template <typename On>
auto hidden(On on, const SequenceLayout& l) {
  const auto k = on("k"), q = on("q");
  return attention_hidden(k, q, on("s"), l) * attention_hidden(k * k, q, {}, l);
}

TEST_P(SequenceAttention, HiddenLayerAgreesWithTheDefinition) {
  const SequenceLayout l = layout(4, 5);
  Inputs in;
  in.normal("q", 3, 5).normal("k", 3, l.cols()).normal("s", 1, l.cols());
  DTape tape;
  const DVar q = in.on(tape, "q"), k = in.on(tape, "k"), s = in.on(tape, "s"), m = attention_hidden(k, q, s, l);
  for (Index c = 0; c < l.cols(); ++c) {
    for (Index i = 0; i < 3; ++i) {
      EXPECT_NEAR(m.data()[3 * c + i], std::tanh(k.data()[3 * c + i] + q.data()[3 * l.example(c) + i] + s.data()[c]),
                  1e-15);
    }
  }
}

TEST_P(SequenceAttention, HiddenLayerHasTheRightGradients) {
  for (const auto& [steps, batch, rows] : {std::tuple<Index, Index, Index>{1, 1, 1}, {4, 3, 5}, {17, 19, 3}}) {
    const SequenceLayout l = layout(steps, batch);
    Inputs in;
    in.normal("q", rows, batch).normal("k", rows, l.cols()).normal("s", 1, l.cols());
    EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return hidden(OnTape<double>{t, in.store()}, l); }));
  }
}

TEST_P(SequenceAttention, HiddenLayerInFloat) {
  const SequenceLayout l = layout(37, 83);
  Inputs in;
  in.normal("q", 300, 83).normal("k", 300, l.cols()).normal("s", 1, l.cols());
  ExpectFloatIsRight(
      in, [&](auto on) { return hidden(on, l); }, 1e-5);
}

TEST_P(SequenceAttention, NaNShowsWhereItCounts) {
  const SequenceLayout l = layout(3, 2);
  std::vector<float> scores(6, 0.0f), large(6, 1e4f);
  scores[static_cast<std::size_t>(l.column(1, 1))] = NAN;
  Tape tape;
  const Var a = masked_softmax(tape.input("s", scores.data(), 1, 6), {}, l);
  const Var b = masked_softmax(tape.input("s", large.data(), 1, 6), {}, l);
  for (Index t = 0; t < 3; ++t) {
    EXPECT_FLOAT_EQ(a.data()[l.column(t, 0)], 1.0f / 3.0f);
    EXPECT_TRUE(std::isnan(a.data()[l.column(t, 1)]));
    EXPECT_FLOAT_EQ(b.data()[l.column(t, 1)], 1.0f / 3.0f);
  }
}

TEST_P(SequenceAttention, ReverseIsByEachLengthAndItsOwnInverse) {
  const SequenceLayout l = layout(4, 3);
  const std::vector<std::int32_t> lengths = {4, 0, 3};
  Inputs in;
  in.normal("x", 2, l.cols());
  DTape tape;
  const DVar x = in.on(tape, "x"), y = reverse_sequences(x, std::span(lengths), l);
  const Index from[3][4] = {{3, 2, 1, 0}, {0, 1, 2, 3}, {2, 1, 0, 3}};
  for (Index b = 0; b < 3; ++b) {
    for (Index t = 0; t < 4; ++t) {
      EXPECT_EQ(y.data()[l.column(t, b) * 2 + 1], x.data()[l.column(from[b][t], b) * 2 + 1]) << b << " at " << t;
    }
  }
  const DVar again = reverse_sequences(y, std::span(lengths), l);
  EXPECT_TRUE(std::equal(x.data(), x.data() + x.size(), again.data()));
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar v = in.on(t, "x");
    return reverse_sequences(v, std::span(lengths), l) * v;
  }));
}

TEST_P(SequenceAttention, ReverseInFloat) {
  const SequenceLayout l = layout(33, 70);
  std::vector<std::int32_t> lengths;
  for (Index b = 0; b < 70; ++b) {
    lengths.push_back(static_cast<std::int32_t>(length(l, b)));
  }
  Inputs in;
  in.normal("x", 35, l.cols());
  ExpectFloatIsRight(
      in, [&](auto on) { return reverse_sequences(on("x"), std::span<const std::int32_t>(lengths), l); }, 1e-7);
}

}  // namespace
}  // namespace normlab::nn
