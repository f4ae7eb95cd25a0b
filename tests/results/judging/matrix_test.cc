// Items of words and items that are not run: rules, tables and errors.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "results/judging/judge.h"
#include "results/judging/paper.h"
#include "tests/results/golden.h"
#include "tests/results/judging/literal_source.h"

namespace normlab::judging {
namespace {

using ::testing::HasSubstr;

constexpr char kGolden[] = NORMLAB_TEST_DIR "/golden";

constexpr char kManifest[] = R"(schema: 2
id: words-2020
title: A Paper of Words
items:
  words:
    title: What changes
    place: Table 1
    experiment: invariance
    note: Cells are changes.
    table: {caption: the changes, words: {below: 1.0e-3, yes: Stays, no: Moves}}
    x: {series: train/pass, unit: trial, units: trials, label: trials}
    metrics:
      scale: {label: scale, series: residual/scale, log: true, floor: 1.0e-17, digits: 1}
      shift: {label: shift, series: residual/shift, log: true, floor: 1.0e-17, digits: 1}
    arms:
      a: {label: Method A, fields: {norm: layer}}
      b: {label: Method B, fields: {norm: rms}}
    budgets:
      all: {summary: two trials, exact: true, seeds: 1, end: 2}
    claims:
      - {id: a-scale, statement: A stays, rule: below, bound: 1.0e-3, metric: scale, arm: a}
      - {id: a-shift, statement: A moves, rule: above, bound: 1.0e-3, metric: shift, arm: a}
      - {id: b-shift, statement: B stays, rule: below, bound: 1.0e-3, metric: shift, arm: b, place: another paper}
  later:
    title: What nobody can run
    place: Table 9
    not_run: its data is lost
    statement: Everything gets better
)";

std::unique_ptr<Paper> Words(const std::string& manifest = kManifest) {
  auto paper = Paper::Parse(manifest, "words.yaml", {});
  EXPECT_TRUE(paper.ok()) << paper.status();
  return std::move(*paper);
}

// Changes of both trials, by arm.
LiteralSource Runs(double a_scale, double a_shift, double b_shift) {
  LiteralSource source;
  const auto constant = [](double value) { return [value](double) { return value; }; };
  source.Add("a", 1, 2, {{"residual/scale", constant(a_scale)}, {"residual/shift", constant(a_shift)}});
  source.Add("b", 1, 2, {{"residual/scale", constant(1e-16)}, {"residual/shift", constant(b_shift)}});
  return source;
}

std::vector<Verdict> VerdictsOf(const Rendered& table) {
  std::vector<Verdict> verdicts;
  for (const Judgement& judgement : table.judgements) {
    verdicts.push_back(judgement.verdict);
  }
  return verdicts;
}

std::vector<Verdict> VerdictsOf(LiteralSource source) {
  const auto table = Words()->Table("words", "all", source, Format::kTerminal);
  EXPECT_TRUE(table.ok()) << table.status();
  return VerdictsOf(*table);
}

TEST(Matrix, OneSeedDecidesWhatIsNoSample) {
  EXPECT_EQ(VerdictsOf(Runs(1e-16, 0.5, 1e-16)), std::vector(3, Verdict::kReproduced));
}

TEST(Matrix, AValueOnTheWrongSideIsDifferent) {
  EXPECT_EQ(VerdictsOf(Runs(2e-3, 1e-9, 0.5)), std::vector(3, Verdict::kDifferent));
}

TEST(Matrix, ASingleTrialBreaksAnInvariance) {
  LiteralSource source = Runs(1e-16, 0.5, 1e-16);
  source.At("a", 1).series["residual/scale"].values[1] = 0.1;
  source.At("a", 1).series["residual/shift"].values[1] = 1e-9;
  EXPECT_EQ(VerdictsOf(source), (std::vector{Verdict::kDifferent, Verdict::kInconclusive, Verdict::kReproduced}));
}

TEST(Matrix, WhatIsNotANumberIsNotBelow) {
  EXPECT_EQ(VerdictsOf(Runs(NAN, NAN, 0.5)),
            (std::vector{Verdict::kDifferent, Verdict::kInconclusive, Verdict::kDifferent}));
}

TEST(Matrix, ARunThatDivergedBreaksAnInvarianceWhateverItHadRecorded) {
  LiteralSource source = Runs(1e-16, 0.5, 1e-16);
  source.At("a", 1).status.succeeded = false;
  source.At("a", 1).status.diverged = true;
  const auto table = Words()->Table("words", "all", source, Format::kTerminal);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(VerdictsOf(*table), (std::vector{Verdict::kDifferent, Verdict::kInconclusive, Verdict::kReproduced}));
  EXPECT_EQ(table->judgements[0].reason, "A run diverged");
  EXPECT_EQ(table->judgements[0].evidence.diverged, 1);
  EXPECT_THAT(table->content, HasSubstr("diverged"));
}

// 1e-4 is still "Stays" in the table, but not within the claim's 1e-6.
TEST(Matrix, ACellThatDoesNotHoldIsMarkedThoughItsWordIsThePapers) {
  std::string manifest = kManifest;
  const std::string bound = "rule: below, bound: 1.0e-3, metric: scale";
  manifest.replace(manifest.find(bound), bound.size(), "rule: below, bound: 1.0e-6, metric: scale");
  LiteralSource source = Runs(1e-4, 0.5, 1e-16);
  const auto table = Words(manifest)->Table("words", "all", source, Format::kTerminal);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->judgements[0].verdict, Verdict::kDifferent);
  EXPECT_THAT(table->content, HasSubstr("Stays \u2260"));
}

TEST(Matrix, GoldenInEveryFormat) {
  const std::pair<const char*, Format> formats[] = {{"matrix.txt", Format::kTerminalVerbose},
                                                    {"matrix_brief.txt", Format::kTerminal},
                                                    {"matrix.md", Format::kMarkdown},
                                                    {"matrix.tex", Format::kLatex},
                                                    {"matrix.csv", Format::kCsv},
                                                    {"matrix.json", Format::kJson},
                                                    {"matrix.html", Format::kHtml}};
  for (const auto& [name, format] : formats) {
    LiteralSource source = Runs(1e-16, 0.5, 0.25);
    const auto table = Words()->Table("words", "all", source, format);
    ASSERT_TRUE(table.ok()) << table.status();
    ExpectGolden(kGolden, name, table->content);
  }
}

TEST(Matrix, WhatHasNotRunIsNotCountedAsBroken) {
  LiteralSource none;
  const auto table = Words()->Table("words", "all", none, Format::kTerminal);
  EXPECT_THAT(table->content, HasSubstr("Claims: 3 facts not decided\n"));
  EXPECT_THAT(Words()->Table("words", "all", none, Format::kTerminalVerbose)->content,
              HasSubstr("0 of 3 facts hold, 3 not decided"));
}

TEST(Matrix, HasNoFigure) {
  LiteralSource source = Runs(1e-16, 0.5, 1e-16);
  EXPECT_EQ(Words()->Figure("words", "all", source, Format::kSvg).status().code(), absl::StatusCode::kNotFound);
}

TEST(NotRun, IsSaidEverywhereAndPlansNothing) {
  const auto paper = Words();
  LiteralSource source = Runs(1e-16, 0.5, 1e-16);
  EXPECT_EQ(paper->Items()[1].not_run, "its data is lost");
  EXPECT_EQ(paper->Plan({}, "all")->size(), 2u);
  EXPECT_TRUE(paper->Plan({"later"}, "all")->empty());
  for (const Format format : {Format::kTerminal, Format::kMarkdown, Format::kLatex, Format::kJson, Format::kHtml}) {
    const auto table = paper->Table("later", "all", source, format);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(VerdictsOf(*table), std::vector{Verdict::kNotRun});
    EXPECT_THAT(table->content, HasSubstr("its data is lost"));
  }
  EXPECT_TRUE(paper->Table("later", "all", source, Format::kCsv).ok());
  EXPECT_THAT(std::string(paper->Figure("later", "all", source, Format::kSvg).status().message()),
              HasSubstr("its data is lost"));
  const auto report = paper->Report({}, "all", source, Format::kHtml);
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->content, HasSubstr("its data is lost"));
  EXPECT_EQ(report->judgements.size(), 4u);
}

TEST(Report, ShowsWhatTheFirstRunOfAnArmDrew) {
  LiteralSource source = Runs(1e-16, 0.5, 1e-16);
  source.picture_arm = "a";
  std::string curves = kManifest;  // words have no pictures, curves do
  const std::size_t table = curves.find("    table:");
  curves.erase(table, curves.find('\n', table) + 1 - table);
  const auto report = Words(curves)->Report({"words"}, "all", source, Format::kHtml);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->content, HasSubstr("<img alt=\"\" src=\"data:image/png;base64,iVBORw==\">"));
  EXPECT_THAT(report->content, HasSubstr("Method A: samples.png of seed 1 (j1) after 40 updates."));
  EXPECT_THAT(report->content, HasSubstr("a machine of literals"));
}

TEST(NotRun, HoldsNothingElse) {
  std::string text = kManifest;
  text.replace(text.find("    not_run:"), 0, "    experiment: draw\n");
  EXPECT_THAT(std::string(Paper::Parse(text, "words.yaml", {}).status().message()),
              HasSubstr("words.yaml:27:5: items.later.experiment is not a field"));
}

TEST(BuiltIn, NamesEverythingThePaperShows) {
  std::string places;
  for (const ItemInfo& item : BuiltInPapers().front()->Items()) {
    places.append(item.place).append(";");
  }
  for (const char* place : {"Table 1;", "Table 2 ", "Table 3 ", "Figure 1;", "Figure 2;", "Figure 3;", "Figure 4;",
                            "Figure 5;", "Figure 6;", "section 6.7;"}) {
    EXPECT_THAT(places, HasSubstr(place));
  }
}

}  // namespace
}  // namespace normlab::judging
