#include "results/stats/summary.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace normlab::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Summary, KnownMoments) {
  const std::vector<double> v = {2, 4, 4, 4, 5, 5, 7, 9};
  EXPECT_DOUBLE_EQ(Mean(v), 5);
  EXPECT_DOUBLE_EQ(SampleSd(v), std::sqrt(32.0 / 7));
  EXPECT_DOUBLE_EQ(Median(v), 4.5);
  EXPECT_DOUBLE_EQ(Median(std::vector<double>{9, 1, 4}), 4);
}

TEST(Summary, NothingIsDropped) {
  EXPECT_TRUE(std::isnan(Mean({})));
  EXPECT_TRUE(std::isnan(SampleSd(std::vector<double>{1})));
  EXPECT_TRUE(std::isnan(Mean(std::vector<double>{1, NAN})));
  EXPECT_TRUE(std::isinf(Mean(std::vector<double>{1, kInfinity})));
}

// t(0.975; 2) = 4.302653, t(0.975; 5) = 2.570582: tables of Student's distribution.
TEST(Student, IntervalsAgreeWithTables) {
  const auto three = StudentInterval(std::vector<double>{1, 2, 3}, 0.95);
  ASSERT_TRUE(three);
  EXPECT_NEAR(three->hi - 2, 4.302653 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(three->lo, 4 - three->hi, 1e-12);
  const auto six = StudentInterval(std::vector<double>{1, 1, 1, 3, 3, 3}, 0.95);
  EXPECT_NEAR(six->hi - 2, 2.570582 * std::sqrt(1.2 / 6), 1e-6);
  EXPECT_FALSE(StudentInterval(std::vector<double>{1}, 0.95));
}

TEST(Student, PredictionIsWiderByTheSpreadItself) {
  const auto interval = PredictionInterval(std::vector<double>{1, 2, 3}, 0.95);
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->hi - 2, 4.302653 * std::sqrt(1 + 1 / 3.0), 1e-6);
  EXPECT_NEAR(interval->lo, 4 - interval->hi, 1e-12);
  EXPECT_FALSE(PredictionInterval(std::vector<double>{2, 2, 2}, 0.95));
  EXPECT_FALSE(PredictionInterval(std::vector<double>{1}, 0.95));
  EXPECT_FALSE(PredictionInterval(std::vector<double>{1, 2, kInfinity}, 0.95));
}

// t = 2 / (1/sqrt 3) = 3.4641 with 2 degrees of freedom: p = 1 - t / sqrt(t^2 + 2) = 0.0741799.
TEST(Student, PByHand) {
  EXPECT_NEAR(*StudentP(std::vector<double>{1, 2, 3}), 1 - std::sqrt(12.0 / 14), 1e-12);
  EXPECT_NEAR(*StudentP(std::vector<double>{-1, -2, -3}), 1 - std::sqrt(12.0 / 14), 1e-12);
  EXPECT_FALSE(StudentP(std::vector<double>{2, 2, 2})) << "three equal differences are no proof";
  EXPECT_FALSE(StudentP(std::vector<double>{0.1 + 0.2, 0.3, 0.3})) << "equal but for rounding";
  EXPECT_FALSE(StudentP(std::vector<double>{0, 0}));
  EXPECT_FALSE(StudentP(std::vector<double>{1}));
  EXPECT_FALSE(StudentP(std::vector<double>{1, kInfinity}));
}

TEST(Bootstrap, SameCellSameBitsOtherCellOtherLuck) {
  const std::vector<double> v = {1.31, 1.28, 1.35, 1.22, 1.4, 1.3, 1.27, 1.33, 1.29, 1.38, 1.25, 1.36};
  const auto a = BootstrapInterval(v, 0.95, "mnist/layer_128/test_error");
  const auto again = BootstrapInterval(v, 0.95, "mnist/layer_128/test_error");
  const auto other = BootstrapInterval(v, 0.95, "mnist/batch_128/test_error");
  EXPECT_EQ(a->lo, again->lo);
  EXPECT_EQ(a->hi, again->hi);
  EXPECT_TRUE(a->lo != other->lo || a->hi != other->hi);
  EXPECT_NEAR(a->lo, other->lo, 0.01);
  EXPECT_NEAR(a->hi, other->hi, 0.01);
}

// Bits as they were when this was written: a generator that is not pinned, or another seed, changes them.
TEST(Bootstrap, BitsArePinned) {
  std::vector<double> v;
  for (int i = 1; i <= 12; ++i) {
    v.push_back(std::sqrt(i));  // no two resamples have the same mean by accident
  }
  const auto interval = BootstrapInterval(v, 0.95, "pinned");
  EXPECT_EQ(interval->lo, 0x1.f9ee3cb4f6d69p+0);
  EXPECT_EQ(interval->hi, 0x1.68ff5676736e5p+1);
}

TEST(Bootstrap, CorrectsForSkewness) {
  const std::vector<double> v = {0, 0, 0, 0, 0, 0, 0, 1, 2, 30};
  const auto i = BootstrapInterval(v, 0.95, "skewed");
  EXPECT_GT(i->hi - Mean(v), Mean(v) - i->lo);  // the long tail is above
}

TEST(Bootstrap, DegenerateValues) {
  const std::vector<double> same(12, 0.5), broken = {1, 2, NAN};
  EXPECT_EQ(BootstrapInterval(same, 0.95, "x")->lo, 0.5);
  EXPECT_EQ(BootstrapInterval(same, 0.95, "x")->hi, 0.5);
  EXPECT_TRUE(std::isnan(BootstrapInterval(broken, 0.95, "x")->lo));
  EXPECT_FALSE(BootstrapInterval(std::vector<double>{1}, 0.95, "x"));
}

TEST(IntervalOfMean, ResamplesOnlyWhatIsEnough) {
  EXPECT_EQ(IntervalOfMean(std::vector<double>(9, 1.0), 0.95, "x")->method, IntervalMethod::kStudent);
  EXPECT_EQ(IntervalOfMean(std::vector<double>(10, 1.0), 0.95, "x")->method, IntervalMethod::kBootstrap);
  EXPECT_FALSE(IntervalOfMean(std::vector<double>{1}, 0.95, "x"));
}

}  // namespace
}  // namespace normlab::stats
