// Every verdict is reachable and rarely wrong: the claims of the built-in paper, at its own budget and numbers of seeds,
// judged over simulated runs whose truth is known.
#include <cmath>
#include <map>
#include <string>

#include "gtest/gtest.h"
#include "results/judging/cell.h"
#include "results/judging/embedded.h"
#include "results/judging/judge.h"
#include "results/judging/measure.h"
#include "results/judging/simulated_runs.h"

namespace normlab::judging {
namespace {

const Item& ItemOf(std::string_view id) {
  static const auto* manifest = [] {
    const EmbeddedPaper& paper = EmbeddedPapers().front();
    return new Manifest(*ParseManifest(paper.files.at("manifest.yaml"), "manifest.yaml", paper.files));
  }();
  return *std::find_if(manifest->items.begin(), manifest->items.end(), [&](const Item& item) { return item.id == id; });
}

std::vector<Judgement> JudgeWorld(const Item& item, const World& world, std::uint64_t repetition,
                                  const char* budget = "paper") {
  SimulatedRuns runs(item, *item.FindBudget(budget), world, repetition);
  const auto measured = Measure(item, *item.FindBudget(budget), runs);
  EXPECT_TRUE(measured.ok()) << measured.status();
  return Judge(*measured);
}

// Where an arm's runs end on the average at the paper's own budget, by the metric's select: the truth that a claim of its
// value is about.
double TrueEnd(const Item& item, const World& world, std::string_view arm, std::string_view metric) {
  constexpr std::uint64_t kRepetitions = 400;
  const auto index = [](const auto& things, std::string_view id) {
    return static_cast<int>(std::find_if(things.begin(), things.end(), [&](const auto& t) { return t.id == id; }) -
                            things.begin());
  };
  double sum = 0;
  int n = 0;
  for (std::uint64_t r = 0; r < kRepetitions; ++r) {
    SimulatedRuns runs(item, *item.exact_budget(), world, r);
    const Measured measured = *Measure(item, *item.exact_budget(), runs);
    for (const double value : Summarize(measured, index(item.arms, arm), index(item.metrics, metric)).values) {
      sum += value;
      ++n;
    }
  }
  return sum / n;
}

class Simulation : public testing::TestWithParam<const char*> {
 protected:
  const Item& item_ = ItemOf(GetParam());
};

TEST_P(Simulation, WhatThePaperShowsIsReproduced) {
  constexpr int kRepetitions = 200;
  std::map<std::string, int> reproduced;
  for (int r = 0; r < kRepetitions; ++r) {
    for (const Judgement& j : JudgeWorld(item_, {}, static_cast<std::uint64_t>(r))) {
      reproduced[j.claim->id] += j.verdict == Verdict::kReproduced ? 1 : 0;
    }
  }
  for (const auto& [claim, times] : reproduced) {
    EXPECT_GE(times, 0.9 * kRepetitions) << claim;
  }
}

// A claim of direction between arms that are alike, a size at the edge of its margin: whatever is found of those is false.
// Of a size that holds, a refutation is; of one that does not, a confirmation.
enum class Truth { kNone, kHolds, kFails };

// At the edge of a margin the two questions of a size are each at the border of their null: errors are counted apart, as
// if the truth lay just outside (`outside`), and as if it lay just inside.
bool False(const Judgement& j, Truth truth, bool outside) {
  if (truth == Truth::kNone && j.claim->is_size()) {
    truth = outside ? Truth::kFails : Truth::kHolds;
  }
  return (j.verdict == Verdict::kReproduced && truth != Truth::kHolds) ||
         (j.verdict == Verdict::kDifferent && truth != Truth::kFails);
}

struct Null {
  World world;
  std::map<std::string, Truth> truths;  // by claim; absent: kNone
};

// Every arm has the baseline's curve, moved as a whole so that sizes lie at the edges of their margins.
Null NullOf(const Item& item) {
  Null null;
  const std::string base = item.arms.front().id;
  for (const Arm& arm : item.arms) {
    null.world.curve_of[arm.id] = base;
  }
  const auto shift_all = [&](const std::string& metric, double by) {
    for (const Arm& arm : item.arms) {
      null.world.shift[{arm.id, metric}] += by;
    }
  };
  if (item.id == "mnist") {
    shift_all("test_error", 1.29 + 0.2 - TrueEnd(item, null.world, base, "test_error"));
    for (const char* arm : {"none_4", "batch_4", "layer_4"}) {
      null.world.shift[{arm, "train_nll"}] = std::log(2.0);
    }
  } else if (item.id == "draw") {
    shift_all("test_bound", 83.36 - TrueEnd(item, null.world, base, "test_bound"));
    null.truths = {{"final-gap-small", Truth::kHolds}, {"ln-final-bound", Truth::kFails}};
  } else {
    shift_all("test_nll", -794 - TrueEnd(item, null.world, base, "test_nll"));
    null.truths = {{"baseline-final-nll", Truth::kFails}};
  }
  return null;
}

TEST_P(Simulation, OfNullItemsAtMostOneInTwentyReadsSomethingFalse) {
  constexpr int kRepetitions = 2000;
  const Null null = NullOf(item_);
  int wrong_outside = 0, wrong_inside = 0;
  for (int r = 0; r < kRepetitions; ++r) {
    bool outside = false, inside = false;
    for (const Judgement& j : JudgeWorld(item_, null.world, static_cast<std::uint64_t>(r))) {
      const auto found = null.truths.find(j.claim->id);
      const Truth truth = found == null.truths.end() ? Truth::kNone : found->second;
      outside = outside || False(j, truth, true);
      inside = inside || False(j, truth, false);
    }
    wrong_outside += outside ? 1 : 0;
    wrong_inside += inside ? 1 : 0;
  }
  EXPECT_LE(wrong_outside, 0.05 * kRepetitions);
  EXPECT_LE(wrong_inside, 0.05 * kRepetitions);
}

// Claim by claim the two arms' curves are exchanged; a size is moved by four margins.
World OppositeOf(const Item& item, const Claim& claim) {
  World world;
  const std::string& arm = item.arms[static_cast<std::size_t>(claim.arm)].id;
  const Metric& metric = item.metrics[static_cast<std::size_t>(claim.metric)];
  if (claim.is_size()) {
    world.shift[{arm, metric.id}] = 4 * (metric.log ? std::log(claim.within) : claim.within);
  } else {
    const std::string& than = item.arms[static_cast<std::size_t>(claim.than)].id;
    world.curve_of = {{arm, than}, {than, arm}};
  }
  return world;
}

TEST_P(Simulation, OppositeRunsAreDifferent) {
  constexpr int kRepetitions = 40;
  for (std::size_t c = 0; c < item_.claims.size(); ++c) {
    const World world = OppositeOf(item_, item_.claims[c]);
    int different = 0;
    for (int r = 0; r < kRepetitions; ++r) {
      different += JudgeWorld(item_, world, static_cast<std::uint64_t>(r))[c].verdict == Verdict::kDifferent ? 1 : 0;
    }
    EXPECT_GE(different, 0.9 * kRepetitions) << item_.claims[c].id;
  }
}

// What the first thing a newcomer runs decides.
TEST(Simulation, SmokeDecidesFiveDirectionsOfFigure6) {
  constexpr int kRepetitions = 100;
  int five = 0;
  for (int r = 0; r < kRepetitions; ++r) {
    int decided = 0;
    for (const Judgement& j : JudgeWorld(ItemOf("mnist"), {}, static_cast<std::uint64_t>(r), "smoke")) {
      decided += j.verdict == Verdict::kDirectionOnly ? 1 : 0;
    }
    five += decided >= 5 ? 1 : 0;
  }
  EXPECT_GE(five, 0.8 * kRepetitions);
}

INSTANTIATE_TEST_SUITE_P(LayerNorm, Simulation, testing::Values("mnist", "draw", "handwriting"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace normlab::judging
