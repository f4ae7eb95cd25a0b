#include "data/mnist.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/paths.h"
#include "data/locate.h"
#include "testing.h"

namespace normlab::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void WriteAll(const TinyDataset& tiny, const TestDirectory& dir, bool compressed) {
  for (std::size_t i = 0; i < tiny.contents.size(); ++i) {
    dir.Write(tiny.info.files[i].candidates[compressed ? 1 : 0],
              compressed ? Gzip(tiny.contents[i]) : tiny.contents[i]);
  }
}

class LoadMnistTest : public testing::TestWithParam<bool> {};

TEST_P(LoadMnistTest, SplitsAndScales) {
  const TinyDataset tiny = MakeTinyDataset();
  const TestDirectory dir;
  WriteAll(tiny, dir, GetParam());
  const auto data = LoadMnist(tiny.info, {"/nonexistent", dir.path()}, 5);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.size(), 7);
  EXPECT_EQ(data->test.size(), 6);
  EXPECT_EQ(data->sha256, DatasetSha256(tiny.info));
  // The first training example is number 5 of the file: pixels 100, 105, 110, 115 and label 5.
  const std::uint32_t examples[] = {1, 0};
  float columns[8];
  std::int32_t labels[2];
  data->train.Gather(examples, columns, labels);
  EXPECT_THAT(labels, ElementsAre(6, 5));
  EXPECT_THAT(columns, ElementsAre(120.0f / 255, 125.0f / 255, 130.0f / 255, 135.0f / 255,  //
                                   100.0f / 255, 105.0f / 255, 110.0f / 255, 115.0f / 255));
  data->train.GatherRange(0, 2, columns, labels);
  EXPECT_THAT(labels, ElementsAre(5, 6));
  EXPECT_EQ(columns[0], 100.0f / 255);
}

INSTANTIATE_TEST_SUITE_P(PlainAndGzip, LoadMnistTest, testing::Bool());

TEST(LabelledImages, KeepsAndDropsFromTheFront) {
  LabelledImages images({.channels = 2}, "aabbccdd", std::string("\1\2\3\4", 4));
  images.DropFirst(1);
  images.KeepFirst(2);
  EXPECT_EQ(images.size(), 2);
  EXPECT_EQ(images.label(0), 2);
  float columns[4];
  std::int32_t labels[2];
  images.GatherRange(0, 2, columns, labels);
  EXPECT_THAT(columns, ElementsAre('b' / 255.0f, 'b' / 255.0f, 'c' / 255.0f, 'c' / 255.0f));
}

TEST(LoadMnist, MissingDataSaysWhereItLookedAndHowToGetIt) {
  const absl::Status status = LoadMnist(*FindDataset("mnist"), {"/nonexistent/a", "/nonexistent/b"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), AllOf(HasSubstr("/nonexistent/a, /nonexistent/b"), HasSubstr("normlab data fetch mnist"),
                                     HasSubstr("normlab data import mnist")));
}

TEST(LoadMnist, WrongContentNamesTheFileAndBothHashes) {
  const TinyDataset tiny = MakeTinyDataset();
  const TestDirectory dir;
  WriteAll(tiny, dir, false);
  std::string changed = tiny.contents[2];
  changed.back() ^= 1;
  const std::string path = dir.Write(tiny.info.files[2].candidates[0], changed);
  const absl::Status status = LoadMnist(tiny.info, {dir.path()}, 5).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), AllOf(HasSubstr(path), HasSubstr(tiny.info.files[2].sha256), HasSubstr("has sha256")));
}

// Contents that have the right hash and still make no sense: the checks behind the hash.
absl::Status LoadWith(std::size_t file, std::string content) {
  TinyDataset tiny = MakeTinyDataset();
  Replace(tiny, file, std::move(content));
  const TestDirectory dir;
  WriteAll(tiny, dir, true);
  return LoadMnist(tiny.info, {dir.path()}, 5).status();
}

TEST(LoadMnist, InconsistentFilesAreRefused) {
  EXPECT_THAT(Message(LoadWith(0, "junk")), HasSubstr("train-images-idx3-ubyte: byte 0: not an IDX file"));
  EXPECT_THAT(Message(LoadWith(0, MakeIdx({12}, std::string(12, 'x')))), HasSubstr("1 dimensions (12), expected 3"));
  EXPECT_THAT(Message(LoadWith(1, MakeIdx({11}, std::string(11, '\1')))), HasSubstr("do not match the 12 images"));
  EXPECT_THAT(Message(LoadWith(1, MakeIdx({12}, std::string(11, '\1') + '\xc8'))),
              HasSubstr("train-labels-idx1-ubyte: byte 19: label 200, expected 0 to 9"));
  EXPECT_THAT(Message(LoadWith(2, MakeIdx({6, 2, 3}, std::string(36, 'x')))), HasSubstr("6 test images of 6 pixels"));
}

TEST(LoadMnist, TooFewImagesToHoldOut) {
  const TinyDataset tiny = MakeTinyDataset();
  const TestDirectory dir;
  WriteAll(tiny, dir, false);
  EXPECT_EQ(LoadMnist(tiny.info, {dir.path()}, 12).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Verify, ReportsEachFile) {
  const TinyDataset tiny = MakeTinyDataset();
  const TestDirectory dir;
  dir.Write(tiny.info.files[0].candidates[1], Gzip(tiny.contents[0]));
  dir.Write(tiny.info.files[1].candidates[0], "something else");
  const std::vector<FileReport> reports = Verify(tiny.info, {dir.path()});
  ASSERT_EQ(reports.size(), 4u);
  EXPECT_EQ(reports[0].state, FileReport::State::kOk);
  EXPECT_THAT(reports[0].path, HasSubstr("train-images-idx3-ubyte.gz"));
  EXPECT_EQ(reports[1].state, FileReport::State::kWrong);
  EXPECT_THAT(reports[1].detail, HasSubstr("sha256"));
  EXPECT_EQ(reports[2].state, FileReport::State::kMissing);
  EXPECT_EQ(reports[3].name, "t10k-labels-idx1-ubyte");
}

class InstalledDataset : public testing::TestWithParam<const char*> {};

TEST_P(InstalledDataset, LoadsWithThePublishedSizes) {
  const DatasetInfo& info = *FindDataset(GetParam());
  const auto data = LoadMnist(info, DataDirectories(), 0);
  if (absl::IsNotFound(data.status())) {
    GTEST_SKIP() << Message(data.status());
  }
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.size(), 60000);
  EXPECT_EQ(data->test.size(), 10000);
  EXPECT_EQ(data->train.features(), 784);
}

TEST(InstalledMnist, HasThePublishedMeanAndDeviation) {
  const auto data = LoadMnist(*FindDataset("mnist"), DataDirectories(), 0);
  if (absl::IsNotFound(data.status())) {
    GTEST_SKIP() << Message(data.status());
  }
  double sum = 0;
  double squares = 0;
  std::vector<float> column(784);
  std::int32_t label = 0;
  for (std::int64_t i = 0; i < data->train.size(); ++i) {
    data->train.GatherRange(i, i + 1, column.data(), &label);
    for (const float x : column) {
      sum += x;
      squares += static_cast<double>(x) * x;
    }
  }
  const double n = 60000.0 * 784.0;
  EXPECT_NEAR(sum / n, 0.130660, 1e-6);
  EXPECT_NEAR(std::sqrt(squares / n - sum / n * (sum / n)), 0.308108, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(All, InstalledDataset, testing::Values("mnist", "fashion_mnist"));

}  // namespace
}  // namespace normlab::data
