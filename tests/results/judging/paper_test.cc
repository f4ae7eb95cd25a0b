#include "results/judging/paper.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "results/report/text.h"
#include "tests/results/judging/literal_source.h"

namespace normlab::judging {
namespace {

using ::testing::HasSubstr;

const Paper& LayerNorm() {
  for (const auto& paper : BuiltInPapers()) {
    if (paper->id() == "layer-norm-2016") {
      return *paper;
    }
  }
  ADD_FAILURE() << "layer-norm-2016 is not built in";
  std::abort();
}

std::map<std::string, std::string> FieldsOf(const PlannedRun& run) { return {run.fields.begin(), run.fields.end()}; }

TEST(BuiltIn, KnowsTheItemsOfThePaper) {
  EXPECT_EQ(LayerNorm().title(), "Layer Normalization");
  const auto items = LayerNorm().Items();
  ASSERT_FALSE(items.empty());
  EXPECT_EQ(items[0].id, "mnist");
  EXPECT_EQ(items[0].place, "Figure 6");
  EXPECT_THAT(items[0].budgets, testing::ElementsAre("smoke", "quick", "long", "paper"));
}

TEST(Plan, CoversEveryArmWithEverySeedOnce) {
  struct Expected {
    const char* experiment;
    std::size_t arms;
    std::map<std::string, std::size_t> runs;
  };
  const std::map<std::string, Expected> items = {
      {"mnist", {"mnist_mlp", 6, {{"smoke", 36}, {"quick", 18}, {"long", 3 * 8 + 3 * 5}, {"paper", 3 * 8 + 3 * 6}}}},
      {"draw", {"draw", 3, {{"smoke", 9}, {"quick", 9}, {"paper", 18}}}},
      {"handwriting", {"handwriting", 2, {{"smoke", 6}, {"quick", 6}, {"paper", 12}}}}};
  for (const auto& [item, expected] : items) {
    for (const auto& [budget, runs] : expected.runs) {
      const auto plan = LayerNorm().Plan({item}, budget);
      ASSERT_TRUE(plan.ok()) << plan.status();
      std::set<std::pair<std::string, std::uint64_t>> seen;
      std::set<std::string> arms;
      for (const PlannedRun& run : *plan) {
        EXPECT_EQ(run.experiment, expected.experiment);
        EXPECT_TRUE(seen.emplace(run.arm, run.seed).second) << run.arm << " " << run.seed;
        arms.insert(run.arm);
      }
      EXPECT_EQ(seen.size(), runs) << item << " " << budget;
      EXPECT_EQ(arms.size(), expected.arms) << item << " " << budget;
    }
  }
}

TEST(Plan, ShowsTheWholeFigureBeforeASecondSeed) {
  const auto plan = *LayerNorm().Plan({"mnist"}, "quick");
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(plan[i].seed, 1u);
  }
  EXPECT_EQ(FieldsOf(plan[0]).at("batch_size"), "128");  // ten times cheaper than batch size 4
  EXPECT_EQ(FieldsOf(plan[5]).at("batch_size"), "4");
}

TEST(Plan, FieldsComeFromArmAndBudget) {
  const auto plan = *LayerNorm().Plan({"mnist"}, "smoke");
  const auto layer_4 = std::find_if(plan.begin(), plan.end(), [](const PlannedRun& r) { return r.arm == "layer_4"; });
  ASSERT_NE(layer_4, plan.end());
  EXPECT_EQ(FieldsOf(*layer_4),
            (std::map<std::string, std::string>{{"norm", "layer"}, {"batch_size", "4"}, {"passes", "1"}}));
}

// The minutes each budget promises, against the core seconds that the manifest says its runs take.
TEST(Plan, BudgetsFitTheirPromisesOnTwoCoresWithAFifthToSpare) {
  const auto minutes = [](const std::vector<std::string>& items, const char* budget) {
    const auto plan = LayerNorm().Plan(items, budget);
    double seconds = 0;
    for (const PlannedRun& run : *plan) {
      EXPECT_GT(run.core_seconds, 0) << run.item << " " << run.arm;
      seconds += run.core_seconds;
    }
    return seconds / 2 / 60;
  };
  EXPECT_LT(minutes({"mnist"}, "smoke"), 0.8 * 6);
  EXPECT_LT(minutes({"mnist", "draw", "handwriting", "invariances", "scale_identities"}, "smoke"), 0.8 * 10);
  EXPECT_LT(minutes({"mnist"}, "quick"), 0.8 * 30);
  EXPECT_LT(minutes({"draw"}, "quick"), 0.8 * 60);
  EXPECT_LT(minutes({"handwriting"}, "quick"), 0.8 * 60);
  EXPECT_GT(minutes({"mnist"}, "paper"), 20 * 60) << "the paper's own scale takes a day";
}

TEST(Plan, HandwritingTrainsBothArmsWithEverySeed) {
  for (const auto& [budget, data] :
       std::map<std::string, std::string>{{"smoke", "synthetic_pen"}, {"quick", "unipen"}}) {
    const auto plan = LayerNorm().Plan({"handwriting"}, budget);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->size(), 6u);
    for (const PlannedRun& run : *plan) {
      EXPECT_EQ(run.experiment, "handwriting");
      EXPECT_EQ(FieldsOf(run).at("dataset"), data);
    }
  }
}

TEST(Plan, NamesWhatExistsForAnUnknownItemOrBudget) {
  const auto item = LayerNorm().Plan({"minst"}, "smoke");
  EXPECT_EQ(item.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(item.status()), HasSubstr("no item 'minst'; it has mnist, draw, handwriting"));
  const auto budget = LayerNorm().Plan({"mnist"}, "tiny");
  EXPECT_EQ(budget.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(budget.status()), HasSubstr("no budget 'tiny'; it has smoke, quick, long, paper"));
}

TEST(Table, WithoutRunsReadsNotRunEverywhere) {
  LiteralSource none;
  const auto table = LayerNorm().Table("mnist", "smoke", none, Format::kTerminal);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->judgements, testing::Each(testing::Field(&Judgement::verdict, Verdict::kNotRun)));
  EXPECT_EQ(table->judgements.size(), 12u);
  EXPECT_THAT(table->content, HasSubstr("NOT_RUN"));
}

// What a newcomer sees first: 80 columns and a bit, 24 lines and a bit.
TEST(Table, OfFigure6FitsAScreen) {
  LiteralSource none;
  const std::string text = LayerNorm().Table("mnist", "smoke", none, Format::kTerminal)->content;
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 26) << text;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(report::Width(line), 96) << line;
  }
}

}  // namespace
}  // namespace normlab::judging
