#include "nn/kernels/update.h"

#include <gtest/gtest.h>

#include <cmath>

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
          for (const double scale : {1.0, 0.25}) {
            State s(n);
            std::vector<double> w(s.w.begin(), s.w.end()), m(s.m.begin(), s.m.end()), v(s.v.begin(), s.v.end());
            ReferenceAdam(1e-3, 0.9, 0.999, 1e-3, step, correct, scale, w, m, v, s.g);
            adam_update(n, adam_scalars(1e-3, 0.9, 0.999, 1e-3, step, correct, scale), s.g.data(), s.w.data(),
                        s.m.data(), s.v.data());
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
  adam_update(1,
              {.beta1 = 1,
               .beta2 = 1,
               .one_minus_beta1 = 0,
               .one_minus_beta2 = 0,
               .step_size = 1,
               .v_scale = 1,
               .eps = 0.25f,
               .g_scale = 1},
              &g, &w, &m, &v);
  EXPECT_FLOAT_EQ(w, -4.0f);  // 1 / 0.25; inside the root it would be 2
}

TEST(SgdMomentum, MatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index n : {1, 9, 1003}) {
      State s(n);
      const State before(n);
      sgd_momentum_update(n, 0.1f, 0.9f, 0.5f, s.g.data(), s.w.data(), s.m.data());
      for (std::size_t i = 0; i < s.g.size(); ++i) {
        const double velocity = 0.9 * before.m[i] + 0.5 * before.g[i];
        ASSERT_NEAR(s.m[i], velocity, 3e-7);
        ASSERT_NEAR(s.w[i], before.w[i] - 0.1 * velocity, 3e-7);
      }
    }
  });
}

TEST(Update, ThreadsGiveTheSameBits) {
  const Index n = 200'003;
  const auto scalars = adam_scalars(1e-3, 0.9, 0.999, 1e-8, 3, true);
  State one(n), many(n);
  adam_update(n, scalars, one.g.data(), one.w.data(), one.m.data(), one.v.data());
  sgd_momentum_update(n, 0.1f, 0.9f, 1.0f, one.g.data(), one.w.data(), one.m.data());
  SetThreads(8);
  adam_update(n, scalars, many.g.data(), many.w.data(), many.m.data(), many.v.data());
  sgd_momentum_update(n, 0.1f, 0.9f, 1.0f, many.g.data(), many.w.data(), many.m.data());
  SetThreads(1);
  EXPECT_TRUE(SameBits(one.w, many.w));
  EXPECT_TRUE(SameBits(one.m, many.m));
  EXPECT_TRUE(SameBits(one.v, many.v));
}

}  // namespace
}  // namespace normlab::nn::kernels
