// The CNN corpus as distributed: one question, the sentences that are kept of its passage, and the import of all.
#include "data/cloze/import_cnn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/cloze/cloze.h"
#include "data/cloze/cloze_file.h"
#include "data/cloze/question_file.h"
#include "data/cloze/relevance.h"
#include "data/gzip.h"
#include "tests/data/testing.h"

namespace normlab::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kQuestion =
    "http://example.org/story\n\n( @entity0 ) the storm hit @entity1 . @entity2 said so .\n\n"
    "the storm hit @placeholder\n\n@entity1\n\n@entity0:CNN\n@entity1:Cuba\n@entity2:A. Person\n";

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    words.push_back(TakeToken(text));
  }
  return words;
}

// --- One file ---

TEST(QuestionFile, IsReadPartByPart) {
  const auto file = ParseQuestionFile(kQuestion, "x");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->passage.size(), 12u);
  EXPECT_EQ(file->passage[1], "@entity0");
  EXPECT_THAT(file->question, ElementsAre("the", "storm", "hit", "@placeholder"));
  EXPECT_EQ(file->answer, "@entity1");
}

TEST(QuestionFile, LinesMayEndAsOnWindowsAndNamesMayBeMissing) {
  const auto file = ParseQuestionFile("u\r\n\r\na @entity1\r\n\r\n@placeholder b\r\n\r\n@entity1", "x");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(file->passage, ElementsAre("a", "@entity1"));
}

struct BadQuestion {
  const char* what;
  std::string content;
  std::string says;
};

class HostileQuestionFile : public testing::TestWithParam<BadQuestion> {};

TEST_P(HostileQuestionFile, IsAnErrorThatNamesFileAndOffset) {
  const absl::Status status = ParseQuestionFile(GetParam().content, "dir/file").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), AllOf(StartsWith("dir/file: byte "), HasSubstr(GetParam().says)));
}

INSTANTIATE_TEST_SUITE_P(
    Files, HostileQuestionFile,
    testing::Values(BadQuestion{"Empty", "", "byte 0: expected a URL"},
                    BadQuestion{"UrlAlone", "http://x", "byte 8: expected a passage"},
                    BadQuestion{"NoEmptyLine", "u\npassage\n", "byte 2: expected an empty line behind a URL"},
                    BadQuestion{"NoPlaceholder", "u\n\na @entity1\n\nb\n\n@entity1\n",
                                "byte 15: expected a question with @placeholder"},
                    BadQuestion{"AnswerIsAWord", "u\n\na\n\n@placeholder\n\nb\n",
                                "expected an answer of @entity and a number"},
                    BadQuestion{"AnswerElsewhere", "u\n\na\n\n@placeholder\n\n@entity1\n",
                                "expected an answer that is in the passage, not @entity1"},
                    BadQuestion{"Truncated", std::string(kQuestion.substr(0, 90)), "byte 90: expected an answer"},
                    BadQuestion{"NotUtf8", "u\n\na \xc3\x28\n\n", "byte 5: expected UTF-8"},
                    BadQuestion{"OneHugeLine", std::string(1 << 20, 'a'), "byte 1048576: expected a passage"}),
    [](const auto& info) { return info.param.what; });

// --- Sentences ---

TEST(Relevance, SentencesEndWithTheirClosingQuotes) {
  const auto words = Words("a . `` b ! '' c said . d");
  std::vector<std::size_t> lengths;
  for (const TokenSpan sentence : SplitPassage(words)) {
    lengths.push_back(sentence.size());
  }
  EXPECT_THAT(lengths, ElementsAre(2, 4, 3, 1));
  EXPECT_TRUE(SplitPassage({}).empty());
}

TEST(Relevance, RareSharedWordsCountMost) {
  const auto passage = Words("the cat . the dog saw . the storm hit . a dog . a dog");
  const auto question = Words("the storm and dog @placeholder");
  const std::vector<TokenSpan> sentences = SplitPassage(passage);
  ASSERT_EQ(sentences.size(), 5u);
  // storm: log 5/1 and the: log 5/3 in the third; the and dog (log 5/3 each) in the second; then the first of equal ones.
  EXPECT_THAT(MostRelevant(sentences, question, 1), ElementsAre(2));
  EXPECT_THAT(MostRelevant(sentences, question, 2), ElementsAre(1, 2));
  EXPECT_THAT(MostRelevant(sentences, question, 3), ElementsAre(0, 1, 2));
  EXPECT_THAT(MostRelevant(sentences, question, 9), ElementsAre(0, 1, 2, 3, 4));
}

TEST(Relevance, AWordCountsOnceInASentenceAndThePlaceholderNever) {
  const auto passage = Words("dog dog dog . storm here . @placeholder there .");
  const std::vector<TokenSpan> sentences = SplitPassage(passage);
  EXPECT_THAT(MostRelevant(sentences, Words("dog storm storm @placeholder"), 2), ElementsAre(0, 1));
}

// --- The import ---

void WriteCorpus(const TestDirectory& folder) {
  folder.Write("cnn/questions/training/b.question", kQuestion);
  folder.Write("cnn/questions/training/a.question",
               "u\n\n@entity4 left . the cat ran . the dog ran . the cow ran . the hen ran . the ox ran .\n\n"
               "the cat and the dog , the cow and the hen of @placeholder\n\n@entity4\n");
  folder.Write("cnn/questions/validation/c.question", kQuestion);
  folder.Write("cnn/questions/test/d.question", kQuestion);
  folder.Write("cnn/questions/test/broken.question", "http://x\n\ncut");
  folder.Write("cnn/questions/elsewhere/e.question", kQuestion);
  folder.Write("cnn/stories/f.story", "not wanted");
}

const auto kNoProgress = [](std::int64_t, std::int64_t) {};

TEST(ImportCnn, KeepsFourSentencesAndCountsWhatItSkips) {
  const TestDirectory folder, store;
  WriteCorpus(folder);
  const auto report = ImportCnn(folder.path() + "/cnn", store.path(), kNoProgress);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->questions, ElementsAre(2, 1, 1));
  EXPECT_THAT(report->answers_kept, ElementsAre(1, 1, 1));
  ASSERT_EQ(report->skipped.size(), 1u);
  EXPECT_EQ(report->skipped.begin()->second.count, 1);
  EXPECT_THAT(report->skipped.begin()->second.example, HasSubstr("test/broken.question: byte 13: expected a question"));

  const DatasetInfo& dataset = *FindDataset("cnn");
  const auto data = LoadClozes(dataset, {store.path()}, {});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->sha256, report->sha256);
  ASSERT_EQ(data->train.Size(), 2u);
  EXPECT_EQ(data->train[0].passage.size(), 16u) << "a.question comes first, four sentences of four words";
  EXPECT_EQ(data->train.Answerable(), 1);
}

TEST(ImportCnn, GivesTheSameFromAnArchive) {
  const TestDirectory folder, one, two;
  WriteCorpus(folder);
  ASSERT_EQ(std::system(("tar czf " + folder.path() + "/cnn.tgz -C " + folder.path() + " cnn").c_str()), 0);
  const auto from_folder = ImportCnn(folder.path() + "/cnn", one.path(), kNoProgress);
  const auto from_archive = ImportCnn(folder.path() + "/cnn.tgz", two.path(), kNoProgress);
  ASSERT_TRUE(from_archive.ok()) << from_archive.status();
  EXPECT_EQ(from_archive->sha256, from_folder->sha256);
}

TEST(ImportCnn, SaysWhyNothingCouldBeUsed) {
  const TestDirectory folder, store;
  folder.Write("training/x.question", "");
  const absl::Status status = ImportCnn(folder.path(), store.path(), kNoProgress).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("no question could be used"), HasSubstr("1 x file that is not a question")));
  EXPECT_THAT(Message(ImportCnn(folder.path() + "/nowhere", store.path(), kNoProgress).status()),
              HasSubstr("no such file or folder"));
}

// Memory is bounded: a file that cannot be a question is not read into it.
TEST(ImportCnn, RefusesAHugeFile) {
  const TestDirectory folder, store;
  folder.Write("training/x.question", std::string((1 << 20) + 1, 'a'));
  const absl::Status status = ImportCnn(folder.path(), store.path(), kNoProgress).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("training/x.question"));
}

}  // namespace
}  // namespace normlab::data
