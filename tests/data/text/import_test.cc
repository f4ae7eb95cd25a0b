#include "data/text/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "data/text/sentence_sets.h"
#include "data/text/sick.h"
#include "tests/data/testing.h"

namespace normlab::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ImportTest : public testing::Test {
 protected:
  absl::StatusOr<TextImportReport> Import(const char* dataset, const std::string& from = "in") {
    return ImportText(*FindDataset(dataset), directory_.path() + "/" + from, Out(), {});
  }
  std::string Out() const { return directory_.path() + "/out"; }
  std::string Stored(const std::string& path) const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TestDirectory directory_;
};

TEST_F(ImportTest, BooksAreStoredByName) {
  directory_.Write("in/b.txt",
                   "\xEF\xBB\xBF"
                   "CHAPTER I\r\n\r\nOne.\r\n\r\nTwo\u2019s.");
  directory_.Write("in/deep/a.TXT", "Other.");
  directory_.Write("in/cover.jpg", "\xFF\xD8");
  const auto report = Import("books");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->summary, "2 books, 2 chapters");
  EXPECT_TRUE(report->skipped.empty());
  EXPECT_EQ(report->stored, Out() + "/books/books.txt");
  EXPECT_EQ(Stored(report->stored),
            "BOOK a\nCHAPTER \nTEXT Other.\nBOOK b\nCHAPTER CHAPTER I\nTEXT One.\nTEXT Two's.\n");
}

TEST_F(ImportTest, ABookThatCannotBeReadIsCountedAndSaid) {
  directory_.Write("in/good.txt", "Text.");
  directory_.Write("in/latin.txt", "caf\xE9.");
  directory_.Write("in/empty.txt", "");
  directory_.Write("in/stars.txt", "* * *\n");
  directory_.Write("in/zcopy.txt", "Text.\n");
  const auto report = Import("books");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->summary, "1 book, 1 chapter");
  ASSERT_EQ(report->skipped.size(), 3u);
  EXPECT_EQ(report->skipped.at("no text in it").count, 2);
  EXPECT_EQ(report->skipped.at("the same text as another").count, 1);
  EXPECT_THAT(report->skipped.at("not UTF-8 text").example, HasSubstr("latin.txt: byte 3: 0xe9"));
}

TEST_F(ImportTest, WithoutABookSaysWhatWasExpected) {
  directory_.Write("in/latin.txt", "caf\xE9.");
  const auto report = Import("books");
  EXPECT_EQ(report.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(report.status()), testing::AllOf(HasSubstr(".txt"), HasSubstr("latin.txt: byte 3")));
  EXPECT_EQ(Import("books", "nowhere").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(Out()));
}

TEST_F(ImportTest, ALineLargerThanAnyBookIsAnError) {
  const std::string path = directory_.Write("in/huge.txt", "");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 30);  // takes no room
  EXPECT_THAT(Message(Import("books").status()), HasSubstr("huge.txt: 1073741824 bytes, expected at most"));
}

TEST_F(ImportTest, SentencesComeInOneFileOrInTwo) {
  directory_.Write("in/rt-polarity.all", "0 bad .\n1 good .\n");
  directory_.Write("two/rt-polarity.pos", "good .\n");
  directory_.Write("two/rt-polarity.neg", "bad .\n");
  directory_.Write("nltk/plot.tok.gt9.5000", "a plot\n");
  directory_.Write("nltk/quote.tok.gt9.5000", "a quote\n");
  const auto one = Import("mr"), two = Import("mr", "two"), nltk = Import("subj", "nltk");
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(two.ok()) << two.status();
  ASSERT_TRUE(nltk.ok()) << nltk.status();
  EXPECT_EQ(one->summary, "2 sentences, 1 of label 0 and 1 of label 1");
  EXPECT_EQ(one->sha256, two->sha256);
  const auto set = LoadSentenceSet(*FindDataset("mr"), {Out()});
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->sha256, one->sha256);
  EXPECT_THAT(set->sentences, ElementsAre(LabelledSentence{0, "bad ."}, LabelledSentence{1, "good ."}));
  EXPECT_THAT(LoadSentenceSet(*FindDataset("subj"), {Out()})->sentences,
              ElementsAre(LabelledSentence{0, "a plot"}, LabelledSentence{1, "a quote"}));
}

TEST_F(ImportTest, ASetOfOneLabelIsNone) {
  directory_.Write("in/custrev.all", "1 good .\n");
  directory_.Write("half/mpqa.pos", "good\n");
  EXPECT_THAT(Message(Import("cr").status()),
              HasSubstr("0 sentences of label 0 and 1 of label 1; expected custrev.all"));
  EXPECT_THAT(Message(Import("mpqa", "half").status()), HasSubstr("mpqa.neg and mpqa.pos"));
}

TEST_F(ImportTest, SickIsThreeFiles) {
  const std::string header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n";
  directory_.Write("in/SICK_train.txt", header + "1\tA\tB\t3\tNEUTRAL\n");
  directory_.Write("in/SICK_trial.txt", header + "2\tA\tB\t3\tNEUTRAL\n");
  EXPECT_THAT(Message(Import("sick").status()), HasSubstr("no SICK_test_annotated.txt"));
  directory_.Write("in/SICK_test_annotated.txt", header + "3\tA\tB\t4.25\tENTAILMENT\r\n");
  const auto report = Import("sick");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->summary, "1 training, 1 trial and 1 test pairs");
  const auto data = LoadSick(*FindDataset("sick"), {Out()});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->sha256, report->sha256);
  EXPECT_THAT(data->test, ElementsAre(SickPair{3, "A", "B", 4.25, Entailment::kEntailment}));
}

TEST_F(ImportTest, OtherDataSetsAreNotText) {
  EXPECT_EQ(Import("mnist").status().code(), absl::StatusCode::kInvalidArgument);
}

// Where the official files are at hand: how many there are of each, in every form in which they are distributed.
TEST_F(ImportTest, TheOfficialFilesAreWhole) {
  const char* data = std::getenv("NORMLAB_DATA");
  const std::string folder = std::string(data != nullptr ? data : "") + "/sentence_classification";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no sentence_classification in NORMLAB_DATA";
  }
  const auto import = [&](const char* dataset, const std::string& path) {
    const auto report = ImportText(*FindDataset(dataset), path, Out(), {});
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? report->summary : "";
  };
  EXPECT_EQ(import("mr", folder + "/rt-polarity.all"), "10662 sentences, 5331 of label 0 and 5331 of label 1");
  EXPECT_EQ(import("mr", folder + "/raw"), "10662 sentences, 5331 of label 0 and 5331 of label 1");
  EXPECT_EQ(import("mr", folder + "/nltk_ccby"), "10662 sentences, 5331 of label 0 and 5331 of label 1");
  EXPECT_EQ(import("cr", folder), "3771 sentences, 1366 of label 0 and 2405 of label 1");
  EXPECT_EQ(import("subj", folder), "10000 sentences, 5000 of label 0 and 5000 of label 1");
  EXPECT_EQ(import("subj", folder + "/nltk_ccby"), "10000 sentences, 5000 of label 0 and 5000 of label 1");
  EXPECT_EQ(import("mpqa", folder), "10603 sentences, 7292 of label 0 and 3311 of label 1");
  EXPECT_EQ(import("sick", std::string(data) + "/sick"), "4500 training, 500 trial and 4927 test pairs");
}

}  // namespace
}  // namespace normlab::data
