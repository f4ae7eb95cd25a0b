#include "results/report/number.h"

#include <cmath>

#include "gtest/gtest.h"

namespace normlab::report {
namespace {

TEST(Number, Fixed) {
  EXPECT_EQ(Fixed(2.449, 2), "2.45");
  EXPECT_EQ(Fixed(-1.5, 1), "−1.5");
  EXPECT_EQ(Fixed(-0.001, 2), "0.00");  // no negative zero
  EXPECT_EQ(Fixed(NAN, 2), "NaN");
  EXPECT_EQ(Fixed(-INFINITY, 2), "−inf");
}

TEST(Number, Significant) {
  EXPECT_EQ(Significant(0.0456, 2), "0.046");
  EXPECT_EQ(Significant(12.34, 2), "12");
  EXPECT_EQ(Significant(123456, 2), "1.2×10⁵");
  EXPECT_EQ(Significant(99999, 2), "1.0×10⁵");
  EXPECT_EQ(Significant(4.56e-4, 2), "4.6×10⁻⁴");
  EXPECT_EQ(Significant(0.0009996, 2), "0.0010");  // the rounded value decides
  EXPECT_EQ(Significant(6.4e-11, 2), "6.4×10⁻¹¹");
  EXPECT_EQ(Significant(-4.56e-4, 1), "−5×10⁻⁴");
  EXPECT_EQ(Significant(0, 2), "0");
  EXPECT_EQ(Significant(INFINITY, 2), "inf");
}

TEST(Number, ExactReadsBack) {
  EXPECT_EQ(Exact(0.1), "0.1");
  EXPECT_EQ(Exact(16), "16");
  EXPECT_EQ(std::stod(Exact(1.0 / 3)), 1.0 / 3);
}

}  // namespace
}  // namespace normlab::report
