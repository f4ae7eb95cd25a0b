#include "data/cifar10.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sha256.h"
#include "testing.h"

namespace normlab::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t kPlane = 32 * 32;

// One record: red 1 more than its place, green 100 more, blue 200 less, all modulo 256.
std::string Record(char label) {
  std::string record(1, label);
  for (const int shift : {1, 100, -200}) {
    for (std::size_t p = 0; p < kPlane; ++p) {
      record += static_cast<char>(static_cast<int>(p) + shift);
    }
  }
  return record;
}

TEST(ParseCifar10, PutsTheChannelsOfAPixelSideBySide) {
  const auto images = ParseCifar10(Record(3) + Record(9), "two");
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ(images->size(), 2);
  EXPECT_EQ(images->shape(), (ImageShape{.channels = 3, .height = 32, .width = 32}));
  std::vector<float> columns(static_cast<std::size_t>(2 * images->features()));
  std::int32_t labels[2];
  images->GatherRange(0, 2, columns.data(), labels);
  EXPECT_THAT(labels, ElementsAre(3, 9));
  EXPECT_EQ(columns[0], 1.0f / 255);
  EXPECT_EQ(columns[1], 100.0f / 255);
  EXPECT_EQ(columns[2], 56.0f / 255);
  const auto second = static_cast<std::size_t>(images->features()) + 3 * (32 + 5);  // row 1, column 5
  EXPECT_EQ(columns[second], 38.0f / 255);
  EXPECT_EQ(columns[second + 1], 137.0f / 255);
}

TEST(ParseCifar10, NamesWhatIsWrong) {
  EXPECT_THAT(Message(ParseCifar10("", "file").status()), HasSubstr("file: 0 bytes; expected records of 3073"));
  EXPECT_THAT(Message(ParseCifar10(Record(0) + "x", "file").status()), HasSubstr("the last one ends at byte 3073"));
  EXPECT_THAT(Message(ParseCifar10(Record(0) + Record(10), "file").status()),
              HasSubstr("file: byte 3073: label 10, expected 0 to 9"));
}

TEST(LoadCifar10, ReadsFiveFilesToTrainOnAndOneToTest) {
  const TestDirectory dir;
  DatasetInfo info = *FindDataset("cifar10");
  for (std::size_t i = 0; i < info.files.size(); ++i) {
    const std::string content = Record(static_cast<char>(i)) + (i == 0 ? Record(7) : "");
    info.files[i].sha256 = Sha256Hex(content);
    info.files[i].bytes = static_cast<std::int64_t>(content.size());
    dir.Write(info.files[i].candidates[i % 2 == 0 ? 0 : 3], i % 2 == 0 ? content : Gzip(content));
  }
  const auto data = LoadCifar10(info, {dir.path()});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.size(), 6);
  EXPECT_EQ(data->test.size(), 1);
  EXPECT_EQ(data->train.label(1), 7);
  EXPECT_EQ(data->train.label(5), 4);
  EXPECT_EQ(data->test.label(0), 5);
  EXPECT_EQ(data->sha256, DatasetSha256(info));
  dir.Write(info.files[2].candidates[0], Record(1));
  EXPECT_EQ(LoadCifar10(info, {dir.path()}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(LoadCifar10(*FindDataset("cifar10"), {"/nonexistent"}).status()),
              HasSubstr("normlab data import cifar10"));
}

}  // namespace
}  // namespace normlab::data
