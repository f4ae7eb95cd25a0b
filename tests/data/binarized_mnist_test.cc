#include "data/binarized_mnist.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/paths.h"
#include "base/sha256.h"
#include "testing.h"

namespace normlab::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParseAmat, ReadsOneImageALine) {
  const auto images = ParseAmat("0 1 1\n1 0 0\n", 3, "t.amat");
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ(images->size(), 2);
  const std::uint32_t examples[] = {1, 0};
  float columns[6];
  images->Gather(examples, columns);
  EXPECT_THAT(columns, ElementsAre(1, 0, 0, 0, 1, 1));
  images->GatherRange(0, 1, columns);
  EXPECT_EQ(columns[0], 0.0f);
}

TEST(ParseAmat, NamesTheFirstByteThatIsWrong) {
  const auto message = [](std::string_view text) { return Message(ParseAmat(text, 3, "t.amat").status()); };
  EXPECT_THAT(message(""), HasSubstr("t.amat: 0 bytes"));
  EXPECT_THAT(message("0 1 1\n1 0"), HasSubstr("t.amat: 9 bytes; expected lines of 3 values, each of 6 bytes"));
  EXPECT_THAT(message("0 1 1\n1 2 0\n"), HasSubstr("line 2, byte 8: expected 0 or 1 and then a blank, found \\x32"));
  EXPECT_THAT(message("0 1 1 1 0 0\n"), HasSubstr("line 1, byte 4: expected 0 or 1 and then a new line"));
  EXPECT_THAT(message("0\n1 1\n"), HasSubstr("line 1, byte 0"));
}

TEST(BinaryImages, KeepSpreadTakesImagesAtEqualDistances) {
  BinaryImages images(1, "0123456789");
  images.KeepSpread(4);
  EXPECT_EQ(images.pixels(), "0257");
  images.KeepSpread(4);
  EXPECT_EQ(images.pixels(), "0257");
}

TEST(SampleBinary, FollowsTheGreyLevelsAndIsDrawnOnce) {
  std::string grey;
  for (int i = 0; i < 4000; ++i) {
    grey += std::string("\x00\x40\xc0\xff", 4);
  }
  const LabelledImages images({.channels = 4}, grey, std::string(4000, '\0'));
  const BinaryImages sample = SampleBinary(images, "train");
  double sums[4] = {};
  for (std::size_t i = 0; i < sample.pixels().size(); ++i) {
    sums[i % 4] += sample.pixels()[i] - '0';
  }
  EXPECT_EQ(sums[0], 0);
  EXPECT_NEAR(sums[1] / 4000, 64.0 / 255, 0.03);  // 4 standard errors
  EXPECT_NEAR(sums[2] / 4000, 192.0 / 255, 0.03);
  EXPECT_EQ(sums[3], 4000);
  EXPECT_EQ(SampleBinary(images, "train").pixels(), sample.pixels());
  EXPECT_NE(SampleBinary(images, "test").pixels(), sample.pixels());
}

TEST(LoadBinarizedMnist, MissingDataSaysHowToGetItAndWhatStandsIn) {
  const absl::Status status = LoadBinarizedMnist(*FindDataset("binarized_mnist"), {"/nonexistent"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), AllOf(HasSubstr("normlab data import binarized_mnist"), HasSubstr("sampled_mnist")));
}

TEST(LoadBinarizedMnist, LoadsTheFixedBinarisation) {
  const auto data = LoadBinarizedMnist(*FindDataset("binarized_mnist"), DataDirectories());
  if (absl::IsNotFound(data.status())) {
    GTEST_SKIP() << Message(data.status());
  }
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.size(), 50000);
  EXPECT_EQ(data->test.size(), 10000);
  const auto ones = [](const BinaryImages& images) {
    const std::string& pixels = images.pixels();
    return static_cast<double>(std::count(pixels.begin(), pixels.end(), '1')) / static_cast<double>(pixels.size());
  };
  EXPECT_NEAR(ones(data->train), 0.130562, 1e-6);
  EXPECT_NEAR(ones(data->test), 0.132512, 1e-6);
}

// Results name this set by its version: other bits need another version in the registry.
TEST(LoadBinarizedMnist, TheSampledBinarisationNeverChanges) {
  const auto data = LoadBinarizedMnist(*FindDataset("sampled_mnist"), DataDirectories());
  if (absl::IsNotFound(data.status())) {
    GTEST_SKIP() << Message(data.status());
  }
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.size(), 50000);
  EXPECT_EQ(data->test.size(), 10000);
  EXPECT_EQ(data->sha256, DatasetSha256(*FindDataset("sampled_mnist")));
  EXPECT_EQ(Sha256Hex(data->train.pixels() + data->test.pixels()),
            "5bda2d0067f268730882cc79c2b8103166c2126ad409bf06751589558366d16d");
}

}  // namespace
}  // namespace normlab::data
