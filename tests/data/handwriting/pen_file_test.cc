#include "data/handwriting/pen_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "data/handwriting/synthetic_pen.h"

namespace normlab::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const char kTwoLines[] =
    "LINE 1 sta sta_w001 100 core 12 0-18\nTEXT The grass has\nSTROKES 2\n2 0 0 5 -3\n1 7 7\n"
    "LINE 2 lex lex_w001 66.5 extra 3 4-4\nTEXT To be\nSTROKES 1\n1 1 2\n";

TEST(PenFile, ReadsLines) {
  const auto lines = ParsePenFile(kTwoLines, "x");
  ASSERT_TRUE(lines.ok()) << lines.status();
  ASSERT_EQ(lines->size(), 2u);
  const PenLine& first = lines->front();
  EXPECT_EQ(first.part, "sta");
  EXPECT_EQ(first.writer, "sta_w001");
  EXPECT_EQ(first.origin, "12:0-18");
  EXPECT_EQ(first.text, "The grass has");
  EXPECT_EQ(first.strokes, (std::vector<Stroke>{{{0, 0}, {5, -3}}, {{7, 7}}}));
  EXPECT_EQ(lines->back().points_per_second, 66.5);
}

TEST(PenFile, WritesWhatItReads) {
  const std::vector<PenLine> lines = DrawSyntheticLines(3, 5);
  const std::string content = FormatPenFile(lines);
  const auto again = ParsePenFile(content, "x");
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_EQ(again->size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ((*again)[i].text, lines[i].text);
    EXPECT_EQ((*again)[i].writer, lines[i].writer);
    EXPECT_EQ((*again)[i].origin, lines[i].origin);
    ASSERT_EQ(PointCount((*again)[i]), PointCount(lines[i]));
  }
  EXPECT_EQ(FormatPenFile(*again), content);
}

struct BadPenFile {
  const char* what;
  std::string content;
  const char* says;
};

class HostilePenFile : public testing::TestWithParam<BadPenFile> {};

TEST_P(HostilePenFile, IsAnErrorThatNamesFileAndOffset) {
  const absl::Status status = ParsePenFile(GetParam().content, "dir/file").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), AllOf(StartsWith("dir/file: byte "), HasSubstr(GetParam().says)));
}

const std::string kHead = "LINE 1 a w 60 core 1 0-0\nTEXT hello you\n";

INSTANTIATE_TEST_SUITE_P(
    Cases, HostilePenFile,
    testing::Values(BadPenFile{"Html", "<html>", "byte 0: found '<html>', expected LINE"},
                    BadPenFile{"EndsInHeader", "LINE 1 a w", "points per second is ''"},
                    BadPenFile{"NanRate", "LINE 1 a w nan core 1 0-0\n", "points per second is 'nan'"},
                    BadPenFile{"InfiniteRate", "LINE 1 a w inf core 1 0-0\n", "points per second is 'inf'"},
                    BadPenFile{"Latin1", "LINE 1 a w 60 core 1 0-0\nTEXT caf\xe9\n", "has byte 0xe9"},
                    BadPenFile{"NoStrokes", kHead + "STROKES 0\n", "the number of strokes is '0'"},
                    BadPenFile{"BillionStrokes", kHead + "STROKES 1000000000\n1 0 0\n", "strokes is '1000000000'"},
                    BadPenFile{"BillionPoints", kHead + "STROKES 1\n1000000000 0 0\n", "points is '1000000000'"},
                    BadPenFile{"MorePointsThanSaid", kHead + "STROKES 1\n1 0 0 5 5\n", "5 5' follows"},
                    BadPenFile{"FewerPointsThanSaid", kHead + "STROKES 1\n2 0 0    \n", "x is ''"},
                    BadPenFile{"NanPoint", kHead + "STROKES 1\n1 nan 0\n", "x is 'nan'"},
                    BadPenFile{"HugePoint", kHead + "STROKES 1\n1 0 99999999\n", "y is '99999999'"},
                    BadPenFile{"HalfAPoint", kHead + "STROKES 1\n1 0.5 0\n", "x is '0.5'"},
                    BadPenFile{"Truncated", std::string(kTwoLines).substr(0, 70),
                               "byte 64: the number of strokes is '2'"}),
    [](const auto& info) { return info.param.what; });

}  // namespace
}  // namespace normlab::data
