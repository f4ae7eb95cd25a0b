#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "results/report/figure.h"
#include "results/report/svg_writer.h"

namespace normlab::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(SvgWriter, EscapesTextAndAttributes) {
  SvgWriter svg;
  svg.Text("a < b & \"c\"", {{"data", "<'\">"}});
  EXPECT_EQ(svg.Take(), "<text data=\"&lt;&#39;&quot;&gt;\">a &lt; b &amp; &quot;c&quot;</text>\n");
}

TEST(SvgWriter, CoordinatesHaveOneDecimalAndNoNegativeZero) {
  EXPECT_EQ(Px(1.26), "1.3");
  EXPECT_EQ(Px(12), "12");
  EXPECT_EQ(Px(-0.04), "0");
}

Figure OnePanel(Trace trace, bool log = true) {
  Figure figure;
  figure.name = std::string("f");
  figure.title = std::string("T");
  Panel panel;
  panel.y.log = log;
  panel.traces.push_back(std::move(trace));
  figure.panels.push_back(std::move(panel));
  return figure;
}

TEST(Svg, WhatIsNotFiniteBreaksLinesAndNeverReachesTheFile) {
  Trace trace;
  trace.line = {{1, 0.5}, {2, NAN}, {3, 0.25}, {4, 0}, {5, INFINITY}, {6, 0.1}};
  trace.band = {{1, 0.4, INFINITY}, {3, 0.2, 0.3}, {6, 0, 0.2}};
  trace.thin = {{{1, -1}}, {}};
  const std::string svg = RenderSvg(OnePanel(trace));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(Svg, ARunThatNeverWasFiniteLeavesACrossInAPanelThatSaysSo) {
  Trace trace;
  trace.ends = {{0, NAN}};
  for (const bool log : {false, true}) {
    const std::string svg = RenderSvg(OnePanel(trace, log));
    EXPECT_THAT(svg, HasSubstr("class=\"end c0\""));
    EXPECT_THAT(svg, HasSubstr("no point can be drawn"));
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("class=\"grid\""))) << "numbers on an axis that measures nothing";
  }
  trace.line = {{0, 0.5}, {1, 0.25}};
  EXPECT_THAT(RenderSvg(OnePanel(trace)), Not(HasSubstr("no point can be drawn")));
}

TEST(Svg, AnEmptyFigureIsStillAFigure) {
  EXPECT_THAT(RenderSvg(OnePanel({})), HasSubstr("</svg>"));
  EXPECT_THAT(RenderSvg(Figure{}), HasSubstr("</svg>"));
}

TEST(Svg, IsAccessible) {
  Figure figure = OnePanel({});
  figure.description = std::string("falls & rises");
  const std::string svg = RenderSvg(figure);
  EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-labelledby=\"f-title f-desc\""));
  EXPECT_THAT(svg, HasSubstr("<title id=\"f-title\">T</title>"));
  EXPECT_THAT(svg, HasSubstr("<desc id=\"f-desc\">falls &amp; rises</desc>"));
}

// A legend as wide as three panels, over one: every text of it begins and ends inside the picture.
TEST(Svg, ALongLegendIsWrapped) {
  Figure figure = OnePanel({});
  for (int i = 0; i < 5; ++i) {
    figure.legend.push_back({fmt::format("a label of some width {}", i), LegendEntry::Style::kOurs});
  }
  const std::string svg = RenderSvg(figure);
  std::set<std::string> lines;
  for (std::size_t at = 0; (at = svg.find(">a label", at)) != svg.npos; ++at) {
    const std::string text = svg.substr(svg.rfind("<text", at), at - svg.rfind("<text", at));
    double x = 0, y = 0;
    ASSERT_EQ(std::sscanf(text.c_str(), "<text x=\"%lf\" y=\"%lf\"", &x, &y), 2) << text;
    EXPECT_LT(x + 6 * 23, 480) << text;
    lines.insert(fmt::format("{}", y));
  }
  EXPECT_EQ(lines.size(), 3u) << "two of the five on each";
}

TEST(Svg, HasADarkSide) { EXPECT_THAT(RenderSvg(OnePanel({})), HasSubstr("prefers-color-scheme:dark")); }

}  // namespace
}  // namespace normlab::report
