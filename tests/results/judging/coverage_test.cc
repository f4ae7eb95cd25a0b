// The paper's curve beside the prediction band of our runs.
#include "results/judging/coverage.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "results/judging/manifest.h"
#include "tests/results/judging/tiny_paper.h"

namespace normlab::judging {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Test errors of 2.0, 2.2 and 2.4 % from the first pass to the last, and NLLs of 0.8, 1 and 1.25 times 0.3. One more run would
// lie in 2.2 +- 4.3027 * 0.2 * sqrt(4/3), 1.21 to 3.19 %, and in 0.3 e^(+- 4.3027 * 0.2231 * sqrt(4/3)), 0.099 to 0.91.
LiteralSource LevelRuns(const std::string& arm, int passes, int runs = 3) {
  LiteralSource source;
  const double errors[] = {2.0, 2.2, 2.4, 2.2}, factors[] = {0.8, 1, 1.25, 1};
  for (int i = 0; i < runs; ++i) {
    source.Add(arm, static_cast<std::uint64_t>(i) + 1, passes,
               {{"test/error", [error = errors[i]](double) { return 0.01 * error; }},
                {"train/nll", [factor = factors[i]](double) { return 0.3 * factor; }}});
  }
  return source;
}

// The tiny paper with a change, and `source`'s runs under a budget of it.
struct Tiny {
  explicit Tiny(std::string_view old_text = "", std::string_view new_text = "") {
    text = kTinyManifest;
    const std::size_t at = text.find(old_text);
    EXPECT_NE(at, std::string::npos) << old_text;
    text.replace(at, old_text.size(), new_text);
    auto parsed = ParseManifest(text, "tiny.yaml", {{"tiny.csv", kTinyReference}});
    EXPECT_TRUE(parsed.ok()) << parsed.status();
    manifest = *std::move(parsed);
  }
  Measured Runs(std::string_view budget, LiteralSource& source) const {
    const Item& item = manifest.items.front();
    auto measured = Measure(item, *item.FindBudget(budget), source);
    EXPECT_TRUE(measured.ok()) << measured.status();
    return *std::move(measured);
  }
  std::string text;
  Manifest manifest;
};

// Plain in the paper: 3.5, 2.1, 1.6 % at passes 1 to 2, 3 to 4, 10; 0.5, 0.23, 0.08 nats.
TEST(Coverage, PointsInsideAndWhereNot) {
  const Tiny tiny;
  LiteralSource source = LevelRuns("plain", 10);
  const Measured measured = tiny.Runs("full", source);
  const std::vector<Coverage> all = CoverageOf(measured);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].metric, 0);
  EXPECT_EQ(all[0].runs, 3);
  EXPECT_EQ(all[0].points, 3);
  EXPECT_EQ(all[0].inside, 2);
  ASSERT_EQ(all[0].outside.size(), 1u);
  EXPECT_TRUE(all[0].outside[0].above);
  EXPECT_EQ(all[0].outside[0].to, 2);
  EXPECT_EQ(all[1].inside, 2);  // by logarithms: by values 0.08 would be inside -0.03 to 0.64
  ASSERT_EQ(all[1].outside.size(), 1u);
  EXPECT_FALSE(all[1].outside[0].above);
  EXPECT_EQ(all[1].outside[0].from, 10);
  EXPECT_EQ(CoverageNote(measured),
            "Points of the paper's single runs in the 95 % prediction band of one more run of ours. Test error: Plain: "
            "2 of 3 "
            "inside (3 runs), above at passes 1 to 2. Train NLL: Plain: 2 of 3 inside (3 runs), below at pass 10.");
}

TEST(Coverage, NeighboursOnOneSideAreOneStretch) {
  const Tiny tiny;
  LiteralSource source;
  for (int seed = 1; seed <= 3; ++seed) {
    source.Add("plain", static_cast<std::uint64_t>(seed), 10,
               {{"test/error", [=](double) { return 0.001 * (1 + 0.01 * seed); }}});
  }
  const std::vector<Coverage> all = CoverageOf(tiny.Runs("full", source));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].inside, 0);
  ASSERT_EQ(all[0].outside.size(), 1u);
  EXPECT_EQ(all[0].outside[0].points, 3);
  EXPECT_EQ(all[0].outside[0].from, 1);
  EXPECT_EQ(all[0].outside[0].to, 10);
}

TEST(Coverage, ShorterRunsAreComparedAsFarAsTheyGo) {
  const Tiny tiny;
  LiteralSource source = LevelRuns("plain", 4);
  const std::vector<Coverage> all = CoverageOf(tiny.Runs("small", source));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].points, 2);
  const auto table = TinyPaper()->Table("curve", "small", source, Format::kTerminalVerbose);
  ASSERT_TRUE(table.ok());
  EXPECT_THAT(table->content, HasSubstr("1 of 2 inside (3 runs)"));
}

TEST(Coverage, OtherRunsThanThePapersAreNot) {
  for (const auto& [what, old_text, new_text] :
       {std::tuple("size", "fields: {passes: 4}", "fields: {passes: 4, batch_size: 8}"),
        std::tuple("deviation", "dataset: mnist", "dataset: mnist\n    deviations: [x]"),
        std::tuple("data", "dataset: mnist", "dataset: fashion_mnist"),
        std::tuple("no exact budget", "exact: true, ", "")}) {
    SCOPED_TRACE(what);
    const Tiny tiny(old_text, new_text);
    LiteralSource source = LevelRuns("plain", 4);
    const Measured measured = tiny.Runs("small", source);
    EXPECT_TRUE(CoverageOf(measured).empty());
    EXPECT_EQ(CoverageNote(measured), "");
  }
}

TEST(Coverage, RunsWithoutNumbersDoNotCount) {
  const Tiny tiny;
  LiteralSource source = LevelRuns("plain", 4, 4);
  source.At("plain", 2).status.succeeded = false;  // under way
  std::vector<Coverage> all = CoverageOf(tiny.Runs("full", source));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].runs, 3);
  EXPECT_EQ(all[0].points, 2) << "no run has come to pass 10";
  source.At("plain", 3).status.succeeded = false;
  source.At("plain", 3).status.diverged = true;
  EXPECT_TRUE(CoverageOf(tiny.Runs("full", source)).empty());
}

}  // namespace
}  // namespace normlab::judging
