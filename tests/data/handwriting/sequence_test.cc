#include "data/handwriting/sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/paths.h"
#include "data/handwriting/handwriting.h"
#include "data/handwriting/synthetic_pen.h"
#include "data/locate.h"

namespace normlab::data {
namespace {

PenLine Line(std::vector<Stroke> strokes, double points_per_second = 0.0) {
  return {.part = "p",
          .writer = "w",
          .origin = "o",
          .points_per_second = points_per_second,
          .text = "ab",
          .strokes = std::move(strokes)};
}

TEST(Alphabet, HasGraves57AndTheFullOne) {
  EXPECT_EQ(SymbolCount(Alphabet::kGraves57), 57);
  EXPECT_EQ(SymbolCount(Alphabet::kFull), 96);
  EXPECT_EQ(Encode(Alphabet::kGraves57, "aZ .7\xe9"), (std::vector<std::uint8_t>{0, 51, 52, 54, 56, 56}));
  EXPECT_EQ(Encode(Alphabet::kFull, " ~\n"), (std::vector<std::uint8_t>{0, 94, 95}));
}

TEST(Sequence, OffsetsAndEndOfStroke) {
  const PenSequence sequence = ToSequence(Line({{{0, 0}, {3, 4}}, {{10, 4}}, {{10, 5}, {11, 5}}}), {});
  ASSERT_EQ(sequence.steps.size(), 4u);
  const float wanted[4][3] = {{3, 4, 1}, {7, 0, 1}, {0, 1, 0}, {1, 0, 1}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(sequence.steps[i].dx, wanted[i][0]);
    EXPECT_EQ(sequence.steps[i].dy, wanted[i][1]);
    EXPECT_EQ(sequence.steps[i].end, wanted[i][2]);
  }
  EXPECT_EQ(ToSequence(Line({{{0, 0}, {3, 4}}, {{10, 4}}}), {.max_steps = 1}).steps.size(), 1u);
  EXPECT_TRUE(ToSequence(Line({{{7, 7}}}), {}).steps.empty());
}

TEST(Sequence, ResamplingKeepsEndsAndTime) {
  // 5 readings at 100 a second are 3 at 50; the ends stay, the middle is where the pen was then.
  const PenLine line = Line({{{0, 0}, {1, 0}, {2, 0}, {4, 8}, {8, 8}}}, 100.0);
  const PenSequence half = ToSequence(line, {.points_per_second = 50.0});
  ASSERT_EQ(half.steps.size(), 2u);
  EXPECT_EQ(half.steps[0].dx, 2.0f);
  EXPECT_EQ(half.steps[1].dy, 8.0f);
  EXPECT_EQ(ToSequence(line, {.points_per_second = 200.0}).steps.size(), 8u);
  // Without a known rate, or with an absurd one, the line stays as it is.
  EXPECT_EQ(ToSequence(Line(line.strokes, 0.0), {.points_per_second = 50.0}).steps.size(), 4u);
  EXPECT_EQ(ToSequence(Line(line.strokes, 1e-6), {.points_per_second = 50.0}).steps.size(), 4u);
}

TEST(Sequence, PerLineScaleForgetsTheDevice) {
  const PenLine line = DrawSyntheticLines(1, 1).front();
  PenLine larger = line;
  for (Stroke& stroke : larger.strokes) {
    for (PenPoint& point : stroke) {
      point = {point.x * 7, point.y * 7};
    }
  }
  const PenSequence a = ToSequence(line, {.line_scale = LineScale::kStep});
  const PenSequence b = ToSequence(larger, {.line_scale = LineScale::kStep});
  ASSERT_EQ(a.steps.size(), b.steps.size());
  double square = 0.0, down = 0.0;
  bool lifted = false;
  for (std::size_t i = 0; i < a.steps.size(); ++i) {
    EXPECT_NEAR(a.steps[i].dx, b.steps[i].dx, 1e-5);
    if (!lifted) {
      square += std::pow(a.steps[i].dx, 2) + std::pow(a.steps[i].dy, 2);
      ++down;
    }
    lifted = a.steps[i].end == 1.0f;
  }
  EXPECT_NEAR(square / down, 1.0, 1e-5);
}

TEST(Sequence, BadReadingsAreDropped) {
  Stroke stroke;
  for (int i = 0; i < 40; ++i) {
    stroke.push_back({10 * i, i % 2 * 10});
  }
  PenLine line = Line({stroke});
  line.strokes[0][20] = {5000, 0};         // one wild reading
  line.strokes.push_back({{300, 90000}});  // a dot far above the ink
  EXPECT_EQ(DropBadReadings(line, {.outlier_steps = 30.0, .ink_deviations = 20.0}), 2);
  EXPECT_EQ(PointCount(line), 39);
  ASSERT_EQ(line.strokes.size(), 1u);
  EXPECT_EQ(line.strokes[0][20], (PenPoint{210, 10}));
}

TEST(Sequence, ALongGapBreaksTheStroke) {
  Stroke stroke;
  for (int i = 0; i < 20; ++i) {
    stroke.push_back({(i < 10 ? 0 : 100000) + 10 * i, i % 2 * 10});
  }
  PenLine line = Line({stroke});
  EXPECT_EQ(DropBadReadings(line, {.outlier_steps = 30.0, .ink_deviations = 20.0}), 3);
  EXPECT_EQ(line.strokes.size(), 2u);
}

TEST(Sequence, StandardizedOffsetsHaveMeanZeroAndDeviationOne) {
  std::vector<PenSequence> sequences;
  for (const PenLine& line : DrawSyntheticLines(2, 8)) {
    sequences.push_back(ToSequence(line, {}));
  }
  Standardize(MeasureOffsets(sequences), sequences);
  const OffsetStatistics after = MeasureOffsets(sequences);
  EXPECT_NEAR(after.mean_x, 0.0, 1e-6);
  EXPECT_NEAR(after.mean_y, 0.0, 1e-6);
  EXPECT_NEAR(after.std_x, 1.0, 1e-6);
  EXPECT_NEAR(after.std_y, 1.0, 1e-6);
}

TEST(SyntheticPen, IsSeededAndALongerSetBeginsWithAShorterOne) {
  const auto lines = DrawSyntheticLines(1, 20), fewer = DrawSyntheticLines(1, 3), others = DrawSyntheticLines(2, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(lines[i].strokes, fewer[i].strokes);
    EXPECT_EQ(lines[i].text, fewer[i].text);
    EXPECT_NE(lines[i].strokes, others[i].strokes);
  }
  std::int64_t points = 0;
  for (const PenLine& line : lines) {
    points += PointCount(line);
    EXPECT_GE(line.text.size(), 25u);
  }
  EXPECT_GT(points / 20, 400);
  EXPECT_LT(points / 20, 1000);
  EXPECT_NE(lines[0].writer, lines[16].writer);
}

TEST(Split, HasNoWriterAndNoTextOnBothSides) {
  const SplitLines split = SplitByWriter(DrawSyntheticLines(1, 640));  // 40 writers
  std::set<std::string> writers, texts;
  for (const PenLine& line : split.test) {
    writers.insert(line.writer);
    texts.insert(line.text);
  }
  EXPECT_EQ(writers.size(), 5u);
  for (const PenLine& line : split.train) {
    EXPECT_FALSE(writers.contains(line.writer));
    EXPECT_FALSE(texts.contains(line.text));
  }
}

TEST(Split, IamOnDbsOwnListsDecide) {
  std::vector<PenLine> lines = DrawSyntheticLines(1, 4);
  lines[0].part = lines[1].part = "trainset";
  lines[2].part = "testset_v";
  lines[3].part = "testset_f";
  const SplitLines split = SplitByWriter(std::move(lines));
  EXPECT_EQ(split.test.size(), 1u);
  EXPECT_EQ(split.train.size(), 3u);
}

TEST(Handwriting, TheSyntheticPenNeedsNoFiles) {
  HandwritingOptions options;
  options.sequence.max_steps = 100;
  options.train_lines = 50;
  const auto data = LoadHandwriting(*FindDataset("synthetic_pen"), {}, options);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.size(), 50u);
  EXPECT_EQ(data->train[0].steps.size(), 100u);
  EXPECT_EQ(data->test_writers, 10);
  EXPECT_NEAR(MeasureOffsets(data->train).std_x, 1.0, 1e-6);
}

TEST(Handwriting, WithoutDataTheErrorSaysHowToGetIt) {
  const absl::Status status = LoadHandwriting(*FindDataset("iam_ondb"), {"/nowhere"}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), testing::HasSubstr("normlab data import iam_ondb"));
}

TEST(Handwriting, ReadsUnipen) {
  const DatasetInfo& unipen = *FindDataset("unipen");
  if (!Locate(unipen.files.front(), DataDirectories()).has_value()) {
    GTEST_SKIP() << "UNIPEN is not on this machine; set NORMLAB_DATA, or: " << unipen.obtain;
  }
  HandwritingOptions options;
  options.sequence = {
      .line_scale = LineScale::kStep, .points_per_second = 60.0, .outlier_steps = 30.0, .max_steps = 500};
  const auto data = LoadHandwriting(unipen, DataDirectories(), options);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_GT(data->train_writers + data->test_writers, 140);  // some of the 172 wrote nothing but held-out texts
  EXPECT_GT(data->train.size(), 3000u);
  EXPECT_GT(data->test.size(), 400u);
  for (const PenSequence& sequence : data->train) {
    for (const PenStep& step : sequence.steps) {
      ASSERT_LT(std::abs(step.dx), 200.0f);
      ASSERT_LT(std::abs(step.dy), 200.0f);
    }
  }
}

}  // namespace
}  // namespace normlab::data
