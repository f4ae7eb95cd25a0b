#include "data/cloze/cloze_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/cloze/cloze.h"

namespace normlab::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kTwo =
    "CLOZE training\nPASSAGE the @entity1 saw @entity0 .\nQUESTION who saw @placeholder ?\nANSWER @entity0\n"
    "CLOZE validation\nPASSAGE @entity2 and @entity0 saw the cat\nQUESTION @placeholder saw\nANSWER @entity2\n";

TEST(ClozeFile, ReadsWhatIsWritten) {
  const auto records = ParseClozeFile(kTwo, "x");
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ(records->back().part, ClozePart::kValidation);
  EXPECT_EQ(records->front().question, "who saw @placeholder ?");
  EXPECT_EQ(records->front().answer, "@entity0");
  std::string again;
  for (const ClozeRecord& record : *records) {
    AppendClozeRecord(record, again);
  }
  EXPECT_EQ(again, kTwo);
  EXPECT_TRUE(ParseClozeFile("", "x")->empty());
}

TEST(ClozeFile, NamesAreAPrefixAndANumber) {
  for (const char* name : {"@entity0", "@entity12", "@entity000007"}) {
    EXPECT_TRUE(IsClozeName(name)) << name;
  }
  for (const char* other : {"", "@", "@entity", "entity1", "@entity1x", "@entity1234567", "@entity-1"}) {
    EXPECT_FALSE(IsClozeName(other)) << other;
  }
}

struct Hostile {
  const char* what;
  std::string content;
  std::string says;
};

class HostileClozeFile : public testing::TestWithParam<Hostile> {};

TEST_P(HostileClozeFile, IsAnErrorThatNamesFileAndOffset) {
  const absl::Status status = ParseClozeFile(GetParam().content, "dir/file").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), AllOf(StartsWith("dir/file: byte "), HasSubstr(GetParam().says)));
}

INSTANTIATE_TEST_SUITE_P(
    Files, HostileClozeFile,
    testing::Values(
        Hostile{"Other", "hello\n", "byte 0: expected a line that begins with \"CLOZE \", not \"hello\""},
        Hostile{"Part", "CLOZE train\n", "byte 6: expected training, validation or test"},
        Hostile{"NoPassage", "CLOZE test\nQUESTION a\n", "byte 11: expected a line that begins with \"PASSAGE \""},
        Hostile{"EmptyPassage", "CLOZE test\nPASSAGE \n", "byte 11: expected a line that begins with"},
        Hostile{"TwoBlanks", "CLOZE test\nPASSAGE a  b\n", "byte 19: expected tokens with a blank between two"},
        Hostile{"NoPlaceholder", "CLOZE test\nPASSAGE a\nQUESTION b\n",
                "byte 30: expected a question with @placeholder"},
        Hostile{"Answer", "CLOZE test\nPASSAGE a\nQUESTION @placeholder\nANSWER a\n", "byte 50: expected a name"},
        Hostile{"CutOff", kTwo.substr(0, kTwo.size() - 1), "expected a line that ends; the file is cut off"},
        Hostile{"CutInALine", kTwo.substr(0, 30), "byte 15: expected a line that ends"},
        Hostile{"NotUtf8", "CLOZE test\nPASSAGE \xff\n", "byte 19: not UTF-8"},
        Hostile{"OneHugeLine", "CLOZE test\nPASSAGE " + std::string(1 << 20, 'a'),
                "byte 11: expected a line that ends"}),
    [](const auto& info) { return info.param.what; });

// --- As numbers ---

TEST(Clozes, AreNumberedNamesFirstThenByFallingCount) {
  const auto data = EncodeClozes(kTwo, "x", {});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->names, 2u);
  EXPECT_THAT(data->words, ElementsAre("UNK", "@entity0", "@entity1", "saw", ".", "?", "@placeholder", "the", "who"));
  ASSERT_EQ(data->train.Size(), 1u);
  EXPECT_THAT(data->train[0].passage, ElementsAre(7, 2, 3, 1, 4));
  EXPECT_THAT(data->train[0].question, ElementsAre(8, 3, 6, 5));
  EXPECT_EQ(data->train[0].answer, 1u);
  // A name that training has not is no word.
  EXPECT_EQ(data->valid[0].answer, kUnknownClozeWord);
  EXPECT_THAT(data->valid[0].passage, ElementsAre(0, 0, 1, 3, 7, 0));
  EXPECT_EQ(data->train.LongestPassage(), 5u);
  EXPECT_EQ(data->valid.LongestQuestion(), 2u);
  EXPECT_EQ(data->test.Size(), 0u);
}

TEST(Clozes, AreCutToTheirOptions) {
  std::string content = kTwo;
  for (int i = 0; i < 3; ++i) {
    AppendClozeRecord({ClozePart::kTraining, "@entity5 x y z", "@placeholder ?", "@entity5"}, content);
    AppendClozeRecord({ClozePart::kTest, "@entity5 x y z", "@placeholder ?", "@entity5"}, content);
  }
  const auto data = EncodeClozes(content, "x", {.vocabulary = 5, .max_words = 3, .train = 3, .test = 2});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->words, ElementsAre("UNK", "@entity0", "@entity1", "@entity5", "?", "@placeholder"));
  EXPECT_EQ(data->train.Size(), 3u);
  EXPECT_EQ(data->valid.Size(), 1u);
  EXPECT_EQ(data->test.Size(), 2u);
  EXPECT_THAT(data->train[0].passage, ElementsAre(0, 2, 0));  // its answer is cut off
  EXPECT_EQ(data->train.Answerable(), 2);
  // Names have numbers in any case.
  EXPECT_EQ(EncodeClozes(content, "x", {.vocabulary = 1})->words.size(), 4u);
}

TEST(Clozes, NeedTrainingAndValidation) {
  EXPECT_THAT(Message(EncodeClozes(kTwo.substr(0, kTwo.find("CLOZE val")), "x", {}).status()),
              HasSubstr("x: 1 training questions and 0 to validate with; expected at least one of each"));
  EXPECT_EQ(EncodeClozes("", "x", {}).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace normlab::data
