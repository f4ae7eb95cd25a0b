// Every format against committed bytes; long curves keep their spikes.
#include "results/judging/render_comparison.h"

#include <gmock/gmock.h>

#include "tests/results/golden.h"
#include "tests/results/judging/literal_jobs.h"

namespace normlab::judging {
namespace {

using report::Format;
using testing::HasSubstr;
using testing::Not;

const std::string kGolden = std::string(NORMLAB_TEST_DIR) + "/golden/comparison";

Comparison Small() {
  return Compare({MakeJob("j1", "none", 1, {{4, 3, 2}, {0.5, 0.25, 0.125}}),
                  MakeJob("j2", "none", 2, {{5, 3.5, 2.5}, {0.6, 0.3, 0.15}}),
                  MakeJob("j3", "layer", 1, {{3, 2, 1}, {0.4, 0.1, 0.025}}),
                  MakeJob("j4", "layer", 2, {{3.5, 2, 1.25}, {0.4, 0.1, 0.03}}),
                  Diverged(MakeJob("j5", "batch", 1, {{9, 99}, {3, 30}})),
                  MakeJob("j6", "batch", 2, {{3, 2.5, 2}, {0.4, 0.2, 0.1}}),
                  MakeJob("j7", "batch", 2, {{3, 2.5, 2}, {0.4, 0.2, 0.1}})},
                 {"test/error", "train/nll"});
}

TEST(RenderComparison, Tables) {
  const std::pair<const char*, Format> formats[] = {{"table.txt", Format::kTerminal}, {"table.md", Format::kMarkdown},
                                                    {"table.tex", Format::kLatex},    {"table.csv", Format::kCsv},
                                                    {"table.json", Format::kJson},    {"table.html", Format::kHtml}};
  for (const auto& [name, format] : formats) {
    const auto table = RenderTable(Small(), format);
    ASSERT_TRUE(table.ok());
    EXPECT_EQ(*table, *RenderTable(Small(), format));
    ExpectGolden(kGolden, name, *table);
  }
  EXPECT_THAT(std::string(RenderTable(Small(), Format::kSvg).status().message()), HasSubstr("terminal, markdown"));
}

TEST(RenderComparison, Plots) {
  const std::pair<const char*, Format> formats[] = {
      {"plot.svg", Format::kSvg}, {"plot.csv", Format::kCsv}, {"plot.json", Format::kJson}};
  for (const auto& [name, format] : formats) {
    const auto plot = RenderPlot(Small(), false, format);
    ASSERT_TRUE(plot.ok());
    ExpectGolden(kGolden, name, *plot);
  }
  ExpectGolden(kGolden, "plot-log.svg", *RenderPlot(Small(), true, Format::kSvg));
  EXPECT_THAT(std::string(RenderPlot(Small(), true, Format::kLatex).status().message()), HasSubstr("svg, csv, json"));
}

TEST(RenderComparison, OneJobHasNothingToBeHeldAgainst) {
  const Comparison one = Compare({MakeJob("j1", "none", 1, {{4, 3, 2}})}, {"test/error"});
  EXPECT_THAT(*RenderTable(one, Format::kTerminal), Not(HasSubstr("Holm")));
}

TEST(RenderComparison, WhereHigherIsBetterItIsSaid) {
  const Comparison one = Compare({MakeJob("j1", "none", 1, {{2, 4, 3}})}, {"test/accuracy"}, {"test/accuracy"});
  EXPECT_THAT(*RenderTable(one, Format::kMarkdown), HasSubstr("test/accuracy, higher is better"));
  EXPECT_THAT(*RenderTable(one, Format::kMarkdown),
              HasSubstr("normlab compare j1 --series test/accuracy --higher-is-better test/accuracy\n"));
  EXPECT_THAT(*RenderTable(one, Format::kCsv), HasSubstr("test/accuracy,higher,mnist_mlp,30,1,0,3,,,4,"));
  EXPECT_THAT(*RenderTable(one, Format::kJson), HasSubstr("\"better\": \"higher\""));
}

TEST(RenderComparison, RunsOfSeveralRevisionsAreTold) {
  const auto table = [](const std::string& first, const std::string& second) {
    std::vector<ComparedJob> jobs = {MakeJob("j1", "none", 1, {{4, 3, 2}}), MakeJob("j2", "layer", 1, {{3, 2, 1}})};
    jobs[0].computed_by = first;
    jobs[1].computed_by = second;
    return *RenderTable(Compare(std::move(jobs), {"test/error"}), Format::kMarkdown);
  };
  EXPECT_THAT(table("numerics revision 1", "numerics revision 1"), Not(HasSubstr("revision")));
  EXPECT_THAT(table("numerics revision 1", "numerics revision 2"),
              HasSubstr("computed by several revisions or instruction sets, or from several data: numerics revision 1 "
                        "(j1); numerics revision 2 "
                        "(j2)"));
  EXPECT_THAT(table("numerics revision 1", ""), HasSubstr("not told (j2)"));
}

TEST(RenderComparison, ALongCurveIsDrawnShortAndKeepsItsSpike) {
  std::vector<double> values(1'000'000, 1.0);
  values[765'432] = 1234.5;
  const Comparison one = Compare({MakeJob("j1", "none", 1, {values})}, {"test/error"});
  const std::string svg = *RenderPlot(one, false, Format::kSvg);
  EXPECT_LT(svg.size(), 100'000u);
  values[765'432] = 1.0;
  const Comparison flat = Compare({MakeJob("j1", "none", 1, {values})}, {"test/error"});
  EXPECT_EQ(RenderPlot(flat, false, Format::kSvg)->find(">1000<"), svg.npos);
  EXPECT_TRUE(svg.find(">1000<") != svg.npos) << "the axis goes up to it";
}

}  // namespace
}  // namespace normlab::judging
