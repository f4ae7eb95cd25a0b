// Coverage of the intervals by simulation: what "95 %" means is checked, not believed.
#include <cmath>
#include <functional>
#include <vector>

#include "base/rng.h"
#include "gtest/gtest.h"
#include "results/stats/paired.h"
#include "results/stats/summary.h"

namespace normlab::stats {
namespace {

// Share of `trials` samples of size n whose interval covers `truth`.
double Coverage(int trials, int n, const std::function<double(Rng&)>& draw,
                const std::function<std::optional<Interval>(const std::vector<double>&)>& interval, double truth) {
  int covered = 0;
  for (int trial = 0; trial < trials; ++trial) {
    Rng rng(11, "coverage", static_cast<std::uint64_t>(trial));
    std::vector<double> values;
    for (int i = 0; i < n; ++i) {
      values.push_back(draw(rng));
    }
    covered += interval(values)->Contains(truth) ? 1 : 0;
  }
  return static_cast<double>(covered) / trials;
}

std::optional<Interval> Student(const std::vector<double>& v) { return StudentInterval(v, 0.95); }
std::optional<Interval> Bca(const std::vector<double>& v) { return BootstrapInterval(v, 0.95, "coverage"); }
double Normal(Rng& rng) { return rng.Normal(); }

// A standard error of a share near 95 % in 4,000 trials is 0.34 %.
TEST(Coverage, StudentIsExactForNormalSamples) {
  for (int n : {3, 6}) {
    EXPECT_NEAR(Coverage(4000, n, Normal, Student, 0), 0.95, 0.011) << n;
  }
}

// The truth is another draw of each trial: subtracted from all, it is 0. Student's interval of the mean would hold it in four
// of five trials at n = 3, and in two of three at n = 6.
TEST(Coverage, PredictionIsExactForNormalSamples) {
  const auto prediction = [](const std::vector<double>& v) {
    std::vector<double> seen(v.begin() + 1, v.end());
    for (double& value : seen) {
      value -= v[0];
    }
    return PredictionInterval(seen, 0.95);
  };
  for (int n : {3, 6}) {
    EXPECT_NEAR(Coverage(4000, n + 1, Normal, prediction, 0), 0.95, 0.011) << n;
  }
}

// 200 samples, standard error 1.5 %: the bootstrap is near its promise from kBootstrapFrom on, and short of it at n =
// 6, which is why IntervalOfMean does not use it there.
TEST(Coverage, BootstrapNeedsEnoughValues) {
  EXPECT_GT(Coverage(200, 20, Normal, Bca, 0), 0.89);
  EXPECT_LT(Coverage(200, 6, Normal, Bca, 0), 0.93);
}

TEST(Coverage, MedianIntervalIsFreeOfDistribution) {
  const auto median = [](const std::vector<double>& v) {
    std::vector<Bounded> b;
    for (double x : v) {
      b.push_back({x, x});
    }
    return MedianDifference(b, 0.95).interval;
  };
  const auto skewed = [](Rng& rng) { return std::exp(2 * rng.Normal()); };  // median 1
  EXPECT_GE(Coverage(4000, 6, skewed, median, 1), 0.95);                    // exactly 31/32
  EXPECT_GE(Coverage(4000, 10, skewed, median, 1), 0.95);
}

}  // namespace
}  // namespace normlab::stats
