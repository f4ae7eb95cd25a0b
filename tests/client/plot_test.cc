// Curves drawn with characters, and lines redrawn in place.
#include "client/plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "client/live.h"

namespace normlab::client {
namespace {

TEST(PlotTest, DrawsADescendingLineInAscii) {
  EXPECT_EQ(Plot({0, 1, 2, 3}, {3, 2, 1, 0}, {.width = 14, .height = 4, .unicode = false}),
            "3 |**\n"
            "  |  ***\n"
            "  |     ***\n"
            "0 |        **\n"
            "   0        3  step\n");
}

TEST(PlotTest, DrawsInBraille) {
  EXPECT_EQ(Plot({0, 1000}, {0, 1}, {.width = 14, .height = 2, .unicode = true}),
            "1 │     ⣀⡠⠔⠒⠉\n"
            "0 │⣀⠤⠔⠊⠉\n"
            "   0    1,000  step\n");
}

TEST(PlotTest, LeavesAGapWhereAValueIsNotFinite) {
  const std::string plot =
      Plot({0, 1, 2, 3, 4}, {1, 1, std::nan(""), 1, 1}, {.width = 14, .height = 1, .unicode = false});
  EXPECT_EQ(plot, "1 |***    ***\n   0        4  step\n");
}

TEST(PlotTest, LogarithmicAxisLeavesOutZero) {
  const std::string plot = Plot({0, 1, 2}, {100, 1, 0}, {.width = 16, .height = 3, .unicode = false, .log_y = true});
  EXPECT_EQ(plot.substr(0, 5), "100 |");
  EXPECT_NE(plot.find("  1 |"), std::string::npos);
}

TEST(PlotTest, NothingToDrawIsEmpty) {
  EXPECT_EQ(Plot({}, {}, {}), "");
  EXPECT_EQ(Plot({1}, {std::nan("")}, {}), "");
}

class LiveTest : public testing::Test {
 protected:
  std::ostringstream out_;
  std::ostringstream err_;
  Console console_{out_, err_};
};

TEST_F(LiveTest, RedrawsInPlaceAndScrollsLastingLinesAbove) {
  console_.err_is_terminal = true;
  LiveLines lines(console_);
  lines.Draw({"a", "b"});
  EXPECT_EQ(err_.str(), "a\x1b[K\nb\x1b[K\n\x1b[J");
  err_.str("");
  lines.Draw({"a", "b"});
  EXPECT_EQ(err_.str(), "") << "what is there already is not drawn again";
  lines.Log("done");
  EXPECT_EQ(err_.str(), "\x1b[2F\x1b[Jdone\na\nb\n");
  err_.str("");
  lines.Draw({"c"});
  EXPECT_EQ(err_.str(), "\x1b[2Fc\x1b[K\n\x1b[J");
  err_.str("");
  lines.Clear();
  EXPECT_EQ(err_.str(), "\x1b[1F\x1b[J");
}

TEST_F(LiveTest, WithoutATerminalReportsNowAndThenAndOnlyNews) {
  LiveLines lines(console_);
  lines.Draw({"bars"});
  lines.Report("10%", 0, 5);
  lines.Report("11%", 4, 5);
  lines.Report("10%", 6, 5);
  lines.Report("12%", 7, 5);
  EXPECT_EQ(err_.str(), "10%\n12%\n");
}

}  // namespace
}  // namespace normlab::client
