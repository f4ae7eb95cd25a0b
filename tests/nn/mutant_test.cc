// Wrong backwards that were written for real, or nearly: the gradient checker must reject each of them, and accept the
// right one made of the same code. The first is the layer norm of a released translation toolkit: its gain is applied
// after centring, which is right for a constant gain only.
#include <cmath>
#include <vector>

#include "nn/ops/elementwise.h"
#include "nn/ops/pointwise.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using DVar = BasicVar<double>;
using DTape = BasicTape<double>;

// One line of values to normalise. Computes for itself: mutants share nothing with the code they stand in for.
struct Line {
  const double* x;
  const double* gain;
  Index count;
  double divisor;  // of the variance
  bool center;

  double mean() const {
    double sum = 0.0;
    for (Index i = 0; i < count; ++i) {
      sum += x[i];
    }
    return center ? sum / static_cast<double>(count) : 0.0;
  }
  double s() const {
    double squares = 0.0;
    for (Index i = 0; i < count; ++i) {
      squares += (x[i] - mean()) * (x[i] - mean());
    }
    return std::sqrt(squares / divisor + 1e-5);
  }
  double n(Index i) const { return (x[i] - mean()) / s(); }
};

struct Mutation {
  bool gain_after_centring = false;
  bool no_mean_term = false;
  double projection_factor = 1.0;  // of the term n average(dn n); 0 leaves it out
};

// The gradient of gain n(x), all terms as in [LN eq 3], but for the mutation.
double normalization_gradient(const Line& line, const double* dy, Index i, const Mutation& m) {
  double sum = 0.0, dot = 0.0;
  for (Index k = 0; k < line.count; ++k) {
    const double dn = dy[k] * (m.gain_after_centring ? 1.0 : line.gain[k]);
    sum += dn;
    dot += dn * line.n(k);
  }
  double g = dy[i] * (m.gain_after_centring ? 1.0 : line.gain[i]);
  g -= m.no_mean_term || !line.center ? 0.0 : sum / static_cast<double>(line.count);
  g -= m.projection_factor * line.n(i) * dot / line.divisor;
  return g / line.s() * (m.gain_after_centring ? line.gain[i] : 1.0);
}

DVar normalize(DVar x, Line line, Mutation mutation) {
  line.x = x.data();
  DVar y = x.tape().result("mutant", x.rows(), 1, {x});
  fill_pointwise(y.mutable_data(), x.size(), [&](Index i) { return line.gain[i] * line.n(i); });
  x.tape().on_backward({y}, [x, y, line, mutation] {
    fill_pointwise(x.grad_sink(), x.size(),
                   [&](Index i) { return normalization_gradient(line, y.grad(), i, mutation); });
  });
  return y;
}

GradCheckReport check_normalization(Index n, double divisor, bool center, Mutation mutation, double gain_spread = 1.0) {
  Inputs in;
  in.normal("x", n, 1);
  std::vector<double> gain;
  for (Index i = 0; i < n; ++i) {
    gain.push_back(1.0 + gain_spread * std::sin(static_cast<double>(i)));
  }
  const Line line{.x = nullptr, .gain = gain.data(), .count = n, .divisor = divisor, .center = center};
  return check_gradients(in.store(), [&](DTape& t) { return normalize(in.on(t, "x"), line, mutation); });
}

TEST(Mutants, TheRightBackwardsAreAccepted) {
  EXPECT_TRUE(check_normalization(7, 7, true, {}).ok);
  EXPECT_TRUE(check_normalization(7, 6, true, {}).ok);   // unbiased
  EXPECT_TRUE(check_normalization(7, 7, false, {}).ok);  // root mean square
}

TEST(Mutants, LayerNormWithGainAppliedAfterCentring) {
  EXPECT_TRUE(check_normalization(7, 7, true, {.gain_after_centring = true}, 0.0).ok) << "hidden by a constant gain";
  EXPECT_FALSE(check_normalization(7, 7, true, {.gain_after_centring = true}).ok);
}

TEST(Mutants, LayerNormWithoutTheMeanTerm) { EXPECT_FALSE(check_normalization(7, 7, true, {.no_mean_term = true}).ok); }

TEST(Mutants, LayerNormWithoutTheProjectionTerm) {
  EXPECT_FALSE(check_normalization(7, 7, true, {.projection_factor = 0.0}).ok);
}

TEST(Mutants, RmsNormWithoutTheProjectionTerm) {
  EXPECT_FALSE(check_normalization(7, 7, false, {.projection_factor = 0.0}).ok);
}

TEST(Mutants, BatchNormUnbiasedForwardWithBiasedBackward) {
  EXPECT_FALSE(check_normalization(4, 3, true, {.projection_factor = 3.0 / 4.0}).ok);
}

TEST(Mutants, BatchNormBiasedForwardWithUnbiasedBackward) {
  EXPECT_FALSE(check_normalization(4, 4, true, {.projection_factor = 4.0 / 3.0}).ok);
}

// w = gain v / |v| with gain 1.5; the right gradient takes out the part along v.
DVar weight_norm_of(DVar v, bool project) {
  double squares = 0.0;
  for (Index i = 0; i < v.size(); ++i) {
    squares += v.data()[i] * v.data()[i];
  }
  const double scale = 1.5 / std::sqrt(squares);
  DVar w = v.tape().result("mutant", v.rows(), 1, {v});
  fill_pointwise(w.mutable_data(), w.size(), [&](Index i) { return scale * v.data()[i]; });
  v.tape().on_backward({w}, [=] {
    double along = 0.0;
    for (Index i = 0; project && i < v.size(); ++i) {
      along += w.grad()[i] * v.data()[i] / squares;
    }
    fill_pointwise(v.grad_sink(), v.size(), [&](Index i) { return scale * (w.grad()[i] - along * v.data()[i]); });
  });
  return w;
}

TEST(Mutants, WeightNormWithoutProjection) {
  Inputs in;
  in.normal("v", 5, 1);
  EXPECT_TRUE(check_gradients(in.store(), [&](DTape& t) { return weight_norm_of(in.on(t, "v"), true); }).ok);
  EXPECT_FALSE(check_gradients(in.store(), [&](DTape& t) { return weight_norm_of(in.on(t, "v"), false); }).ok);
}

// Mean of log(1 + exp(z)) over the batch: the loss of two classes; `scale` is what the gradient is multiplied with.
DVar mean_loss(DVar z, double scale) {
  DVar loss = z.tape().result("mutant", 1, 1, {z});
  *loss.mutable_data() = 0.0;
  for (Index b = 0; b < z.cols(); ++b) {
    *loss.mutable_data() += std::log1p(std::exp(z.data()[b])) / static_cast<double>(z.cols());
  }
  z.tape().on_backward({loss}, [=] {
    fill_pointwise(z.grad_sink(), z.size(),
                   [&](Index b) { return scale * *loss.grad() / (1.0 + std::exp(-z.data()[b])); });
  });
  return loss;
}

TEST(Mutants, LossWithoutTheMeanOverTheBatch) {
  Inputs in;
  in.normal("z", 1, 4);
  EXPECT_TRUE(check_gradients(in.store(), [&](DTape& t) { return mean_loss(in.on(t, "z"), 0.25); }).ok);
  EXPECT_FALSE(check_gradients(in.store(), [&](DTape& t) { return mean_loss(in.on(t, "z"), 1.0); }).ok);
}

// y = 2 x; `honour` keeps the sink's promise to add to a gradient that is there.
DVar twice(DVar x, bool honour) {
  DVar y = x.tape().result("mutant", x.rows(), x.cols(), {x});
  fill_pointwise(y.mutable_data(), y.size(), [&](Index i) { return 2.0 * x.data()[i]; });
  x.tape().on_backward({y}, [=] {
    GradSink<double> dx = x.grad_sink();
    dx.accumulate = dx.accumulate && honour;
    fill_pointwise(dx, x.size(), [&](Index i) { return 2.0 * y.grad()[i]; });
  });
  return y;
}

TEST(Mutants, GradientThatOverwritesInsteadOfAdding) {
  Inputs in;
  in.normal("x", 3, 1);
  for (const bool honour : {true, false}) {
    const auto f = [&](DTape& t) {
      const DVar x = in.on(t, "x");
      return twice(x, honour) * twice(x, honour);
    };
    EXPECT_EQ(check_gradients(in.store(), f).ok, honour);
  }
}

// y = x / (1 - rate) where kept, the way back with a mask of its own or without the factor.
DVar dropped(DVar x, bool same_mask, double factor_back) {
  const auto kept = [](Index i) { return i % 3 != 0; };
  DVar y = x.tape().result("mutant", x.rows(), x.cols(), {x});
  fill_pointwise(y.mutable_data(), y.size(), [&](Index i) { return kept(i) ? 1.5 * x.data()[i] : 0.0; });
  x.tape().on_backward({y}, [=] {
    fill_pointwise(x.grad_sink(), x.size(),
                   [&](Index i) { return kept(same_mask ? i : i + 1) ? factor_back * y.grad()[i] : 0.0; });
  });
  return y;
}

TEST(Mutants, DropoutWithAnotherMaskOrWithoutTheFactor) {
  Inputs in;
  in.normal("x", 5, 2);
  EXPECT_TRUE(check_gradients(in.store(), [&](DTape& t) { return dropped(in.on(t, "x"), true, 1.5); }).ok);
  EXPECT_FALSE(check_gradients(in.store(), [&](DTape& t) { return dropped(in.on(t, "x"), false, 1.5); }).ok);
  EXPECT_FALSE(check_gradients(in.store(), [&](DTape& t) { return dropped(in.on(t, "x"), true, 1.0); }).ok);
}

// The softmax of a column; the right way back takes out the mean under the weights.
DVar softmax_of(DVar s, bool centred) {
  DVar a = s.tape().result("mutant", s.rows(), 1, {s});
  double total = 0.0;
  for (Index t = 0; t < s.size(); ++t) {
    total += std::exp(s.data()[t]);
  }
  fill_pointwise(a.mutable_data(), s.size(), [&](Index t) { return std::exp(s.data()[t]) / total; });
  s.tape().on_backward({a}, [=] {
    double mean = 0.0;
    for (Index t = 0; centred && t < s.size(); ++t) {
      mean += a.data()[t] * a.grad()[t];
    }
    fill_pointwise(s.grad_sink(), s.size(), [&](Index t) { return a.data()[t] * (a.grad()[t] - mean); });
  });
  return a;
}

TEST(Mutants, AttentionWithoutTheMeanUnderItsWeights) {
  Inputs in;
  in.normal("s", 5, 1);
  EXPECT_TRUE(check_gradients(in.store(), [&](DTape& t) { return softmax_of(in.on(t, "s"), true); }).ok);
  EXPECT_FALSE(check_gradients(in.store(), [&](DTape& t) { return softmax_of(in.on(t, "s"), false); }).ok);
}

// -log of the softmax of the first logit, made of two chunks; `carried`: the way back brings the exponentials of a chunk
// from its own highest logit to that of all.
DVar chunked_loss(DVar z, bool carried) {
  struct Chunk {
    double max, sum;
  };
  const Index half = z.size() / 2;
  const auto chunk_of = [=](Index k) {
    const double* begin = z.data() + k * half;
    const double max = *std::max_element(begin, begin + half);
    double sum = 0.0;
    for (Index i = 0; i < half; ++i) {
      sum += std::exp(begin[i] - max);
    }
    return Chunk{max, sum};
  };
  const Chunk a = chunk_of(0), b = chunk_of(1);
  const double max = std::max(a.max, b.max);
  const double total = a.sum * std::exp(a.max - max) + b.sum * std::exp(b.max - max);
  DVar loss = z.tape().result("mutant", 1, 1, {z});
  *loss.mutable_data() = std::log(total) + max - z.data()[0];
  z.tape().on_backward({loss}, [=] {
    fill_pointwise(z.grad_sink(), z.size(), [&](Index i) {
      const double top = carried ? max : i < half ? a.max : b.max;
      return *loss.grad() * (std::exp(z.data()[i] - top) / total - (i == 0 ? 1.0 : 0.0));
    });
  });
  return loss;
}

TEST(Mutants, SoftmaxOfChunksEachRelativeToItsOwnHighest) {
  Inputs in;
  in.normal("z", 6, 1);
  EXPECT_TRUE(check_gradients(in.store(), [&](DTape& t) { return chunked_loss(in.on(t, "z"), true); }).ok);
  EXPECT_FALSE(check_gradients(in.store(), [&](DTape& t) { return chunked_loss(in.on(t, "z"), false); }).ok);
}

TEST(Mutants, GradientThatIsNotANumber) {
  Inputs in;
  in.normal("x", 3, 1);
  const auto f = [&](DTape& t) {
    const DVar x = in.on(t, "x");
    DVar y = t.result("mutant", 3, 1, {x});
    std::copy_n(x.data(), 3, y.mutable_data());
    t.on_backward({y}, [x] { fill_pointwise(x.grad_sink(), 3, [](Index) { return std::nan(""); }); });
    return y;
  };
  EXPECT_FALSE(check_gradients(in.store(), f).ok);
}

TEST(Mutants, TheReportNamesTheWorstElement) {
  Inputs in;
  in.normal("x", 3, 1);
  const auto f = [&](DTape& t) {
    const DVar x = in.on(t, "x");
    DVar y = t.result("mutant", 3, 1, {x});
    std::copy_n(x.data(), 3, y.mutable_data());
    t.on_backward({y}, [x, y] {
      fill_pointwise(x.grad_sink(), 3, [&](Index i) { return i == 1 ? 3.0 * y.grad()[i] : y.grad()[i]; });
    });
    return y;
  };
  const GradCheckReport report = check_gradients(in.store(), f);
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.worst.substr(0, 5), "x[1]:") << report.worst;
}

}  // namespace
}  // namespace normlab::nn
