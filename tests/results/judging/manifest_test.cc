#include "results/judging/manifest.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "results/judging/plan.h"
#include "tests/results/judging/tiny_paper.h"

namespace normlab::judging {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const Files kFiles = {{"tiny.csv", kTinyReference}};

// The tiny manifest with one piece replaced.
std::string With(const std::string& what, const std::string& by) {
  std::string text = kTinyManifest;
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

std::string ErrorOf(const std::string& yaml, const Files& files = kFiles) {
  const auto manifest = ParseManifest(yaml, "my.yaml", files);
  EXPECT_EQ(manifest.status().code(), absl::StatusCode::kInvalidArgument) << yaml;
  return Message(manifest.status());
}

TEST(Manifest, AUsersOwnPaperIsRead) {
  const auto manifest = ParseManifest(kTinyManifest, "my.yaml", kFiles);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  const Item& item = manifest->items.at(0);
  EXPECT_EQ(item.arms[1].id, "normed");
  EXPECT_EQ(item.groups.size(), 1u);
  EXPECT_EQ(item.metrics[1].floor, 1e-12);
  EXPECT_EQ(item.budgets[1].extents[0].seeds, 6);
  EXPECT_EQ(item.claims[2].value, 1.5);
  EXPECT_EQ(item.reference[1][0][0].hi, 3.8);
  EXPECT_EQ(item.reference[1][1][0].lo, item.reference[1][1][0].hi);
}

TEST(Manifest, AnArmMayBeRunsOfOtherPrograms) {
  const std::string arm = "normed: {label: Normed, fields: {norm: layer}}";
  const auto manifest =
      ParseManifest(With(arm, "normed: {label: Normed, labels: {program: torch, lr: 0.1}}"), "my.yaml", kFiles);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->items[0].arms[1].labels, (Labels{{"lr", "0.1"}, {"program", "torch"}}));
  EXPECT_TRUE(manifest->items[0].arms[0].labels.empty());
  for (const PlannedRun& run : PlanItem(manifest->items[0], manifest->items[0].budgets[0])) {
    EXPECT_EQ(run.labels.empty(), run.arm == "plain");
  }
  EXPECT_THAT(ErrorOf(With(arm, "normed: {label: Normed, labels: {}}")), HasSubstr("arms.normed.labels"));
  EXPECT_THAT(ErrorOf(With(arm, "normed: {label: Normed, labels: torch}")), HasSubstr("arms.normed.labels"));
  EXPECT_THAT(ErrorOf(With(arm, "normed: {label: Normed, labels: {a: b}, fields: {norm: layer}}")),
              HasSubstr("no fields and tune"));
  EXPECT_THAT(ErrorOf(With(arm, "normed: {label: Normed, labels: {a: b}}\n    repeat: {field: fold, values: [1, 2]}")),
              HasSubstr("cannot be asked of runs of other programs"));
}

TEST(Manifest, UnknownKeysNameTheNearestWithLineAndColumn) {
  EXPECT_EQ(ErrorOf(With("citation:", "citaton:")),
            "my.yaml:4:1: manifest.citaton is not a field; did you mean citation?");
  EXPECT_THAT(ErrorOf(With("statement: Normed trains", "statment: Normed trains")),
              AllOf(HasSubstr("my.yaml:24:22: items.curve.claims[0].statment is not a field; did you mean statement?"),
                    HasSubstr("items.curve.claims[0].statement is missing")));
  EXPECT_THAT(ErrorOf(With("citation:", "zebra:")), HasSubstr("fields here are citation, id, items, schema, title"));
}

TEST(Manifest, EveryProblemIsReportedAtOnce) {
  std::string text = With("seeds: 3", "seeds: 0");
  text.replace(text.find("rule: close"), 11, "rule: closer");
  text.replace(text.find("scale: 100"), 10, "scale: lots");
  const std::string error = ErrorOf(text);
  EXPECT_THAT(error, HasSubstr("budgets.small.seeds is 0; expected a whole number from 1 to 24"));
  EXPECT_THAT(error, HasSubstr("claims[1].rule is closer; expected one of lower, higher, reaches, close, value, below, "
                               "above; did you mean close?"));
  EXPECT_THAT(error, HasSubstr("metrics.error.scale is lots; expected a number from"));
}

TEST(Manifest, WrongValues) {
  EXPECT_THAT(ErrorOf(With("schema: 2", "schema: 3")), HasSubstr("schema is 3; expected a whole number from 1 to 2"));
  EXPECT_THAT(ErrorOf(With("schema: 2\n", "")), HasSubstr("manifest.schema is missing"));
  EXPECT_THAT(ErrorOf(With("title: A Tiny Paper", "title: [a, b]")),
              HasSubstr("title is expected to be a single value"));
  EXPECT_THAT(ErrorOf(With("title: A Tiny Paper", "title: ''")), HasSubstr("title is empty"));
  EXPECT_THAT(ErrorOf(With("seeds: 3", "seeds: 2.5")), HasSubstr("seeds is 2.5"));
  EXPECT_THAT(ErrorOf(With("seeds: 3", "seeds: 25")), HasSubstr("from 1 to 24"));
  EXPECT_THAT(ErrorOf(With("end: 4", "end: nan")), HasSubstr("end is nan"));
  EXPECT_THAT(ErrorOf(With("end: 4, ", "")), HasSubstr("budgets.small.end is missing"));
  EXPECT_THAT(ErrorOf(With("log: true", "log: yes")), HasSubstr("log is yes; expected one of false, true"));
  EXPECT_THAT(ErrorOf(With("than: plain", "than: plian")),
              HasSubstr("than is plian; expected one of plain, normed; did you mean plain?"));
  EXPECT_THAT(ErrorOf(With("within: 0.5", "within: -1")), HasSubstr("within is -1; expected a number from 1e-300"));
  EXPECT_THAT(ErrorOf(With("{norm: none}", "{norm: [none]}")),
              HasSubstr("arms.plain.fields.norm is expected to be a single value"));
  EXPECT_THAT(ErrorOf(With("id: as-good", "id: faster")), HasSubstr("items.curve.claims: id 'faster' is given twice"));
  EXPECT_THAT(ErrorOf(With("normed: {label", "plain: {label")), HasSubstr("arms.plain is given twice"));
  EXPECT_THAT(ErrorOf(With("curve:", "'a b':")), HasSubstr("a name here is made of"));
  EXPECT_THAT(ErrorOf(With("fields: {passes: 4}", "groups: {large: {end: 3}}")),
              HasSubstr("groups.large is not a group"));
}

TEST(Manifest, AFileOfSchema1SaysWhatToChange) {
  const std::string error = ErrorOf(With("schema: 2", "schema: 1"));
  EXPECT_EQ(error,
            "my.yaml:1:9: manifest.schema is 1; schema 2 is read. Write exact for full_scale; a metric's select for "
            "end_share; claims of direction without tie; claims of size with the value they name (value, difference or "
            "ratio); table with words for matrix");
}

TEST(Manifest, SelectsAreChecked) {
  const auto select = [](const std::string& text) { return With("select: {mean_of_last: 0.15}", "select: " + text); };
  EXPECT_THAT(ErrorOf(select("lats")), HasSubstr("metrics.error.select is expected to be last, best, {mean_of_last:"));
  EXPECT_THAT(ErrorOf(select("{mean_of_last: 2}")), HasSubstr("mean_of_last is 2; expected a number from"));
  EXPECT_THAT(ErrorOf(select("{at_best_of: nl}")), HasSubstr("did you mean nll?"));
  EXPECT_THAT(ErrorOf(select("{at_best: nll}")),
              HasSubstr("fields here are at, at_best_of, cpu_seconds_of, mean_of_last, time_to"));
  const auto manifest = ParseManifest(select("{at_best_of: nll}"), "my.yaml", kFiles);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->items[0].metrics[0].select.metric, 1) << "of a metric that stands below";
}

TEST(Manifest, AMarginOfNothingIsRefused) {
  EXPECT_THAT(ErrorOf(With("within: 0.5", "within: 0")), HasSubstr("within is 0; expected a number from"));
}

TEST(Manifest, WrongShapes) {
  EXPECT_THAT(ErrorOf("- a\n- b\n"), HasSubstr("manifest is expected to be a mapping of fields"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("my.yaml"));
  EXPECT_THAT(ErrorOf("schema: 2\nid: x\ntitle: y\nitems: {}\n"),
              HasSubstr("items is expected to be a mapping of names"));
  EXPECT_THAT(ErrorOf("schema: 2\nid: x\ntitle: y\nitems: 3\n"), HasSubstr("my.yaml:4:8: items is expected"));
  EXPECT_THAT(ErrorOf(With("    claims:\n", "    claims: none\n    old:\n")),
              HasSubstr("claims is expected to be a list"));
  EXPECT_THAT(ErrorOf("schema: 2\n---\nschema: 1\n"), HasSubstr("more than one document"));
}

TEST(Manifest, NotYaml) {
  EXPECT_THAT(ErrorOf("schema: [1\nid: }"), StartsWith("my.yaml:2:"));
  EXPECT_THAT(ErrorOf("\t\x01: {"), StartsWith("my.yaml"));
}

TEST(Manifest, HostileFilesAreRefusedBeforeTheyCostMuch) {
  EXPECT_THAT(ErrorOf(std::string(300 * 1024, 'a')), HasSubstr("307200 bytes; expected at most 262144"));
  EXPECT_THAT(ErrorOf(std::string(17, '[') + std::string(17, ']')), HasSubstr("nested deeper than 16 levels"));
  EXPECT_THAT(ErrorOf(std::string(200'000, '[')), StartsWith("my.yaml:1:"));
  std::string wide = "a: [";
  for (int i = 0; i < 30'000; ++i) {
    wide += "1,";
  }
  EXPECT_THAT(ErrorOf(wide + "1]"), HasSubstr("more than 20000 values"));
  // A billion laughs.
  EXPECT_THAT(ErrorOf("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"), HasSubstr("anchors (&name) are not allowed"));
  EXPECT_THAT(ErrorOf("a: *b\n"), StartsWith("my.yaml:1:"));
  EXPECT_THAT(ErrorOf("a: !!binary aGVsbG8=\n"), HasSubstr("tags (!name) are not allowed"));
}

TEST(Manifest, ManyProblemsAreCutShort) {
  std::string text = kTinyManifest;
  for (int i = 0; i < 200; ++i) {
    text += "unknown" + std::to_string(i) + ": 1\n";
  }
  EXPECT_THAT(ErrorOf(text), HasSubstr("150 more problems"));
}

TEST(Reference, ProblemsNameFileAndLine) {
  const std::string head = "arm,from,to,error,nll\n";
  const auto error = [&](const std::string& csv) { return ErrorOf(kTinyManifest, {{"tiny.csv", csv}}); };
  EXPECT_THAT(error("a,b\n"), HasSubstr("tiny.csv:1: header is expected to start with arm,from,to"));
  EXPECT_THAT(error("arm,from,to,eror\n"), HasSubstr("tiny.csv:1: column 'eror' is no metric of item curve"));
  EXPECT_THAT(error(head + "plan,1,2,1,1\n"), HasSubstr("tiny.csv:2: 'plan' is no arm"));
  EXPECT_THAT(error(head + "plain,1,2,1\n"), HasSubstr("tiny.csv:2: has 4 columns; expected 5"));
  EXPECT_THAT(error(head + "plain,2,1,1,1\n"), HasSubstr("expected numbers with from <= to"));
  EXPECT_THAT(error(head + "plain,1,2,1e999,1\n"), HasSubstr("'1e999' is not a finite number"));
  EXPECT_THAT(error(head + "plain,1,2,1,0\n"), HasSubstr("a log metric is above 0"));
  EXPECT_THAT(error(head + "plain,1,2,1,1\nplain,2,3,1,1\n"), HasSubstr("tiny.csv:3: starts at 2, before"));
  EXPECT_THAT(error("arm,from,to,error_lo,error_hi,nll\nplain,1,2,3,2,1\n"),
              HasSubstr("expected both edges, lo <= hi"));
  EXPECT_THAT(ErrorOf(kTinyManifest, {}), HasSubstr("names the file 'tiny.csv', which is not beside the manifest"));
}

// Found by manifest_fuzz: the row was read as if it had the three columns that the header lacks.
TEST(Reference, RowsBelowABrokenHeaderAreNotRead) {
  const std::string error = ErrorOf(kTinyManifest, {{"tiny.csv", "arm\nplain\n"}});
  EXPECT_THAT(error, HasSubstr("tiny.csv:1: header is expected to start with arm,from,to"));
  EXPECT_THAT(error, testing::Not(HasSubstr("tiny.csv:2")));
}

TEST(Reference, EmptyCellsWereNotPrinted) {
  const auto manifest =
      ParseManifest(kTinyManifest, "my.yaml", {{"tiny.csv", "arm,from,to,error,nll\nplain,1,2,,0.5\n"}});
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_TRUE(manifest->items[0].reference[0][0].empty());
  EXPECT_EQ(manifest->items[0].reference[0][1].size(), 1u);
}

}  // namespace
}  // namespace normlab::judging
