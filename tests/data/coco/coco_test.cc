// COCO's released layout in the small: imported, loaded, and what is refused with file and place.
#include "data/coco/coco.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "../testing.h"
#include "base/sha256.h"
#include "data/coco/captions.h"
#include "data/content.h"
#include "data/locate.h"
#include "data/mapped_file.h"
#include "data/npy.h"
#include "data/sha256_sums.h"

namespace normlab::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Rows(const std::vector<std::vector<float>>& rows) {
  std::string file = NpyHeader(static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows.front().size()));
  for (const std::vector<float>& row : rows) {
    file.append(reinterpret_cast<const char*>(row.data()), sizeof(float) * row.size());
  }
  return file;
}

std::string Captions(const std::string& about, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += fmt::format("{} {}\n", about, i);
  }
  return text;
}

// Two images to train on, one each to choose by and to test on.
class CocoFolder {
 public:
  CocoFolder() {
    in.Write("train.txt", Captions("a train", 10));
    in.Write("val.txt", "one\n\n  two \t words \r\nthree\nfour");
    in.Write("test.txt", Captions("a test", 5));
    in.Write("images/10crop/train.npy", Rows({{0.6f, 0.8f}, {3.0f, 4.0f}}));
    in.Write("images/10crop/val.npy", Rows({{0.0f, 0.0f}}));
    in.Write("images/10crop/test.npy", Rows({{1.0f, 0.0f}}));
  }

  absl::StatusOr<CocoReport> Import() const {
    return ImportCoco(in.path(), out.path(), [](std::int64_t, std::int64_t) {});
  }
  std::string Why() const {
    const auto imported = Import();
    EXPECT_FALSE(imported.ok());
    EXPECT_FALSE(std::filesystem::exists(out.path() + "/coco/SHA256SUMS"));
    return Message(imported.status());
  }
  absl::StatusOr<CaptionData> Load() const { return LoadCoco(*FindDataset("coco"), {"/nonexistent", out.path()}); }

  TestDirectory in, out;
};

TEST(Coco, ImportsTheReleasedLayout) {
  const CocoFolder coco;
  std::int64_t done = 0, total = 0;
  const auto report = ImportCoco(coco.in.path(), coco.out.path(), [&](std::int64_t d, std::int64_t t) {
    done = d;
    total = t;
  });
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(done, 4 * 2 * 4);
  EXPECT_EQ(total, done);
  EXPECT_EQ(report->splits[0].images, 2);
  EXPECT_EQ(report->splits[0].features, 2);
  EXPECT_EQ(report->splits[0].rescaled, 1);
  EXPECT_EQ(report->splits[1].without_features, 1);
  EXPECT_EQ(report->splits[1].without_words, 1);

  const auto data = coco.Load();
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train.images(), 2);
  EXPECT_THAT(std::vector<float>(data->train.features.row(0), data->train.features.row(2)),
              ElementsAre(0.6f, 0.8f, 0.6f, 0.8f));
  EXPECT_EQ(data->train.captions[7], "a train 7");
  EXPECT_THAT(data->validation.captions, ElementsAre("one", "", "two words", "three", "four"));
  EXPECT_EQ(data->sha256, report->sha256);
  EXPECT_EQ(ImportedSha256(*FindDataset("coco"), {coco.out.path()}).value(), report->sha256);
}

TEST(Coco, ImportsTheOlderLayoutToTheSameBytes) {
  const CocoFolder coco;
  const TestDirectory other, out;
  for (const auto& [from, to] :
       {std::pair{"train.txt", "coco_train_caps.txt"}, std::pair{"val.txt", "coco_dev_caps.txt"},
        std::pair{"test.txt", "coco_test_caps.txt"}, std::pair{"images/10crop/train.npy", "coco_train_ims.npy"},
        std::pair{"images/10crop/val.npy", "coco_dev_ims.npy"},
        std::pair{"images/10crop/test.npy", "coco_test_ims.npy"}}) {
    std::filesystem::copy(coco.in.path() + "/" + from, other.path() + "/" + to);
  }
  const auto report = ImportCoco(other.path(), out.path(), [](std::int64_t, std::int64_t) {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->sha256, coco.Import()->sha256);
}

TEST(Coco, NamesWhatIsMissingOrThereTwice) {
  CocoFolder coco;
  coco.in.Write("captions/train.txt", Captions("again", 10));
  EXPECT_THAT(coco.Why(), HasSubstr("are all captions of the train split; leave one there"));
  std::filesystem::remove_all(coco.in.path() + "/captions");
  std::filesystem::remove(coco.in.path() + "/images/10crop/val.npy");
  EXPECT_THAT(coco.Why(),
              HasSubstr("no features of the validation split; expected dev.npy in it or in images/10crop/"));
  EXPECT_EQ(ImportCoco("/nonexistent", coco.out.path(), {}).status().code(), absl::StatusCode::kNotFound);
}

TEST(Coco, RefusesCaptionsWithoutImages) {
  const CocoFolder coco;
  coco.in.Write("train.txt", Captions("a train", 11));
  EXPECT_THAT(coco.Why(),
              AllOf(HasSubstr("train.txt: has 11 captions"), HasSubstr("expected 10 captions, 5 an image")));
  coco.in.Write("train.txt", Captions("a train", 9));
  EXPECT_THAT(coco.Why(), HasSubstr("has 9 captions"));
  coco.in.Write("train.txt", "");
  EXPECT_THAT(coco.Why(), HasSubstr("has 0 captions"));
}

TEST(Coco, RefusesFeaturesThatAreNone) {
  const CocoFolder coco;
  coco.in.Write("images/10crop/test.npy", Rows({{1.0f, std::numeric_limits<float>::quiet_NaN()}}));
  EXPECT_THAT(coco.Why(), HasSubstr("test.npy: byte 132: feature 1 of image 0 is nan; expected a finite number"));
  coco.in.Write("images/10crop/test.npy", Rows({{1.0f, 2.0f, 3.0f}}));
  EXPECT_THAT(coco.Why(), HasSubstr("test.npy: 3 features an image; expected 2, as in"));
  const std::string whole = Rows({{1.0f, 2.0f}});
  coco.in.Write("images/10crop/test.npy", whole.substr(0, whole.size() - 1));
  EXPECT_THAT(coco.Why(), HasSubstr("test.npy: its header says 1 x 2"));
  coco.in.Write("images/10crop/test.npy", "");
  EXPECT_THAT(coco.Why(), HasSubstr("test.npy: byte 0: not a .npy file"));
}

TEST(Coco, LoadsOnlyWhatWasImported) {
  const CocoFolder coco;
  EXPECT_EQ(coco.Load().status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(coco.Load().status()), HasSubstr("normlab data import coco FOLDER"));
  ASSERT_TRUE(coco.Import().ok());
  ASSERT_TRUE(coco.Load().ok());
  const auto verified = [&] { return Verify(*FindDataset("coco"), {coco.out.path()}).front(); };
  EXPECT_EQ(verified().state, FileReport::State::kOk) << verified().detail;
  coco.out.Write("coco/test.txt", Captions("another", 5));
  EXPECT_EQ(verified().state, FileReport::State::kWrong);
  EXPECT_THAT(verified().detail, HasSubstr("coco/test.txt: has sha256"));
  EXPECT_THAT(Message(coco.Load().status()),
              AllOf(HasSubstr("coco/test.txt: has sha256"), HasSubstr("Import the data set again")));
  ASSERT_TRUE(coco.Import().ok());
  std::filesystem::resize_file(coco.out.path() + "/coco/train.npy", 100);
  EXPECT_THAT(Message(coco.Load().status()), HasSubstr("coco/train.npy: has sha256"));
  std::filesystem::remove(coco.out.path() + "/coco/train.npy");
  EXPECT_EQ(coco.Load().status().code(), absl::StatusCode::kNotFound);
  coco.out.Write("coco/SHA256SUMS", std::string(64, 'a') + "  train.txt\n");
  EXPECT_EQ(coco.Load().status().code(), absl::StatusCode::kDataLoss);
  coco.out.Write("coco/SHA256SUMS", "");
  EXPECT_THAT(Message(coco.Load().status()), HasSubstr("names no train.txt; import the data set again"));
}

// --- Captions ---

std::string WhyNot(std::string_view text) {
  const auto parsed = ParseCaptions(text, "c.txt");
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kDataLoss);
  return Message(parsed.status());
}

TEST(Captions, AreLinesOfTokens) {
  const auto lines = ParseCaptions(" a \t b\r\n\nword\n\xc3\xa9t\xc3\xa9", "c.txt");
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_THAT(lines->captions, ElementsAre("a b", "", "word", "\xc3\xa9t\xc3\xa9"));
  EXPECT_EQ(lines->without_words, 1);
  EXPECT_THAT(ParseCaptions("", "c.txt")->captions, ElementsAre());
  EXPECT_THAT(ParseCaptions("\n", "c.txt")->captions, ElementsAre(""));
}

TEST(Captions, NameLineAndByteOfWhatIsWrong) {
  EXPECT_THAT(WhyNot("good\nba\xff d\n"), StartsWith("c.txt: line 2, byte 7: not UTF-8"));
  EXPECT_THAT(WhyNot("good\ncut \xc3"), StartsWith("c.txt: line 2, byte 9: not UTF-8"));
  EXPECT_THAT(WhyNot("good\n" + std::string(1 << 24, 'x')),
              StartsWith("c.txt: line 2, byte 5: a line of 16777216 bytes; expected captions of at most 4096"));
  std::string long_one;
  for (int i = 0; i < 257; ++i) {
    long_one += "w ";
  }
  EXPECT_THAT(WhyNot(long_one), HasSubstr("a caption of 257 words; expected at most 256"));
}

// --- Lists of hashes, mapped files ---

TEST(Sha256Sums, ComeBackAndNameTheLineThatIsWrong) {
  const std::vector<FileSum> sums = {{Sha256Hex("a"), "a.txt"}, {Sha256Hex("b"), "b c.npy"}};
  const auto again = ParseSums(FormatSums(sums), "list");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)[1].name, "b c.npy");
  EXPECT_EQ((*again)[1].sha256, Sha256Hex("b"));
  for (const std::string& bad : {std::string("abc  x"), Sha256Hex("a") + " x", Sha256Hex("a") + "  ", Sha256Hex("a"),
                                 Sha256Hex("a") + "  ../x", std::string("\n")}) {
    EXPECT_THAT(Message(ParseSums(FormatSums(sums) + bad, "list").status()), StartsWith("list: line 3: ")) << bad;
  }
}

TEST(MappedFile, HoldsTheBytesOfRegularFiles) {
  const TestDirectory dir;
  EXPECT_EQ((*MappedFile::Open(dir.Write("a", "content")))->bytes(), "content");
  EXPECT_EQ((*MappedFile::Open(dir.Write("b", "")))->bytes(), "");
  EXPECT_EQ(MappedFile::Open(dir.path()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(MappedFile::Open(dir.path() + "/none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace normlab::data
