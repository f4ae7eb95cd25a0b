// The manifests that are built in: Table 1 as a product says what it said in full, and other papers' numbers are all there.
#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "results/judging/embedded.h"
#include "results/judging/judge.h"
#include "results/judging/manifest.h"
#include "results/judging/measure.h"
#include "results/judging/render_figure.h"
#include "tests/results/judging/literal_source.h"

namespace normlab::judging {
namespace {

Manifest BuiltIn(std::string_view id) {
  for (const EmbeddedPaper& paper : EmbeddedPapers()) {
    if (paper.id == id) {
      return *ParseManifest(paper.files.at("manifest.yaml"), "manifest.yaml", paper.files);
    }
  }
  ADD_FAILURE() << id << " is not built in";
  return {};
}

const Item& ItemOf(const Manifest& manifest, std::string_view id) {
  return *std::find_if(manifest.items.begin(), manifest.items.end(), [&](const Item& item) { return item.id == id; });
}

// A small residual where the row says invariant, a large one where it does not; one cell is wrong.
LiteralSource Runs(const Item& item) {
  LiteralSource source;
  for (const Arm& arm : item.arms) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      std::map<std::string, std::function<double(double)>> series;
      for (std::size_t m = 0; m < item.metrics.size(); ++m) {
        const bool small = (arm.id.size() + m) % 2 == 0;
        series[item.metrics[m].series] = [small](double) { return small ? 1e-16 : 0.5; };
      }
      auto& run = source.Add(arm.id, seed, 2, series);
      run.series["trial/number"] = run.series["train/pass"];
    }
  }
  return source;
}

TEST(Table1, AsAProductSaysWhatItSaidInFull) {
  std::ifstream file(NORMLAB_TEST_DIR "/table1_in_full.yaml");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto full_manifest = ParseManifest(text, "table1_in_full.yaml", {});
  ASSERT_TRUE(full_manifest.ok()) << full_manifest.status();
  const Manifest built_in = BuiltIn("layer-norm-2016");
  const Item &full = full_manifest->items[0], &product = ItemOf(built_in, "invariances");
  ASSERT_EQ(product.arms.size(), full.arms.size());
  for (std::size_t a = 0; a < full.arms.size(); ++a) {
    EXPECT_EQ(product.arms[a].id, full.arms[a].id);
    EXPECT_EQ(product.arms[a].label, full.arms[a].label);
    EXPECT_EQ(product.arms[a].group, full.arms[a].group);
    EXPECT_EQ(product.arms[a].fields, full.arms[a].fields);
  }
  ASSERT_EQ(product.metrics.size(), full.metrics.size());
  for (std::size_t m = 0; m < full.metrics.size(); ++m) {
    EXPECT_EQ(product.metrics[m].id, full.metrics[m].id);
    EXPECT_EQ(product.metrics[m].series, full.metrics[m].series);
    EXPECT_EQ(product.metrics[m].floor, full.metrics[m].floor);
  }
  LiteralSource runs = Runs(full);
  const auto of_product = Measure(product, *product.FindBudget("smoke"), runs);
  const auto of_full = Measure(full, *full.FindBudget("smoke"), runs);
  const std::vector<Judgement> ours = Judge(*of_product), theirs = Judge(*of_full);
  ASSERT_EQ(ours.size(), theirs.size());
  ASSERT_EQ(ours.size(), 25u);
  for (std::size_t c = 0; c < ours.size(); ++c) {
    EXPECT_EQ(ours[c].claim->id, theirs[c].claim->id);
    EXPECT_EQ(ours[c].claim->statement, theirs[c].claim->statement);
    EXPECT_EQ(ours[c].claim->place, theirs[c].claim->place);
    EXPECT_EQ(ours[c].claim->bound, theirs[c].claim->bound);
    EXPECT_EQ(ours[c].verdict, theirs[c].verdict) << ours[c].claim->id;
    EXPECT_EQ(ours[c].rule, theirs[c].rule);
  }
}

TEST(BuiltIn, TablesOfExperimentsToComeHaveEveryPrintedNumber) {
  const Manifest ln = BuiltIn("layer-norm-2016"), rms = BuiltIn("rms-norm-2019");
  const auto printed = [](const Item& item) {
    std::size_t numbers = 0;
    for (const PrintedTable::Row& row : item.table->rows) {
      numbers += row.cells.size() - static_cast<std::size_t>(std::count(row.cells.begin(), row.cells.end(), ""));
    }
    return numbers;
  };
  EXPECT_EQ(printed(ItemOf(ln, "order_embeddings")), 2 * 8u + 2 * 6u);
  EXPECT_EQ(printed(ItemOf(ln, "skip_thoughts")), 4 * 7u);
  EXPECT_EQ(printed(ItemOf(rms, "attentive_reader")), 6 * 4u);
  EXPECT_EQ(printed(ItemOf(rms, "order_embeddings")), 4 * 9u);
  const auto points = [](const Item& item, std::size_t metric) {
    std::size_t rows = 0;
    for (const auto& of_arm : item.reference) {
      rows += of_arm[metric].size();
    }
    return rows;
  };
  EXPECT_GT(points(ItemOf(ln, "order_embeddings"), 0), 380u);
  EXPECT_GT(points(ItemOf(ln, "attentive_reader"), 0), 1500u);
  EXPECT_EQ(points(ItemOf(ln, "skip_thoughts"), 0), 40u);
}

TEST(BuiltIn, WhatThePaperShowsAgreesWithWhatItsClaimsSay) {
  const Manifest ln = BuiltIn("layer-norm-2016");
  const Item& reader = ItemOf(ln, "attentive_reader");
  for (const Claim& claim : reader.claims) {
    if (claim.kind == ClaimKind::kValue) {
      double least = 100;
      for (const ReferenceRow& row : reader.reference[static_cast<std::size_t>(claim.arm)][0]) {
        least = std::min(least, row.lo);
      }
      EXPECT_NEAR(least, claim.value, 0.05) << claim.id;
    }
  }
}

// On an axis as long as the paper's first five numbers 2,000 updates would be a point; two passes of ten are not.
TEST(BuiltIn, RunsThatWouldBeAPointOnThePapersAxisHaveTheirOwn) {
  const Manifest ln = BuiltIn("layer-norm-2016");
  const auto axes = [&](std::string_view id, std::string_view budget_id) {
    const Item& item = ItemOf(ln, id);
    const auto budget = std::find_if(item.budgets.begin(), item.budgets.end(),
                                     [&](const Budget& budget) { return budget.id == budget_id; });
    LiteralSource nothing;
    std::vector<double> ends;
    for (const report::Panel& panel : MakeFigure(*Measure(item, *budget, nothing)).panels) {
      ends.push_back(panel.x.hi.value_or(-1));
    }
    return ends;
  };
  EXPECT_EQ(axes("skip_thoughts", "quick").front(), 2000);
  EXPECT_EQ(axes("attentive_reader", "smoke").front(), 5000);
  EXPECT_THAT(axes("mnist", "smoke"), testing::Each(10));
}

}  // namespace
}  // namespace normlab::judging
