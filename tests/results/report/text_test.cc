#include "results/report/text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace normlab::report {
namespace {

TEST(Width, CountsColumns) {
  EXPECT_EQ(Width("abc"), 3);
  EXPECT_EQ(Width("2.45 ± 0.31"), 11);
  EXPECT_EQ(Width("4.6×10⁻⁴"), 8);
  EXPECT_EQ(Width("層正規化"), 8);  // East Asian: two columns each
  EXPECT_EQ(Width("e\u0301"), 1);   // a combining accent stands on its letter
  EXPECT_EQ(Width("\xff\xfe"), 2);  // broken bytes, one each
  EXPECT_EQ(Width("\xe5\xb1"), 2);  // cut off in the middle
  EXPECT_EQ(Width("\xc0\x80"), 2);  // overlong
}

TEST(Pad, FillsByColumns) {
  EXPECT_EQ(Pad("±", 3, Align::kLeft), "±  ");
  EXPECT_EQ(Pad("層", 3, Align::kRight), " 層");
  EXPECT_EQ(Pad("long", 2, Align::kLeft), "long");
}

TEST(Wrap, BreaksAtBlanks) {
  EXPECT_THAT(Wrap("one two three", 7), testing::ElementsAre("one two", "three"));
  EXPECT_THAT(Wrap("  a   b ", 10), testing::ElementsAre("a b"));
  EXPECT_THAT(Wrap("incomprehensible a", 5), testing::ElementsAre("incomprehensible", "a"));
  EXPECT_TRUE(Wrap("", 5).empty());
}

TEST(Printable, NothingSteersTheTerminal) {
  EXPECT_EQ(Printable("a\x1b[2Jb"), "a\uFFFD[2Jb");
  EXPECT_EQ(Printable("bell\a"), "bell\uFFFD");
  EXPECT_EQ(Printable("\xff"), "\uFFFD");
  EXPECT_EQ(Printable("é ± 層\n"), "é ± 層\n");
}

}  // namespace
}  // namespace normlab::report
