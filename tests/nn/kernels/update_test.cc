#include "nn/kernels/update.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn::kernels {
namespace {

struct State {
  explicit State(Index n) : g(Uniform(n, 1)), w(Uniform(n, 2)), m(Uniform(n, 3)), v(Uniform(n, 4)) {
    for (float& x : v) {
      x = std::abs(x) * 1e-3f;
    }
  }
  std::vector<float> g, w, m, v;
};

// The whole of it in one run.
std::vector<UpdateRun> Whole(Index n, bool decays = false) { return {{.begin = 0, .end = n, .decays = decays}}; }

// The textbook order: bias-corrected moments first, then the quotient, all in double.
void ReferenceAdam(double lr, double b1, double b2, double eps, long step, bool correct, double scale,
                   std::vector<double>& w, std::vector<double>& m, std::vector<double>& v,
                   const std::vector<float>& g) {
  for (std::size_t i = 0; i < g.size(); ++i) {
    const double grad = scale * g[i];
    m[i] = b1 * m[i] + (1 - b1) * grad;
    v[i] = b2 * v[i] + (1 - b2) * grad * grad;
    const double m_hat = correct ? m[i] / (1 - std::pow(b1, step)) : m[i];
    const double v_hat = correct ? v[i] / (1 - std::pow(b2, step)) : v[i];
    w[i] -= lr * m_hat / (std::sqrt(v_hat) + eps);
  }
}

TEST(Adam, MatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index n : {1, 7, 8, 1003}) {
      for (const long step : {1L, 2L, 1000L}) {
        for (const bool correct : {true, false}) {
          for (const float scale : {1.0f, 0.25f}) {
            State s(n);
            std::vector<double> w(s.w.begin(), s.w.end()), m(s.m.begin(), s.m.end()), v(s.v.begin(), s.v.end());
            ReferenceAdam(1e-3, 0.9, 0.999, 1e-3, step, correct, scale, w, m, v, s.g);
            adam_update(Whole(n), {.scale = scale}, adam_scalars(1e-3, 0.9, 0.999, 1e-3, step, correct), s.g.data(),
                        s.w.data(), s.m.data(), s.v.data());
            for (std::size_t i = 0; i < s.g.size(); ++i) {
              const double change = std::abs(w[i] - State(n).w[i]);
              ASSERT_NEAR(s.m[i], m[i], 4e-7) << "step " << step << " element " << i;
              ASSERT_NEAR(s.v[i], v[i], 4e-7 * v[i]) << "step " << step << " element " << i;
              ASSERT_NEAR(s.w[i], w[i], 1e-7 + 2e-6 * change) << "step " << step << " element " << i;
            }
          }
        }
      }
    }
  });
}

TEST(Adam, EpsIsOutsideTheRoot) {
  const float g = 0.0f;
  float w = 0.0f, m = 1.0f, v = 0.0f;
  adam_update(
      Whole(1), {},
      {.beta1 = 1, .beta2 = 1, .one_minus_beta1 = 0, .one_minus_beta2 = 0, .step_size = 1, .v_scale = 1, .eps = 0.25f},
      &g, &w, &m, &v);
  EXPECT_FLOAT_EQ(w, -4.0f);  // 1 / 0.25; inside the root it would be 2
}

// Runs and decay are of all rules; SGD is the rule in which they are easiest to see.
TEST(Sgd, MatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index n : {1, 9, 1003}) {
      for (const Decay decay : {Decay::kNone, Decay::kL2, Decay::kDecoupled}) {
        for (const bool nesterov : {false, true}) {
          State s(n);
          const State before(n);
          const std::vector<UpdateRun> runs = {{0, n / 2, true}, {n / 2, n, false}};
          sgd_update(runs, {.scale = 0.5f, .decay = decay, .amount = 0.25f},
                     {.lr = 0.1f, .momentum = 0.9f, .nesterov = nesterov}, s.g.data(), s.w.data(), s.m.data());
          for (Index i = 0; i < n; ++i) {
            const auto e = static_cast<std::size_t>(i);
            const Decay here = i < n / 2 ? decay : Decay::kNone;
            const double w = before.w[e] * (here == Decay::kDecoupled ? 0.75 : 1.0);
            const double grad = 0.5 * before.g[e] + (here == Decay::kL2 ? 0.25 * before.w[e] : 0.0);
            const double velocity = 0.9 * before.m[e] + grad;
            ASSERT_NEAR(s.m[e], velocity, 3e-7);
            ASSERT_NEAR(s.w[e], w - 0.1 * (nesterov ? grad + 0.9 * velocity : velocity), 3e-7);
          }
        }
      }
    }
  });
}

constexpr RmspropScalars kRmsprop = {
    .lr = 0.1f, .alpha = 0.75f, .one_minus_alpha = 0.25f, .eps = 1e-2f, .momentum = 0.5f};

TEST(Rmsprop, MatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index n : {1, 9, 1003}) {
      for (const bool velocity : {false, true}) {
        State s(n);
        const State before(n);
        rmsprop_update(Whole(n), {}, kRmsprop, s.g.data(), s.w.data(), s.v.data(), velocity ? s.m.data() : nullptr);
        for (std::size_t i = 0; i < s.g.size(); ++i) {
          const double square = 0.75 * before.v[i] + 0.25 * before.g[i] * before.g[i];
          const double direction =
              before.g[i] / (std::sqrt(square) + static_cast<double>(1e-2f)) + (velocity ? 0.5 * before.m[i] : 0.0);
          ASSERT_NEAR(s.v[i], square, 3e-7);
          ASSERT_NEAR(s.m[i], velocity ? direction : before.m[i], 2e-6);
          ASSERT_NEAR(s.w[i], before.w[i] - static_cast<double>(0.1f) * direction, 5e-7);
        }
      }
    }
  });
}

TEST(RmspropGraves, MatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index n : {1, 9, 1003}) {
      State s(n);
      std::vector<float> change = Uniform(n, 5);
      for (std::size_t i = 0; i < s.m.size(); ++i) {
        s.m[i] *= 0.01f;  // so that n - m^2 is a variance
      }
      const State before = s;
      const std::vector<float> change_before = change;
      rmsprop_graves_update(Whole(n), {}, kRmsprop, s.g.data(), s.w.data(), s.v.data(), s.m.data(), change.data());
      for (std::size_t i = 0; i < s.g.size(); ++i) {
        const double square = 0.75 * before.v[i] + 0.25 * before.g[i] * before.g[i];
        const double mean = 0.75 * before.m[i] + 0.25 * before.g[i];
        const double root = std::sqrt(square - mean * mean + static_cast<double>(1e-2f));
        const double expected = 0.5 * change_before[i] - static_cast<double>(0.1f) * before.g[i] / root;
        ASSERT_NEAR(s.v[i], square, 3e-7);
        ASSERT_NEAR(s.m[i], mean, 3e-7);
        ASSERT_NEAR(change[i], expected, 1e-6);
        ASSERT_NEAR(s.w[i], before.w[i] + expected, 1e-6);
      }
    }
  });
}

// A large gradient that stays the same has no variance, and rounding may make n - m^2 less than -eps.
TEST(RmspropGraves, AVarianceLostInRoundingIsNoNaN) {
  const float g = 0.0f;
  float w = 0.0f, n = 1.0f, m = 1.1f, change = 0.0f;
  rmsprop_graves_update(Whole(1), {}, {.lr = 1, .alpha = 1, .one_minus_alpha = 0, .eps = 0.01f, .momentum = 0}, &g, &w,
                        &n, &m, &change);
  EXPECT_EQ(w, 0.0f);
  m = std::nanf("");
  rmsprop_graves_update(Whole(1), {}, {.lr = 1, .alpha = 1, .one_minus_alpha = 0, .eps = 0.01f, .momentum = 0}, &g, &w,
                        &n, &m, &change);
  EXPECT_TRUE(std::isnan(w));
}

TEST(Clipping, ClampKeepsNaNAndSign) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    std::vector<float> x(19, 0.25f);
    x[0] = x[17] = -3.0f;
    x[1] = x[18] = HUGE_VALF;
    x[2] = x[16] = std::nanf("");
    clamp(19, 0.5f, x.data());
    for (const auto& [i, want] : {std::pair{0, -0.5f}, {17, -0.5f}, {1, 0.5f}, {18, 0.5f}, {3, 0.25f}}) {
      EXPECT_EQ(x[static_cast<std::size_t>(i)], want) << i;
    }
    EXPECT_TRUE(std::isnan(x[2]) && std::isnan(x[16]));
    scale(19, 2.0f, x.data());
    EXPECT_EQ(x[0], -1.0f);
    EXPECT_EQ(x[18], 1.0f);
  });
}

TEST(Update, NeitherThreadsNorCutsChangeBits) {
  const Index n = 200'003;
  const auto scalars = adam_scalars(1e-3, 0.9, 0.999, 1e-8, 3, true);
  std::vector<UpdateRun> cut;
  for (Index begin = 0; begin < n; begin += 4'099) {
    cut.push_back({.begin = begin, .end = std::min(begin + 4'099, n), .decays = true});
  }
  const auto update = [&](State& s, std::span<const UpdateRun> runs) {
    const GradientScalars gradient{.scale = 0.3f, .decay = Decay::kL2, .amount = 0.01f};
    adam_update(runs, gradient, scalars, s.g.data(), s.w.data(), s.m.data(), s.v.data());
    sgd_update(runs, gradient, {.lr = 0.1f, .momentum = 0.9f, .nesterov = true}, s.g.data(), s.w.data(), s.m.data());
    rmsprop_update(runs, gradient, kRmsprop, s.g.data(), s.w.data(), s.v.data(), s.m.data());
    clamp(n, 0.9f, s.g.data());
  };
  State one(n), many(n);
  update(one, Whole(n, true));
  SetThreads(8);
  update(many, cut);
  SetThreads(1);
  EXPECT_TRUE(SameBits(one.g, many.g));
  EXPECT_TRUE(SameBits(one.w, many.w));
  EXPECT_TRUE(SameBits(one.m, many.m));
  EXPECT_TRUE(SameBits(one.v, many.v));
}

}  // namespace
}  // namespace normlab::nn::kernels
