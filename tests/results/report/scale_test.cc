#include "results/report/scale.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace normlab::report {
namespace {

std::vector<std::string> Labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> labels;
  for (const Tick& tick : ticks) {
    if (!tick.label.empty()) {
      labels.push_back(tick.label);
    }
  }
  return labels;
}

TEST(Scale, MapsEndsAndMiddles) {
  const Scale up(1, 3, false, 200, 100);
  EXPECT_EQ(up(1), 200);
  EXPECT_EQ(up(3), 100);
  EXPECT_EQ(up(2), 150);
  const Scale log(0.001, 10, true, 0, 400);
  EXPECT_NEAR(log(0.1), 200, 1e-9);
}

TEST(LinearTicks, AreRound) {
  EXPECT_THAT(Labels(LinearTicks(1, 3.5, 6)), testing::ElementsAre("1.0", "1.5", "2.0", "2.5", "3.0", "3.5"));
  EXPECT_THAT(Labels(LinearTicks(0, 130, 8)), testing::ElementsAre("0", "20", "40", "60", "80", "100", "120"));
  EXPECT_THAT(Labels(LinearTicks(-0.02, 0.02, 4)), testing::ElementsAre("−0.02", "−0.01", "0.00", "0.01", "0.02"));
}

TEST(LinearTicks, LongNumbersShareAPowerOfTen) {
  EXPECT_THAT(Labels(LinearTicks(0, 1e37, 5)),
              testing::ElementsAre("0", "0.2×10³⁷", "0.4×10³⁷", "0.6×10³⁷", "0.8×10³⁷", "1.0×10³⁷"));
  EXPECT_THAT(Labels(LinearTicks(-2e-9, 2e-9, 4)), testing::ElementsAre("−2×10⁻⁹", "−1×10⁻⁹", "0", "1×10⁻⁹", "2×10⁻⁹"));
  for (double magnitude = 1e-300; magnitude < 1e300; magnitude *= 97) {
    for (const std::string& label : Labels(LinearTicks(-magnitude, 2.3 * magnitude, 6))) {
      EXPECT_LE(label.size(), 22u) << label << " of " << magnitude;  // bytes, of 12 characters: superscripts have three
    }
  }
}

TEST(LogTicks, LabelDecades) {
  EXPECT_THAT(Labels(LogTicks(0.001, 1, 7)), testing::ElementsAre("0.001", "0.01", "0.1", "1"));
  // Many decades: every other one, all as powers.
  EXPECT_THAT(Labels(LogTicks(1e-12, 1, 7)),
              testing::ElementsAre("10⁻¹²", "10⁻¹⁰", "10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"));
  // Less than two decades: 2 and 5 as well.
  EXPECT_THAT(Labels(LogTicks(0.05, 0.5, 7)), testing::ElementsAre("0.05", "0.1", "0.2", "0.5"));
}

TEST(RoundOut, GrowsAndPullsApart) {
  EXPECT_LE(RoundOut({1.31, 3.42}, false).lo, 1.31);
  EXPECT_GE(RoundOut({1.31, 3.42}, false).hi, 3.42);
  EXPECT_LT(RoundOut({2, 2}, false).lo, RoundOut({2, 2}, false).hi);
  EXPECT_LT(RoundOut({0, 0}, false).lo, RoundOut({0, 0}, false).hi);
  EXPECT_LT(RoundOut({0.1, 0.1}, true).lo, RoundOut({0.1, 0.1}, true).hi);
  const Range r = RoundOut({0.03, 0.7}, true);
  EXPECT_NEAR(r.lo, 0.02, 1e-12);
  EXPECT_NEAR(r.hi, 1, 1e-12);
}

}  // namespace
}  // namespace normlab::report
