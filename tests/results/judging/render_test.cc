// Golden bytes of every format, from literal runs of the tiny paper.
#include <cmath>
#include <locale>
#include <nlohmann/json.hpp>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/results/golden.h"
#include "tests/results/judging/tiny_paper.h"

namespace normlab::judging {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kGolden[] = NORMLAB_TEST_DIR "/golden";

// Three seeds of four passes; one run of Plain diverged at its last pass, one of Normed is under way.
LiteralSource OddRuns() {
  LiteralSource source = TinyRuns(3, 4);
  auto& diverged = source.At("plain", 2);
  diverged.status.succeeded = false;
  diverged.status.diverged = true;
  diverged.series["train/nll"].values.back() = NAN;
  diverged.series["test/error"].values.pop_back();
  diverged.series["test/error"].steps.pop_back();
  auto& under_way = source.At("normed", 3);
  under_way.status.succeeded = false;
  under_way.status.fingerprint.clear();
  for (auto& [name, samples] : under_way.series) {
    samples.steps.resize(3);
    samples.values.resize(3);
  }
  return source;
}

std::string TableOf(LiteralSource& source, std::string_view budget, Format format) {
  const auto table = TinyPaper()->Table("curve", budget, source, format);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? table->content : "";
}

struct Case {
  const char* name;
  Format format;
};

TEST(Golden, TableInEveryFormat) {
  LiteralSource source = TinyRuns(3, 4);
  for (const Case& c :
       {Case{"table.txt", Format::kTerminalVerbose}, Case{"brief.txt", Format::kTerminal},
        Case{"table.md", Format::kMarkdown}, Case{"table.tex", Format::kLatex}, Case{"table.csv", Format::kCsv},
        Case{"table.json", Format::kJson}, Case{"table.html", Format::kHtml}}) {
    ExpectGolden(kGolden, c.name, TableOf(source, "small", c.format));
  }
}

TEST(Golden, FullScaleReadsReproduced) {
  LiteralSource source = TinyRuns(6, 10);
  ExpectGolden(kGolden, "full.txt", TableOf(source, "full", Format::kTerminalVerbose));
}

TEST(Golden, WithoutRuns) {
  LiteralSource none;
  ExpectGolden(kGolden, "none.txt", TableOf(none, "small", Format::kTerminalVerbose));
  ExpectGolden(kGolden, "brief_none.txt", TableOf(none, "small", Format::kTerminal));
  ExpectGolden(kGolden, "none.json", TableOf(none, "small", Format::kJson));
  ExpectGolden(kGolden, "none.svg", TinyPaper()->Figure("curve", "small", none, Format::kSvg)->content);
}

TEST(Golden, DivergedAndUnfinishedRunsAreShown) {
  LiteralSource source = OddRuns();
  ExpectGolden(kGolden, "odd.txt", TableOf(source, "small", Format::kTerminalVerbose));
  ExpectGolden(kGolden, "brief_odd.txt", TableOf(source, "small", Format::kTerminal));
  ExpectGolden(kGolden, "odd.json", TableOf(source, "small", Format::kJson));
  ExpectGolden(kGolden, "odd.svg", TinyPaper()->Figure("curve", "small", source, Format::kSvg)->content);
}

TEST(Golden, SubstituteDataIsNamed) {
  LiteralSource source = TinyRuns(6, 10);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    source.At("plain", seed).status.dataset = "fashion_mnist";
    source.At("normed", seed).status.dataset = "fashion_mnist";
  }
  ExpectGolden(kGolden, "fashion.txt", TableOf(source, "full", Format::kTerminalVerbose));
}

TEST(Golden, Figure) {
  LiteralSource source = TinyRuns(3, 4);
  for (const Case& c :
       {Case{"figure.svg", Format::kSvg}, Case{"figure.csv", Format::kCsv}, Case{"figure.json", Format::kJson}}) {
    const auto figure = TinyPaper()->Figure("curve", "small", source, c.format);
    ASSERT_TRUE(figure.ok()) << figure.status();
    ExpectGolden(kGolden, c.name, figure->content);
  }
}

TEST(Golden, Report) {
  LiteralSource source = TinyRuns(3, 4);
  for (const Case& c : {Case{"report.html", Format::kHtml}, Case{"report.md", Format::kMarkdown}}) {
    const auto report = TinyPaper()->Report({}, "small", source, c.format);
    ASSERT_TRUE(report.ok()) << report.status();
    ExpectGolden(kGolden, c.name, report->content);
  }
}

TEST(Render, RunsOfSeveralInstructionSetsAreToldBesideTheTable) {
  LiteralSource source = TinyRuns(3, 4);
  EXPECT_THAT(TableOf(source, "small", Format::kMarkdown), Not(HasSubstr("instruction set")));
  source.At("plain", 2).status.computed_by = "numerics revision 1, model revision 1, AVX2/libm.1";
  EXPECT_THAT(TableOf(source, "small", Format::kMarkdown),
              HasSubstr("computed by several revisions or instruction sets, or from several data: not told ("));
}

// A locale that needs not be installed.
struct DecimalComma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(Render, SameInputSameBytesInAnyLocale) {
  LiteralSource source = TinyRuns(3, 4);
  const auto paper = TinyPaper();
  const std::string plain = paper->Report({}, "small", source, Format::kHtml)->content;
  const std::locale before = std::locale::global(std::locale(std::locale(), new DecimalComma));
  std::ostringstream shown;
  shown << 1234.5;
  EXPECT_EQ(shown.str(), "1.234,5") << "the locale that a careless stream would use";
  EXPECT_EQ(paper->Report({}, "small", source, Format::kHtml)->content, plain);
  std::locale::global(before);
}

TEST(Render, PagesNeedNothingElse) {
  LiteralSource source = TinyRuns(3, 4);
  const std::string html = TinyPaper()->Report({}, "small", source, Format::kHtml)->content;
  for (const char* outside : {"<script", "<link", "<img", "url(http", "src=", "@import"}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(html, HasSubstr("normlab reproduce tiny-2020 --only curve --budget small"));
}

TEST(Render, JsonParsesAndHoldsNoNaN) {
  LiteralSource source = OddRuns();
  const auto json = nlohmann::json::parse(TableOf(source, "small", Format::kJson));
  EXPECT_EQ(json["claims"].size(), 4u);
  EXPECT_EQ(json["cells"][0]["diverged"], 1);
  const auto figure = TinyPaper()->Figure("curve", "small", source, Format::kJson);
  EXPECT_NO_THROW(nlohmann::json::parse(figure->content).size());
}

TEST(Render, AMarkdownHtmlOrLatexAttackStaysText) {
  std::string manifest = kTinyManifest;
  const std::string title = "Two curves";
  manifest.replace(manifest.find(title), title.size(), "'<script>alert(1)</script> \\input{x} [a](b) `c` ∑'");
  LiteralSource source = TinyRuns(3, 4);
  const auto paper = TinyPaper(manifest);
  EXPECT_THAT(paper->Report({}, "small", source, Format::kHtml)->content, Not(HasSubstr("<script")));
  EXPECT_THAT(paper->Figure("curve", "small", source, Format::kSvg)->content, Not(HasSubstr("<script")));
  EXPECT_THAT(paper->Table("curve", "small", source, Format::kLatex)->content, Not(HasSubstr("\\input{x}")));
  EXPECT_THAT(paper->Report({}, "small", source, Format::kMarkdown)->content, Not(HasSubstr("[a](b)")));
}

TEST(Render, WrongFormatsAreNamed) {
  LiteralSource none;
  const auto table = TinyPaper()->Table("curve", "small", none, Format::kSvg);
  EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(table.status()), HasSubstr("expected one of terminal, markdown, latex, csv, json, html"));
  EXPECT_FALSE(TinyPaper()->Figure("curve", "small", none, Format::kHtml).ok());
  EXPECT_FALSE(TinyPaper()->Report({}, "small", none, Format::kCsv).ok());
}

// A source that fails, as a store does whose disk is gone: the error arrives, nothing is made up.
class FailingSource : public CurveSource {
 public:
  absl::StatusOr<RunStatus> Find(const RunName&) override { return absl::InternalError("disk gone"); }
  absl::StatusOr<Samples> Read(const RunName&, std::string_view) override { return absl::InternalError("disk gone"); }
};

TEST(Render, ErrorsOfTheSourcePassThrough) {
  FailingSource source;
  EXPECT_EQ(TinyPaper()->Table("curve", "small", source, Format::kTerminal).status().code(),
            absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace normlab::judging
