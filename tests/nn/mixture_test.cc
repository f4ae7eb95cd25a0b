#include "nn/ops/domain/mixture.h"

#include <gmock/gmock.h>

#include <limits>
#include <numbers>

#include "base/parallel.h"
#include "nn/error.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

// The NLL as the spec writes it, in double, without the limits. `log_sum_exp` false: densities are added as they are,
// which is what many open implementations do.
double Composed(const double* column, Index m, const double* x, bool log_sum_exp) {
  const double* z = column + 1;
  double normalizer = 0.0;
  for (Index j = 0; j < m; ++j) {
    normalizer += std::exp(z[j]);
  }
  std::vector<double> log_terms;
  double sum = 0.0;
  for (Index j = 0; j < m; ++j) {
    const double s1 = std::exp(z[3 * m + j]), s2 = std::exp(z[4 * m + j]), rho = std::tanh(z[5 * m + j]);
    const double a = (x[0] - z[m + j]) / s1, b = (x[1] - z[2 * m + j]) / s2;
    const double form = a * a + b * b - 2 * rho * a * b;
    log_terms.push_back(z[j] - std::log(normalizer) - std::log(2 * std::numbers::pi * s1 * s2) -
                        0.5 * std::log(1 - rho * rho) - form / (2 * (1 - rho * rho)));
    sum += std::exp(log_terms.back());
  }
  double log_density = std::log(sum);
  if (log_sum_exp) {
    const double highest = *std::max_element(log_terms.begin(), log_terms.end());
    sum = 0.0;
    for (const double term : log_terms) {
      sum += std::exp(term - highest);
    }
    log_density = highest + std::log(sum);
  }
  const double p = 1 / (1 + std::exp(-column[0]));
  return -log_density - (x[2] * std::log(p) + (1 - x[2]) * std::log(1 - p));
}

std::vector<double> Targets(Index columns, double spread, std::uint64_t seed = 5) {
  Rng rng(seed, "targets");
  std::vector<double> targets;
  for (Index n = 0; n < columns; ++n) {
    targets.push_back(spread * rng.Normal());
    targets.push_back(spread * rng.Normal());
    targets.push_back(rng.Below(2) == 0 ? 0.0 : 1.0);
  }
  return targets;
}

TEST(Mixture, IsTheFormulaWrittenDown) {
  constexpr Index kColumns = 200, kComponents = 4;
  Inputs inputs(2);
  inputs.normal("z", 6 * kComponents + 1, kColumns, 0.0, 0.7);
  const std::vector<double> targets = Targets(kColumns, 1.5);
  BasicTape<double> tape;
  const auto z = inputs.on(tape, "z");
  const auto loss = mixture_nll(z, targets.data(), static_cast<const double*>(nullptr), {.weight = 0.25});
  double sum = 0.0;
  for (Index n = 0; n < kColumns; ++n) {
    const double wanted = Composed(z.data() + n * z.rows(), kComponents, targets.data() + 3 * n, true);
    EXPECT_NEAR(loss.nll[n], wanted, 1e-10 * std::max(1.0, std::abs(wanted)));
    sum += wanted;
  }
  EXPECT_NEAR(loss.loss.scalar(), 0.25 * sum, 1e-8);
}

TEST(Mixture, GradientsAreRight) {
  for (const Index components : {1, 3, 20}) {
    Inputs inputs(4);
    inputs.normal("z", 6 * components + 1, 7, 0.0, 0.6);
    const std::vector<double> targets = Targets(7, 1.2);
    const std::vector<double> mask = {1, 1, 0, 1, 1, 0, 1};
    EXPECT_TRUE(GradientIsRight(inputs, [&](BasicTape<double>& tape) {
      return mixture_nll(inputs.on(tape, "z"), targets.data(), mask.data(), {.weight = 0.125}).loss;
    })) << components;
  }
}

// At the limits of sigma and rho the value no longer moves with its number, and so the gradient must be 0 there.
TEST(Mixture, GradientsAreRightBeyondTheLimits) {
  Inputs inputs(4);
  inputs.normal("z", 13, 3, 0.0, 0.5);
  double* z = inputs["z"].value();
  z[1 + 6] = -9.0;       // s1^ of component 0 below -7
  z[13 + 1 + 8] = -8.0;  // s2^
  z[26 + 1 + 10] = 7.0;  // rho^ with tanh above 1 - 1e-4
  const std::vector<double> targets = Targets(3, 0.5);
  EXPECT_TRUE(GradientIsRight(inputs, [&](BasicTape<double>& tape) {
    return mixture_nll(inputs.on(tape, "z"), targets.data(), static_cast<const double*>(nullptr), {}).loss;
  }));
}

// A point 60 deviations away: e^-1800 is 0 in any format, its logarithm is not.
TEST(Mixture, FarPointsCostWhatTheyShouldWhereAMixtureWithoutLogSumExpFails) {
  std::vector<double> z(13, 0.0);
  const std::vector<double> far = {60.0, 0.0, 1.0};
  BasicTape<double> tape;
  const double nll =
      mixture_nll(tape.input("z", z.data(), 13, 1), far.data(), static_cast<const double*>(nullptr), {}).loss.scalar();
  EXPECT_NEAR(nll, Composed(z.data(), 2, far.data(), true), 1e-9);
  EXPECT_EQ(Composed(z.data(), 2, far.data(), false), std::numeric_limits<double>::infinity());
  const std::vector<float> narrow_z(13, 0.0f), narrow_far = {60.0f, 0.0f, 1.0f};
  Tape narrow;
  EXPECT_NEAR(
      mixture_nll(narrow.input("z", narrow_z.data(), 13, 1), narrow_far.data(), static_cast<const float*>(nullptr), {})
          .loss.scalar(),
      nll, 1e-3);
}

TEST(Mixture, MaskedColumnsCountNothingWhateverTheyHold) {
  Inputs inputs(4);
  inputs.normal("z", 13, 2, 0.0, 0.5);
  std::fill_n(inputs["z"].value() + 13, 13, std::numeric_limits<double>::quiet_NaN());
  const std::vector<double> targets = Targets(2, 1.0), mask = {1, 0};
  BasicTape<double> tape;
  const auto loss = mixture_nll(inputs.on(tape, "z"), targets.data(), mask.data(), {});
  EXPECT_TRUE(std::isfinite(loss.loss.scalar()));
  EXPECT_EQ(loss.nll[1], 0.0);
  tape.backward(loss.loss);
  const double* gradient = inputs["z"].gradient();
  for (int i = 13; i < 26; ++i) {
    EXPECT_EQ(gradient[i], 0.0);
  }
}

TEST(Mixture, ClippingCutsDerivativesBeforeTheWeight) {
  std::vector<double> z(7, 0.0);
  const std::vector<double> far = {500.0, 0.0, 1.0};
  Inputs inputs(1);
  inputs.normal("z", 7, 1, 0.0, 0.0);
  BasicTape<double> tape;
  tape.backward(mixture_nll(inputs.on(tape, "z"), far.data(), static_cast<const double*>(nullptr),
                            {.clip = 100.0, .weight = 0.125})
                    .loss);
  const double* gradient = inputs["z"].gradient();
  EXPECT_DOUBLE_EQ(gradient[2], -12.5);  // mu1: -500 without clipping
  EXPECT_DOUBLE_EQ(gradient[4], -12.5);  // s1^: -(500^2 - 1)
  EXPECT_DOUBLE_EQ(gradient[0], -0.0625);
}

TEST(Mixture, ThreadsDoNotChangeABit) {
  constexpr Index kColumns = 1000;
  ParameterStore store(3);
  store.add("z", {kColumns, 121}, [](Rng& rng, Fans, std::span<double> values) {
    for (double& v : values) {
      v = 0.5 * rng.Normal();
    }
  });
  const std::vector<double> wide = Targets(kColumns, 1.0);
  const std::vector<float> targets(wide.begin(), wide.end());
  std::vector<std::vector<float>> gradients;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    store.clear_gradients();
    Tape tape;
    tape.backward(
        mixture_nll(tape.parameter(store.at("z")), targets.data(), static_cast<const float*>(nullptr), {}).loss);
    gradients.emplace_back(store.gradients(), store.gradients() + store.flat_size());
  }
  SetThreads(1);
  EXPECT_THAT(gradients, testing::Each(gradients[0]));
}

// Two components far apart: how often each is drawn, its mean, deviations and correlation.
TEST(Mixture, SamplesFollowTheDistribution) {
  std::vector<float> z(13, 0.0f);
  z[0] = 1.0986123f;            // p(end) = 3/4
  z[1] = std::log(3.0f);        // pi = 3/4, 1/4
  z[3] = -50.0f, z[4] = 50.0f;  // mu1
  z[7] = std::log(2.0f);        // sigma1 of the first
  z[11] = std::atanh(0.6f);     // rho of the first
  Rng rng(1, "sample");
  double first = 0, ends = 0, sum1 = 0, square1 = 0, square2 = 0, cross = 0;
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; ++i) {
    const auto [x1, x2, end] = sample_mixture(z, 0.0, {}, rng);
    ends += static_cast<double>(end);
    if (x1 < 0) {
      const double d = static_cast<double>(x1) + 50;
      ++first, sum1 += d, square1 += d * d, square2 += static_cast<double>(x2 * x2),
          cross += d * static_cast<double>(x2);
    }
  }
  EXPECT_NEAR(first / kDraws, 0.75, 0.01);
  EXPECT_NEAR(ends / kDraws, 0.75, 0.01);
  EXPECT_NEAR(sum1 / first, 0.0, 0.05);
  EXPECT_NEAR(square1 / first, 4.0, 0.15);
  EXPECT_NEAR(square2 / first, 1.0, 0.04);
  EXPECT_NEAR(cross / first, 1.2, 0.06);
  // A large bias leaves the likeliest component's mean.
  const auto [x1, x2, end] = sample_mixture(z, 20.0, {}, rng);
  EXPECT_NEAR(x1, -50.0f, 1e-3f);
  EXPECT_NEAR(x2, 0.0f, 1e-3f);
}

TEST(Mixture, ErrorsNameTheShape) {
  const std::vector<float> z(14, 0.0f), x(6, 0.0f);
  Tape tape;
  EXPECT_THROW(mixture_nll(tape.input("z", z.data(), 14, 1), x.data(), static_cast<const float*>(nullptr), {}), Error);
}

}  // namespace
}  // namespace normlab::nn
