// What schema 2 can say beside claims about the ends of curves: times on other axes, the other arm's best, tuned arms,
// repetitions, printed numbers, several data sets, experiments that do not exist.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "results/judging/cell.h"
#include "results/judging/judge.h"
#include "results/judging/manifest.h"
#include "results/judging/paper.h"
#include "results/judging/result_data.h"
#include "tests/results/judging/literal_source.h"

namespace normlab::judging {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// One item of two arms; `more` goes below its budgets, and `metrics` beside accuracy.
std::string ManifestOf(const std::string& metrics, const std::string& more, const std::string& layer = "") {
  return R"(schema: 2
id: language-2020
title: A Paper
items:
  it:
    title: It
    place: Table 4
    experiment: mnist_mlp
    dataset: mnist
    x: {series: train/pass, unit: pass, units: passes}
    axes:
      examples: {of: updates, times: batch_size, unit: example, units: examples}
      cpu: {of: cpu_seconds, unit: CPU second}
    fields: {batch_size: 20}
    metrics:
      accuracy: {label: Accuracy, unit: "%", series: test/accuracy, scale: 100, digits: 1, better: higher}
)" + metrics +
         R"(    arms:
      none: {label: Baseline, fields: {norm: none}}
      layer: {label: LayerNorm, fields: {norm: layer})" +
         layer + R"(}
    budgets:
      full: {summary: all of it, exact: true, seeds: 6, end: 10}
)" + more;
}

Manifest Read(const std::string& text) {
  auto manifest = ParseManifest(text, "my.yaml", {});
  EXPECT_TRUE(manifest.ok()) << manifest.status();
  return manifest.ok() ? *std::move(manifest) : Manifest();
}

std::string ErrorOf(const std::string& text) { return Message(ParseManifest(text, "my.yaml", {}).status()); }

// Accuracy rises by `slope` a pass, and a little with the seed; ten updates a pass.
void AddArm(LiteralSource& source, const std::string& arm, double slope, double cpu_per_update, int part = 0,
            double validation = 0) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const double wiggle = 0.002 * static_cast<double>(seed % 3);
    auto& run = source.Add(arm, seed, 10,
                           {{"test/accuracy", [=](double p) { return p * slope + wiggle; }},
                            {"valid/error", [=](double) { return validation + wiggle; }}},
                           part);
    run.status.cpu_seconds_per_update = cpu_per_update;
  }
}

struct Result {
  Manifest manifest;
  Measured measured;
  std::vector<Judgement> judgements;
  const Judgement& Of(const std::string& id) const {
    return *std::find_if(judgements.begin(), judgements.end(), [&](const Judgement& j) { return j.claim->id == id; });
  }
};

// On the heap: what was measured borrows the manifest.
std::unique_ptr<Result> JudgeOf(const std::string& text, CurveSource& source) {
  auto result = std::make_unique<Result>();
  result->manifest = Read(text);
  if (!result->manifest.items.empty()) {
    const Item& item = result->manifest.items[0];
    auto measured = Measure(item, item.budgets[0], source);
    EXPECT_TRUE(measured.ok()) << measured.status();
    result->measured = *std::move(measured);
    result->judgements = Judge(result->measured);
  }
  return result;
}

TEST(Times, AreOnTheAxisThatIsNamed) {
  LiteralSource source;
  AddArm(source, "none", 0.04, 0.5);   // at 20 % after 5 passes: 50 updates, 1000 examples, 25 CPU seconds
  AddArm(source, "layer", 0.08, 1.0);  // after 3: 30 updates, 600 examples, 30 CPU seconds
  const auto result = JudgeOf(ManifestOf("", R"(    claims:
      - {id: passes, statement: s, rule: reaches, metric: accuracy, arm: layer, than: none, target: 20}
      - {id: examples, statement: s, rule: reaches, metric: accuracy, arm: layer, than: none, target: 20, on: examples}
      - {id: cpu, statement: s, rule: reaches, metric: accuracy, arm: layer, than: none, target: 20, on: cpu}
)"),
                              source);
  EXPECT_NEAR(*result->Of("passes").evidence.estimate, 0.6, 1e-9);
  EXPECT_NEAR(*result->Of("examples").evidence.estimate, 0.6, 1e-9);
  EXPECT_NEAR(*result->Of("cpu").evidence.estimate, 30.0 / 25, 1e-9);
  EXPECT_EQ(result->Of("examples").verdict, Verdict::kReproduced);
  EXPECT_EQ(result->Of("cpu").verdict, Verdict::kDifferent) << "in CPU seconds it is later";
  EXPECT_THAT(result->Of("examples").question, HasSubstr("first example at which Accuracy is at 20.0 % or above"));
}

TEST(Times, ToTheBestOfTheOtherArmOfTheSameSeed) {
  LiteralSource source;
  AddArm(source, "none", 0.04, 1);   // best after 10 passes, 40 % and the seed's wiggle
  AddArm(source, "layer", 0.08, 1);  // there after 5
  const auto result = JudgeOf(ManifestOf("",
                                         "    claims:\n      - {id: best, statement: s, rule: reaches, metric: "
                                         "accuracy, arm: layer, than: none, target: best}\n"),
                              source);
  EXPECT_NEAR(*result->Of("best").evidence.estimate, 0.5, 1e-9);
  EXPECT_EQ(result->Of("best").verdict, Verdict::kReproduced);
  EXPECT_THAT(result->Of("best").question, HasSubstr("as good as the best of Baseline of the same seed"));
}

constexpr char kTimes[] =
    R"(      first: {label: First, series: test/accuracy, scale: 100, better: higher, select: {time_to: 20, on: examples}}
      best_at: {label: Best at, series: test/accuracy, scale: 100, better: higher, select: {time_to: best}}
      cost: {label: Cost, select: {cpu_seconds_of: 100}}
)";

TEST(Times, AreMetricsOfCellsToo) {
  LiteralSource source;
  AddArm(source, "none", 0.04, 0.5);
  AddArm(source, "layer", 0.001, 1);  // never at 20 %
  const auto result = JudgeOf(ManifestOf(kTimes, R"(    claims:
      - {id: first, statement: s, rule: lower, metric: first, arm: none, than: layer}
      - {id: cost, statement: s, rule: lower, metric: cost, arm: none, than: layer}
      - {id: value, statement: s, rule: value, metric: first, arm: none, value: 1000, within: 1.1}
)"),
                              source);
  EXPECT_NEAR(*Summarize(result->measured, 0, 1).mean, 1000, 1e-6);
  EXPECT_NEAR(*Summarize(result->measured, 0, 2).mean, 10, 1e-9);
  EXPECT_NEAR(*Summarize(result->measured, 0, 3).mean, 50, 1e-9);
  const Cell never = Summarize(result->measured, 1, 1);
  EXPECT_EQ(never.later, 6);
  EXPECT_FALSE(never.mean) << "what did not come there is not averaged away";
  EXPECT_EQ(result->Of("first").verdict, Verdict::kReproduced);
  EXPECT_EQ(result->Of("first").evidence.censored, 6);
  EXPECT_NEAR(*result->Of("cost").evidence.estimate, 0.5, 1e-9);
  EXPECT_EQ(result->Of("value").verdict, Verdict::kReproduced);
}

constexpr char kValid[] = "      valid: {label: Valid error, series: valid/error}\n";
constexpr char kTune[] = ", tune: {by: valid, over: {learning_rate: [0.1, 0.01], momentum: [0]}}";
constexpr char kHigher[] =
    "    claims:\n      - {id: up, statement: s, rule: higher, metric: accuracy, arm: layer, than: none}\n";

TEST(Tuning, TheValidationMetricChoosesAndTheTestMetricDoesNot) {
  LiteralSource source;
  AddArm(source, "none", 0.04, 1);
  AddArm(source, "layer", 0.09, 1, 0, 0.3);  // the better test accuracy
  AddArm(source, "layer", 0.02, 1, 1, 0.1);  // the better validation
  const auto result = JudgeOf(ManifestOf(kValid, kHigher, kTune), source);
  EXPECT_EQ(result->measured.tuned[1].point, 1);
  EXPECT_EQ(result->measured.tuned[1].text,
            "LayerNorm: learning_rate 0.01, momentum 0, chosen of 2 grid points by Valid error");
  EXPECT_EQ(result->Of("up").verdict, Verdict::kDifferent) << "as the chosen point has it";
  const auto paper = Paper::Parse(ManifestOf(kValid, kHigher, kTune), "my.yaml");
  EXPECT_THAT((*paper)->Table("it", "full", source, Format::kMarkdown)->content, HasSubstr("learning\\_rate 0.01"));
  const auto plan = *(*paper)->Plan({}, "full");
  EXPECT_EQ(plan.size(), 6u + 12u);
  EXPECT_EQ(plan[2].fields.back(), (std::pair<std::string, std::string>("momentum", "0")));
  EXPECT_EQ(plan[2].part, 1);
}

TEST(Tuning, TheFirstPointIsChosenWhereItIsTheBest) {
  LiteralSource source;
  AddArm(source, "none", 0.04, 1);
  AddArm(source, "layer", 0.02, 1, 0, 0.1);
  AddArm(source, "layer", 0.09, 1, 1, 0.3);
  EXPECT_EQ(JudgeOf(ManifestOf(kValid, kHigher, kTune), source)->measured.tuned[1].point, 0);
  // Of a metric that is better higher, the greatest chooses.
  const std::string higher = "      valid: {label: Valid score, series: valid/error, better: higher}\n";
  EXPECT_EQ(JudgeOf(ManifestOf(higher, kHigher, kTune), source)->measured.tuned[1].point, 1);
}

TEST(Tuning, NothingIsChosenBeforeTheWholeGridHasRun) {
  LiteralSource source;
  AddArm(source, "none", 0.04, 1);
  AddArm(source, "layer", 0.09, 1, 0, 0.3);
  const auto result = JudgeOf(ManifestOf(kValid, kHigher, kTune), source);
  EXPECT_FALSE(result->measured.tuned[1].decided);
  EXPECT_EQ(result->Of("up").verdict, Verdict::kInconclusive);
  EXPECT_THAT(result->Of("up").reason, HasSubstr("needs every run of 2 grid points"));
}

TEST(Tuning, APointThatDivergedIsNeverChosen) {
  LiteralSource source;
  AddArm(source, "none", 0.04, 1);
  AddArm(source, "layer", 0.09, 1, 0, 0.3);
  AddArm(source, "layer", 0.02, 1, 1, 0.1);
  source.At("layer", 4, 1).status.succeeded = false;
  source.At("layer", 4, 1).status.diverged = true;
  EXPECT_EQ(JudgeOf(ManifestOf(kValid, kHigher, kTune), source)->measured.tuned[1].point, 0);
  source.At("layer", 2, 0).status.succeeded = false;
  source.At("layer", 2, 0).status.diverged = true;
  const auto none_left = JudgeOf(ManifestOf(kValid, kHigher, kTune), source);
  EXPECT_FALSE(none_left->measured.tuned[1].decided);
  EXPECT_EQ(none_left->Of("up").verdict, Verdict::kInconclusive);
  EXPECT_THAT(none_left->Of("up").reason, HasSubstr("each of 2 grid points has a run that diverged"));
}

TEST(Tuning, WhatIsReportedMayNotChoose) {
  EXPECT_THAT(
      ErrorOf(ManifestOf("", kHigher, ", tune: {by: accuracy, over: {learning_rate: [1]}}")),
      HasSubstr("layer: test/accuracy chooses its grid point and claim up judges it: what is reported may not choose"));
  EXPECT_THAT(
      ErrorOf(ManifestOf("      best: {label: b, series: test/accuracy, select: {at_best_of: accuracy}}\n", "")),
      HasSubstr("my.yaml:17:68: items.it.metrics.best.select.at_best_of names a metric of the same series"));
  EXPECT_THAT(ErrorOf(ManifestOf(kValid, "", ", tune: {by: vlaid, over: {a: [1]}}")), HasSubstr("did you mean valid?"));
  EXPECT_THAT(ErrorOf(ManifestOf(kValid, "", ", tune: {by: valid}")), HasSubstr("layer.tune.over is missing"));
  EXPECT_THAT(ErrorOf(ManifestOf(kValid, "", ", tune: {by: valid, over: {a: []}}")),
              HasSubstr("over.a is expected to hold values, of which the grid makes at most 64 points"));
  std::string many = ", tune: {by: valid, over: {a: [";
  for (int i = 0; i < 65; ++i) {
    many += "1,";
  }
  EXPECT_THAT(ErrorOf(ManifestOf(kValid, "", many + "]}}")), HasSubstr("at most 64 points"));
}

constexpr char kFolds[] = "    repeat: {field: fold, values: [1, 2]}\n";

TEST(Repetitions, ASeedsNumberIsTheirMean) {
  LiteralSource source;
  for (const int fold : {0, 1}) {
    AddArm(source, "none", fold == 0 ? 0.02 : 0.04, 1, fold);
    AddArm(source, "layer", fold == 0 ? 0.04 : 0.08, 1, fold);
  }
  const auto result = JudgeOf(ManifestOf("", kFolds + std::string(kHigher)), source);
  const Cell cell = Summarize(result->measured, 0, 0);
  EXPECT_EQ(cell.planned, 6);
  EXPECT_EQ(cell.values.size(), 6u);
  EXPECT_NEAR(cell.values[2], 30, 1e-9);
  EXPECT_EQ(result->Of("up").evidence.n, 6) << "seeds, not runs";
  EXPECT_NEAR(*result->Of("up").evidence.estimate, 30, 0.5);
  const auto plan = *(*Paper::Parse(ManifestOf("", kFolds), "my.yaml"))->Plan({}, "full");
  EXPECT_EQ(plan.size(), 24u);
  EXPECT_EQ(plan[1].fields.back(), (std::pair<std::string, std::string>("fold", "2")));
}

TEST(Repetitions, CurvesTellThemApart) {
  LiteralSource source;
  for (const int fold : {0, 1}) {
    AddArm(source, "none", fold == 0 ? 0.02 : 0.04, 1, fold);
  }
  const auto result = JudgeOf(ManifestOf("", kFolds + std::string(kHigher)), source);
  std::vector<std::pair<std::uint64_t, std::string>> runs;
  for (const FigureCurve& curve : CurvesOf(result->measured)) {
    if (curve.arm->id == "none" && curve.metric == &result->measured.item->metrics[0] &&
        curve.source == FigureCurve::Source::kRun) {
      runs.emplace_back(curve.seed, curve.repetition);
    }
  }
  ASSERT_EQ(runs.size(), 12u);
  EXPECT_EQ(runs[2], std::pair(std::uint64_t{2}, std::string("1")));
  EXPECT_EQ(runs[3], std::pair(std::uint64_t{2}, std::string("2")));
}

TEST(Repetitions, ASeedOfWhichOneDivergedDiverged) {
  LiteralSource source;
  for (const int fold : {0, 1}) {
    AddArm(source, "none", 0.02, 1, fold);
    AddArm(source, "layer", 0.04, 1, fold);
  }
  source.At("none", 3, 1).status.succeeded = false;
  source.At("none", 3, 1).status.diverged = true;
  const auto result = JudgeOf(ManifestOf("", kFolds + std::string(kHigher)), source);
  EXPECT_EQ(Summarize(result->measured, 0, 0).diverged, 1);
  EXPECT_EQ(Summarize(result->measured, 0, 0).values.size(), 5u);
  EXPECT_EQ(result->Of("up").evidence.diverged, 1);
}

TEST(Repetitions, AreChecked) {
  EXPECT_THAT(ErrorOf(ManifestOf("", "    repeat: {field: fold}\n")),
              HasSubstr("repeat.values is expected to hold 1 to 64"));
  EXPECT_THAT(ErrorOf(ManifestOf("", "    repeat: {values: [1]}\n")), HasSubstr("repeat.field is missing"));
}

constexpr char kTable[] = R"yaml(    table:
      columns: [accuracy, loss]
      within: [3, "-"]
      rows: {none: [40.1, 2], layer: [90, ""]}
      also: {"Theirs (2019)": [39, 2.5]}
)yaml";
constexpr char kLoss[] = "      loss: {label: Loss, series: valid/error}\n";

TEST(Tables, EachCellWithAMarginIsAClaimOfSize) {
  LiteralSource source;
  AddArm(source, "none", 0.04, 1);
  AddArm(source, "layer", 0.08, 1);
  const auto result = JudgeOf(ManifestOf(kLoss, kTable), source);
  ASSERT_EQ(result->judgements.size(), 2u) << "loss has no margin";
  EXPECT_EQ(result->Of("none-accuracy").claim->statement, "Baseline: Accuracy is 40.1 %, to 3");
  EXPECT_EQ(result->Of("none-accuracy").claim->place, "Table 4");
  EXPECT_EQ(result->Of("none-accuracy").verdict, Verdict::kReproduced);
  EXPECT_EQ(result->Of("layer-accuracy").verdict, Verdict::kDifferent);
  EXPECT_EQ(Summarize(result->measured, 0, 0).paper->lo, 40.1);
  const auto paper = Paper::Parse(ManifestOf(kLoss, kTable), "my.yaml");
  const std::string text = (*paper)->Table("it", "full", source, Format::kTerminal)->content;
  for (const char* shown : {"40.1", "Theirs (2019)", "2.5", "Table 4, not run here"}) {
    EXPECT_THAT(text, HasSubstr(shown));
  }
}

TEST(Tables, AreChecked) {
  const auto error = [](const std::string& from, const std::string& to) {
    std::string table = kTable;
    EXPECT_NE(table.find(from), std::string::npos);
    return ErrorOf(ManifestOf(kLoss, table.replace(table.find(from), from.size(), to)));
  };
  EXPECT_THAT(error("[3, \"-\"]", "[3]"), HasSubstr("within has 1 margins; expected one for each of 2 columns"));
  EXPECT_THAT(error("[3, \"-\"]", "[0, 1]"), HasSubstr("accuracy within 0 of 40.1 is no margin"));
  EXPECT_THAT(error("[3, \"-\"]", "[x, 1]"), HasSubstr("accuracy within x of 40.1 is no margin"));
  EXPECT_THAT(error("[40.1, 2]", "[40.1]"), HasSubstr("rows.none is expected to be a list of 2 cells"));
  EXPECT_THAT(error("[40.1, 2]", "40"), HasSubstr("rows.none is expected to be a list of 2 cells"));
  EXPECT_THAT(error("[40.1, 2]", "[yes, 2]"), HasSubstr("rows.none: yes is expected to be a number, or nothing"));
  EXPECT_THAT(error("{none:", "{none2:"), HasSubstr("rows.none2 is no arm; did you mean none?"));
  EXPECT_THAT(error("[accuracy, loss]", "[acuracy, loss]"), HasSubstr("did you mean accuracy?"));
  EXPECT_THAT(error("also: {", "also: [1]\n      alos: {"),
              HasSubstr("table.also is expected to be a mapping of labels"));
  EXPECT_THAT(error("[39, 2.5]", "[39]"), HasSubstr("also.Theirs (2019) is expected to be a list of 2 cells"));
  EXPECT_THAT(error("columns", "words: {below: 1, yes: a, no: b}\n      columns"), HasSubstr("yes or no"));
  EXPECT_THAT(ErrorOf(ManifestOf("", "    table:\n      words: {below: 1, yes: a, no: b}\n      claims: {id: x}\n")),
              HasSubstr("table.claims.yes is missing"));
}

TEST(Groups, HaveDataSetsOfTheirOwn) {
  const std::string text = R"(schema: 2
id: sets-2020
title: A Paper
items:
  it:
    title: It
    place: Table 4
    experiment: mnist_mlp
    dataset: mnist
    x: {series: train/pass, unit: pass}
    groups: {digits: {label: digits}, clothes: {label: clothes, dataset: fashion_mnist, fields: {dataset: fashion_mnist}}}
    metrics: {accuracy: {label: Accuracy, series: test/accuracy, better: higher}}
    arms:
      layer: {label: LayerNorm, group: digits, fields: {norm: layer}}
      none: {label: LayerNorm, group: clothes, fields: {norm: layer}}
    budgets: {full: {summary: all, exact: true, seeds: 6, end: 10}}
    claims:
      - {id: easier, statement: s, rule: higher, metric: accuracy, arm: layer, than: none}
)";
  LiteralSource source;
  AddArm(source, "layer", 0.08, 1);
  AddArm(source, "none", 0.04, 1);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    source.At("none", seed).status.dataset = "fashion_mnist";
  }
  const auto result = JudgeOf(text, source);
  EXPECT_EQ(result->measured.protocol.tier, Tier::kExact);
  EXPECT_EQ(result->Of("easier").verdict, Verdict::kReproduced);
  EXPECT_EQ(result->manifest.items[0].arms[1].fields[0].second, "fashion_mnist");
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    source.At("none", seed).status.dataset = "mnist";
  }
  const auto other = JudgeOf(text, source);
  EXPECT_EQ(other->measured.protocol.tier, Tier::kSubstitute);
  EXPECT_THAT(other->measured.protocol.deviations, ElementsAre("data set mnist stands in for fashion_mnist"));
  EXPECT_EQ(other->Of("easier").verdict, Verdict::kInconclusive)
      << "one arm departs from the paper's data, the other does not";
}

TEST(Unwritten, ExperimentsAreNamedBeforeTheyExist) {
  std::string text = ManifestOf(kLoss, kTable + std::string(kHigher));
  text.replace(text.find("experiment: mnist_mlp"), 21, "experiment: unwritten");
  LiteralSource none;
  const auto result = JudgeOf(text, none);
  for (const Judgement& j : result->judgements) {
    EXPECT_EQ(j.verdict, Verdict::kNotRun);
    EXPECT_EQ(j.reason, "normlab has no experiment unwritten");
  }
  const auto paper = *Paper::Parse(text, "my.yaml");
  for (const Format format :
       {Format::kTerminal, Format::kTerminalVerbose, Format::kMarkdown, Format::kLatex, Format::kHtml, Format::kJson}) {
    const auto table = paper->Table("it", "full", none, format);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_THAT(table->content, HasSubstr("normlab has no experiment unwritten"));
    EXPECT_THAT(table->content, HasSubstr("40.1")) << "what the paper prints is there";
  }
  EXPECT_TRUE(paper->Figure("it", "full", none, Format::kSvg).ok());
}

TEST(Panels, AreMetricsOverAnyAxis) {
  const std::string panels =
      "    panels:\n      - {metric: accuracy, x: cpu, title: By time}\n      - {metric: accuracy, log_x: true}\n";
  LiteralSource source;
  AddArm(source, "none", 0.04, 0.5);
  AddArm(source, "layer", 0.08, 1.0);
  const auto figure = (*Paper::Parse(ManifestOf(kLoss, panels), "my.yaml"))->Figure("it", "full", source, Format::kSvg);
  ASSERT_TRUE(figure.ok()) << figure.status();
  EXPECT_THAT(figure->content, HasSubstr("By time"));
  EXPECT_THAT(figure->content, HasSubstr("CPU second"));
  EXPECT_THAT(figure->content, Not(HasSubstr("Loss"))) << "panels that are not named are not drawn";
  EXPECT_THAT(ErrorOf(ManifestOf("", "    panels:\n      - {metric: accuracy, x: cup}\n")),
              HasSubstr("did you mean cpu?"));
  EXPECT_THAT(ErrorOf(ManifestOf("", "    panels: {}\n")), HasSubstr("panels is expected to be a list"));
}

TEST(Axes, AreChecked) {
  std::string text = ManifestOf("", "");
  text.replace(text.find("      examples:"), 15, "      x:");
  EXPECT_THAT(ErrorOf(text), HasSubstr("axes.x is the item's own axis"));
  EXPECT_THAT(ErrorOf(ManifestOf("      t: {label: t, series: a, select: {time_to: 3, on: cup}}\n", "")),
              HasSubstr("on is cup; expected one of x, examples, cpu; did you mean cpu?"));
  EXPECT_THAT(ErrorOf(ManifestOf("      t: {label: t, series: a, select: {time_to: soon}}\n", "")),
              HasSubstr("time_to is soon; expected a number"));
  EXPECT_THAT(ErrorOf(ManifestOf("      t: {label: t, select: {cpu_seconds_of: 0}}\n", "")),
              HasSubstr("cpu_seconds_of is 0; expected a number from 1"));
  EXPECT_THAT(ErrorOf(ManifestOf("      t: {label: t, select: best}\n", "")), HasSubstr("metrics.t.series is missing"));
  EXPECT_THAT(ErrorOf(ManifestOf(kTimes,
                                 "    claims:\n      - {id: a, statement: s, rule: reaches, metric: first, arm: layer, "
                                 "than: none, target: 3}\n")),
              HasSubstr("metric selects a time; a target is a level of a curve"));
  EXPECT_THAT(
      ErrorOf(ManifestOf("",
                         "    claims:\n      - {id: a, statement: s, rule: reaches, metric: accuracy, arm: layer, "
                         "than: none, target: bset}\n")),
      HasSubstr("target is bset; expected a number"));
  std::string of = ManifestOf("", "");
  of.replace(of.find("of: updates"), 11, "of: update");
  EXPECT_THAT(ErrorOf(of), HasSubstr("of is update; expected one of updates, cpu_seconds; did you mean updates?"));
}

TEST(Examples, UseEveryKeyAndAreRead) {
  std::ifstream file(NORMLAB_TEST_DIR "/../../../docs/examples/grid.yaml");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto manifest = ParseManifest(text, "grid.yaml", {});
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  const Item& item = manifest->items[0];
  EXPECT_EQ(item.arms[1].points(), 3);
  EXPECT_EQ(item.repeat.count(), 2);
  EXPECT_EQ(item.claims.size(), 5u);
}

}  // namespace
}  // namespace normlab::judging
