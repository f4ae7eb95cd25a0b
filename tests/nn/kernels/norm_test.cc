#include "nn/kernels/norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/parallel.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace normlab::nn::kernels {
namespace {

// Uniform noise of standard deviation 1 around `mean`.
std::vector<float> Around(float mean, Index n, std::uint32_t seed) {
  auto x = Uniform(n, seed);
  for (float& v : x) {
    v = mean + v * 1.7320508f;
  }
  return x;
}

// Element (line, i) of an array whose lines are its rows or its columns: the two directions share one reference.
struct Lines {
  Index rows, f;
  bool along_rows;
  Index count() const { return along_rows ? rows : f; }
  Index length() const { return along_rows ? f : rows; }
  std::size_t at(Index line, Index i) const {
    return static_cast<std::size_t>(along_rows ? line * f + i : i * f + line);
  }
};

struct Statistics {
  double mean, variance;
};
Statistics Reference(const Lines& lines, Index line, const std::vector<float>& x) {
  const auto n = static_cast<double>(lines.length());
  double mean = 0, variance = 0;
  for (Index i = 0; i < lines.length(); ++i) {
    mean += x[lines.at(line, i)] / n;
  }
  for (Index i = 0; i < lines.length(); ++i) {
    variance += (x[lines.at(line, i)] - mean) * (x[lines.at(line, i)] - mean) / n;
  }
  return {mean, variance};
}

// A float mean near 1e4 is only good to 5e-4, and so is anything computed from x - mean.
double Tolerance(float mean) { return 2e-6 + std::abs(mean) * 1.2e-7; }

TEST(LayerNorm, ForwardMatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const float center : {0.0f, 3.0f, 1e4f}) {
      for (const Index f : {1, 2, 7, 33, 1000}) {
        for (const EpsPlace place : {EpsPlace::kInsideSqrt, EpsPlace::kOutsideSqrt}) {
          const Index rows = 5;
          const auto x = Around(center, rows * f, 1), gain = Uniform(f, 2), bias = Uniform(f, 3);
          std::vector<float> y(x.size()), mean(rows), inv(rows);
          layer_norm_forward(rows, f, x.data(), gain.data(), bias.data(), 1e-2f, place, y.data(), mean.data(),
                             inv.data());
          for (Index r = 0; r < rows; ++r) {
            const Statistics want = Reference({rows, f, true}, r, x);
            const double s =
                place == EpsPlace::kInsideSqrt ? std::sqrt(want.variance + 1e-2) : std::sqrt(want.variance) + 1e-2;
            ASSERT_NEAR(mean[r], want.mean, Tolerance(center)) << "f " << f;
            ASSERT_NEAR(inv[r] * s, 1.0, 3e-6) << "f " << f << " mean " << center;
            for (Index i = 0; i < f; ++i) {
              ASSERT_NEAR(y[r * f + i], gain[i] * (x[r * f + i] - want.mean) / s + bias[i], 2 * Tolerance(center) / s);
            }
          }
        }
      }
    }
  });
}

// Deviations of some ten roundings of the mean: what the first pass's mean is wrong by is seen in the variance.
TEST(LayerNorm, VarianceIsAboutTheMeanThatWasCorrected) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    const Index rows = 5, f = 1000;
    auto x = Uniform(rows * f, 1);
    for (float& v : x) {
      v = 1e4f + v * 0.0173f;
    }
    std::vector<float> y(x.size()), mean(rows), inv(rows);
    layer_norm_forward(rows, f, x.data(), nullptr, nullptr, 0.0f, EpsPlace::kInsideSqrt, y.data(), mean.data(),
                       inv.data());
    for (Index r = 0; r < rows; ++r) {
      EXPECT_NEAR(inv[r] * std::sqrt(Reference({rows, f, true}, r, x).variance), 1.0, 1e-5) << "row " << r;
    }
  });
}

TEST(RmsNorm, ForwardMatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index f : {1, 7, 1000}) {
      const Index rows = 3;
      const auto x = Around(3.0f, rows * f, 1), gain = Uniform(f, 2);
      std::vector<float> y(x.size()), inv(rows);
      rms_norm_forward(rows, f, x.data(), gain.data(), nullptr, 1e-2f, y.data(), inv.data());
      for (Index r = 0; r < rows; ++r) {
        double squares = 0;
        for (Index i = 0; i < f; ++i) {
          squares += static_cast<double>(x[r * f + i]) * x[r * f + i] / static_cast<double>(f);
        }
        for (Index i = 0; i < f; ++i) {
          ASSERT_NEAR(y[r * f + i], gain[i] * x[r * f + i] / std::sqrt(squares + 1e-2), 3e-6);
        }
      }
    }
  });
}

TEST(ColumnMoments, MatchDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const float center : {0.0f, 1e4f}) {
      for (const Index rows : {1, 4, 128, 4001}) {
        for (const Index f : {1, 9, 300}) {
          const auto x = Around(center, rows * f, 1);
          std::vector<float> mean(f), variance(f);
          column_moments(rows, f, x.data(), mean.data(), variance.data());
          for (Index j = 0; j < f; ++j) {
            const Statistics want = Reference({rows, f, false}, j, x);
            ASSERT_NEAR(mean[j], want.mean, Tolerance(center)) << "rows " << rows;
            ASSERT_NEAR(variance[j], want.variance, 1e-5 * want.variance + 1e-6) << "rows " << rows;
          }
        }
      }
    }
  });
}

// The gradient formula in double, from the definition: the derivative of sum(dy y) by x, through mean and deviation.
// kind: 0 layer or batch with eps inside, 1 eps outside, 2 rms, 3 constants (population statistics).
std::vector<double> ReferenceGradient(const Lines& lines, int kind, double eps, double count,
                                      const std::vector<float>& dy, const std::vector<float>& x,
                                      const std::vector<float>& gain) {
  std::vector<double> out(x.size());
  for (Index line = 0; line < lines.count(); ++line) {
    Statistics s = Reference(lines, line, x);
    if (kind == 2) {
      s.variance += s.mean * s.mean;
      s.mean = 0;
    }
    s.variance *= static_cast<double>(lines.length()) / count;
    const double dev = std::sqrt(s.variance), scale = kind == 1 ? dev + eps : std::sqrt(s.variance + eps);
    // L = sum dn d / scale with d = x - mean; dL/dscale = -sum dn d / scale^2; dscale/dx = d / (count * (dev or
    // scale)).
    double sum_dn = 0, dscale = 0;
    const auto dn = [&](Index i) {
      return static_cast<double>(dy[lines.at(line, i)]) * gain[static_cast<std::size_t>(lines.along_rows ? i : line)];
    };
    const auto d = [&](Index i) { return x[lines.at(line, i)] - s.mean; };
    for (Index i = 0; i < lines.length(); ++i) {
      sum_dn += dn(i);
      dscale -= dn(i) * d(i) / (scale * scale);
    }
    for (Index i = 0; i < lines.length(); ++i) {
      double& dx = out[lines.at(line, i)];
      dx = dn(i) / scale;
      if (kind != 3) {
        dx -= kind == 2 ? 0.0 : sum_dn / scale / static_cast<double>(lines.length());
        dx += dscale * d(i) / (count * (kind == 1 ? dev : scale));
      }
    }
  }
  return out;
}

void ExpectNear(const std::vector<float>& got, const std::vector<double>& want, const std::vector<float>& offset,
                double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i] + offset[i], tolerance) << "element " << i;
  }
}

TEST(LayerNorm, BackwardMatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    const Index rows = 4;
    for (const Index f : {2, 9, 700}) {
      for (const EpsPlace place : {EpsPlace::kInsideSqrt, EpsPlace::kOutsideSqrt}) {
        for (const bool accumulate : {false, true}) {
          const auto x = Around(2.0f, rows * f, 1), dy = Uniform(rows * f, 2), gain = Uniform(f, 3);
          std::vector<float> y(x.size()), mean(rows), inv(rows), dgain(f, 1.0f), dbias(f, 2.0f);
          layer_norm_forward(rows, f, x.data(), gain.data(), nullptr, 0.1f, place, y.data(), mean.data(), inv.data());
          auto dx = Uniform(rows * f, 4);
          const auto before = accumulate ? dx : std::vector<float>(dx.size());
          layer_norm_backward(rows, f, dy.data(), x.data(), mean.data(), inv.data(), gain.data(), 0.1f, place,
                              dx.data(), accumulate, dgain.data(), dbias.data());
          const int kind = place == EpsPlace::kOutsideSqrt ? 1 : 0;
          const auto want = ReferenceGradient({rows, f, true}, kind, 0.1f, static_cast<double>(f), dy, x, gain);
          ASSERT_NO_FATAL_FAILURE(ExpectNear(dx, want, before, 1e-5)) << "f " << f << " kind " << kind;
          for (Index j = 0; j < f; ++j) {
            double want_gain = 1, want_bias = 2;
            for (Index r = 0; r < rows; ++r) {
              want_bias += dy[r * f + j];
              want_gain += dy[r * f + j] * static_cast<double>(x[r * f + j] - mean[r]) * inv[r];
            }
            ASSERT_NEAR(dgain[j], want_gain, 1e-5);
            ASSERT_NEAR(dbias[j], want_bias, 1e-5);
          }
        }
      }
    }
  });
}

TEST(LayerNorm, ConstantRowsHaveFiniteGradients) {
  for (const EpsPlace place : {EpsPlace::kInsideSqrt, EpsPlace::kOutsideSqrt}) {
    for (const float value : {0.0f, 0.1f, 1e4f}) {
      const std::vector<float> x(1000, value), dy = Uniform(1000, 2);
      std::vector<float> y(1000), dx(1000);
      float mean = 0, inv = 0;
      layer_norm_forward(1, 1000, x.data(), nullptr, nullptr, 1e-5f, place, y.data(), &mean, &inv);
      layer_norm_backward(1, 1000, dy.data(), x.data(), &mean, &inv, nullptr, 1e-5f, place, dx.data(), false, nullptr,
                          nullptr);
      EXPECT_FLOAT_EQ(mean, value);
      EXPECT_THAT(y, testing::Each(0.0f));
      for (const float g : dx) {
        ASSERT_TRUE(std::isfinite(g));
      }
    }
  }
}

TEST(RmsNorm, BackwardMatchesDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    const Index rows = 3, f = 77;
    const auto x = Around(1.0f, rows * f, 1), dy = Uniform(rows * f, 2), gain = Uniform(f, 3);
    std::vector<float> y(x.size()), inv(rows), dx(x.size()), dgain(f), dbias(f);
    rms_norm_forward(rows, f, x.data(), gain.data(), nullptr, 0.1f, y.data(), inv.data());
    rms_norm_backward(rows, f, dy.data(), x.data(), inv.data(), gain.data(), dx.data(), false, dgain.data(),
                      dbias.data());
    const auto want = ReferenceGradient({rows, f, true}, 2, 0.1f, static_cast<double>(f), dy, x, gain);
    ASSERT_NO_FATAL_FAILURE(ExpectNear(dx, want, std::vector<float>(dx.size()), 1e-5));
    for (Index j = 0; j < f; ++j) {
      double want_gain = 0;
      for (Index r = 0; r < rows; ++r) {
        want_gain += dy[r * f + j] * static_cast<double>(x[r * f + j]) * inv[r];
      }
      ASSERT_NEAR(dgain[j], want_gain, 1e-5);
    }
  });
}

TEST(BatchNorm, ForwardAndBackwardMatchDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index rows : {2, 4, 129}) {
      for (const Index f : {1, 9, 300}) {
        for (const int kind : {0, 3}) {
          for (const bool unbiased : {false, true}) {
            const auto count = static_cast<double>(unbiased ? rows - 1 : rows);
            const auto x = Around(2.0f, rows * f, 1), dy = Uniform(rows * f, 2), gain = Uniform(f, 3);
            std::vector<float> y(x.size()), dx(x.size()), mean(f), inv(f), dgain(f), dbias(f);
            column_moments(rows, f, x.data(), mean.data(), inv.data());
            for (float& v : inv) {
              v = inverse_deviation(v * static_cast<float>(static_cast<double>(rows) / count), 0.1f,
                                    EpsPlace::kInsideSqrt);
            }
            batch_norm_apply(rows, f, x.data(), mean.data(), inv.data(), gain.data(), nullptr, y.data());
            const BatchNormGradient how{kind == 0, static_cast<float>(static_cast<double>(rows) / count)};
            batch_norm_backward(rows, f, dy.data(), x.data(), mean.data(), inv.data(), gain.data(), how, dx.data(),
                                false, dgain.data(), dbias.data());
            const auto want = ReferenceGradient({rows, f, false}, kind, 0.1f, count, dy, x, gain);
            ASSERT_NO_FATAL_FAILURE(ExpectNear(dx, want, std::vector<float>(dx.size()), 1e-5))
                << "rows " << rows << " f " << f << " kind " << kind << " unbiased " << unbiased;
            for (Index i = 0; i < rows * f; ++i) {
              const auto j = static_cast<std::size_t>(i % f);
              ASSERT_NEAR(y[i], gain[j] * (x[i] - mean[j]) * static_cast<double>(inv[j]), 3e-6);
            }
          }
        }
      }
    }
  });
}

TEST(Norm, ThreadsGiveTheSameBits) {
  const Index rows = 150, f = 1001;
  const auto x = Around(2.0f, rows * f, 1), dy = Uniform(rows * f, 2), gain = Uniform(f, 3), bias = Uniform(f, 4);
  const auto run = [&](int threads) {
    SetThreads(threads);
    std::vector<float> y(x.size()), dx(x.size()), mean(rows), inv(rows), dgain(f), dbias(f), cm(f), cv(f);
    layer_norm_forward(rows, f, x.data(), gain.data(), bias.data(), 1e-5f, EpsPlace::kInsideSqrt, y.data(), mean.data(),
                       inv.data());
    layer_norm_backward(rows, f, dy.data(), x.data(), mean.data(), inv.data(), gain.data(), 1e-5f,
                        EpsPlace::kInsideSqrt, dx.data(), false, dgain.data(), dbias.data());
    column_moments(rows, f, y.data(), cm.data(), cv.data());
    batch_norm_backward(rows, f, dy.data(), y.data(), cm.data(), cv.data(), gain.data(), {}, dx.data(), true,
                        dgain.data(), dbias.data());
    SetThreads(1);
    for (const auto* part : {&dx, &mean, &inv, &dgain, &dbias}) {
      y.insert(y.end(), part->begin(), part->end());
    }
    return y;
  };
  const auto one = run(1);
  EXPECT_TRUE(SameBits(one, run(2)));
  EXPECT_TRUE(SameBits(one, run(3)));
}

TEST(WeightNorm, ForwardAndBackwardMatchDoubleOnEveryTarget) {
  ForEachTarget([](const std::string& target) {
    SCOPED_TRACE(target);
    for (const Index f : {1, 7, 33, 784}) {
      const Index units = 67;
      const auto v = Uniform(units * f, 1), gain = Uniform(units, 2), dw = Uniform(units * f, 3);
      const auto before = Uniform(units * f, 4);
      std::vector<float> w(v.size()), inv(gain.size()), along(gain.size());
      weight_norm_forward(units, f, v.data(), gain.data(), w.data(), inv.data());
      auto dv = before;
      weight_norm_backward(units, f, dw.data(), v.data(), inv.data(), gain.data(), dv.data(), true, along.data());
      for (Index k = 0; k < units; ++k) {
        double square = 0, dot = 0;
        for (Index i = k * f; i < (k + 1) * f; ++i) {
          square += static_cast<double>(v[i]) * v[i];
          dot += static_cast<double>(dw[i]) * v[i];
        }
        const double length = std::sqrt(square);
        ASSERT_NEAR(along[k], dot / length, 1e-5) << "f " << f;
        for (Index i = k * f; i < (k + 1) * f; ++i) {
          ASSERT_NEAR(w[i], gain[k] * v[i] / length, 1e-6) << "f " << f;
          const double gradient = gain[k] / length * (dw[i] - dot / square * v[i]);
          ASSERT_NEAR(dv[i], before[i] + gradient, 1e-5 * (1.0 + std::abs(gain[k]) / length)) << "f " << f;
        }
      }
    }
  });
}

}  // namespace
}  // namespace normlab::nn::kernels
