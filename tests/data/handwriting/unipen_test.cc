#include "data/handwriting/unipen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "../testing.h"
#include "base/paths.h"
#include "data/handwriting/import.h"

namespace normlab::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

absl::StatusOr<UnipenFile> Parse(const std::string& content, const std::map<std::string, std::string>& files = {},
                                 UnipenLimits limits = {}) {
  return ParseUnipen(
      content, "dir/file",
      [&](std::string_view name) {
        const auto it = files.find(std::string(name));
        return it == files.end() ? nullptr : &it->second;
      },
      limits);
}

const std::map<std::string, std::string> kIncluded = {
    {"sta/hpb1.doc",
     ".COMMENT a .COORD inside\n  a comment\n.COORD T X Y\n.POINTS_PER_SECOND 100\n.WRITER_ID  hpb0 aeb \n"},
    {"sta/x.dat", ".PEN_UP\n.PEN_DOWN\n1 10 20\n2 11\n21\n.DT 100\n.PEN_UP\n3 1 1\n.PEN_DOWN 4 12.6 -3\n"}};

TEST(Unipen, FlattensIncludesAndCountsNonEmptyComponents) {
  const auto file = Parse(
      ".VERSION 1.0\n.INCLUDE sta/hpb1.doc\n.INCLUDE sta/x.dat\n"
      ".SEGMENT TEXT 0-2 OK \"say \\\"hi\\\"\n  there\"\n.SEGMENT WORD 0-0 OK \"say\"\n",
      kIncluded);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->writer, "hpb0 aeb");
  ASSERT_EQ(file->components.size(), 3u);
  EXPECT_TRUE(file->components[0].down);
  EXPECT_EQ(file->components[0].points, (Stroke{{10, 20}, {11, 21}}));
  EXPECT_EQ(file->components[0].points_per_second, 100.0);
  EXPECT_FALSE(file->components[1].down);
  EXPECT_EQ(file->components[2].points, (Stroke{{13, -3}}));
  ASSERT_EQ(file->segments.size(), 1u);
  EXPECT_EQ(file->segments[0].label, "say \"hi\"   there");
  EXPECT_EQ(file->segments[0].problem, "");
  EXPECT_EQ(file->segments[0].spans.front().last, 2);
}

TEST(Unipen, ASegmentThatCannotBeUsedSaysWhy) {
  const auto file = Parse(
      ".PEN_DOWN\n1 1\n.SEGMENT TEXT 0-1 OK \"a\"\n.SEGMENT TEXT 0:3-0:5 OK \"a\"\n"
      ".SEGMENT TEXT 0 OK \"never closed\n.SEGMENT TEXT 2-1 OK \"a\"\n"
      ".SEGMENT TEXT 0-999999999999 OK \"a\"\n");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->segments.size(), 5u);
  EXPECT_THAT(file->segments[0].problem, HasSubstr("a component that is not in the file"));
  EXPECT_THAT(file->segments[1].problem, HasSubstr("range"));
  EXPECT_THAT(file->segments[2].problem, HasSubstr("label"));
  EXPECT_THAT(file->segments[3].problem, HasSubstr("range"));
  EXPECT_THAT(file->segments[4].problem, HasSubstr("a component that is not in the file"));
}

struct BadUnipen {
  const char* what;
  std::string content;
  const char* says;
};

class HostileUnipen : public testing::TestWithParam<BadUnipen> {};

TEST_P(HostileUnipen, IsAnErrorThatNamesFileAndOffset) {
  const absl::Status status = Parse(GetParam().content, kIncluded).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), AllOf(StartsWith("dir/file: byte "), HasSubstr(GetParam().says)));
}

INSTANTIATE_TEST_SUITE_P(Cases, HostileUnipen,
                         testing::Values(BadUnipen{"NanPoint", ".PEN_DOWN\n1 nan\n", "byte 12: 'nan' in .PEN_DOWN"},
                                         BadUnipen{"HugePoint", ".PEN_DOWN\n1e9 1\n", "byte 10: '1e9' in .PEN_DOWN"},
                                         BadUnipen{"Words", ".PEN_DOWN\n1 2\nthree\n", "byte 14: 'three' in"},
                                         BadUnipen{"HalfAPoint", ".COORD X Y T\n.PEN_DOWN\n1 2\n",
                                                   "ends after 2 of 3 columns"},
                                         BadUnipen{"NoY", ".COORD X T\n", "expected columns X and Y"},
                                         BadUnipen{"Rate", ".POINTS_PER_SECOND many\n", "'many': expected a number"},
                                         BadUnipen{"MissingInclude", ".VERSION 1\n.INCLUDE gone\n",
                                                   "byte 11: .INCLUDE 'gone': there is no"}),
                         [](const auto& info) { return info.param.what; });

TEST(Unipen, AFileThatIncludesItselfEndsInAnError) {
  const std::map<std::string, std::string> self = {{"self", ".INCLUDE self\n.INCLUDE self\n"}};
  EXPECT_THAT(Message(Parse(self.at("self"), self).status()), HasSubstr("nested more than 8 deep"));
  const absl::Status large =
      Parse(".PEN_DOWN\n" + std::string(1000, ' '), {}, {.max_depth = 8, .max_bytes = 1000}).status();
  EXPECT_THAT(Message(large), HasSubstr("exceeds 1000 bytes"));
}

// The three writers' files of the real set that a data directory may hold.
TEST(Unipen, ImportsTheRealSample) {
  std::string sample;
  for (const std::string& directory : DataDirectories()) {
    if (std::filesystem::exists(directory + "/unipen/raw_sample")) {
      sample = directory + "/unipen/raw_sample";
    }
  }
  if (sample.empty()) {
    GTEST_SKIP() << "no unipen/raw_sample in a data directory: put UNIPEN files there (data/8/sta/sta1/*.dat and the "
                    "include/ they name) and set NORMLAB_DATA";
  }
  const TestDirectory home;
  const auto report = ImportHandwriting("unipen_original", sample, home.path(), [](auto, auto) {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GE(report->lines, 6);
  EXPECT_EQ(report->writers, 3);
  EXPECT_FALSE(report->skipped.contains("file that cannot be read"));
}

}  // namespace
}  // namespace normlab::data
