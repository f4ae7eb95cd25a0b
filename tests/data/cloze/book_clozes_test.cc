#include "data/cloze/book_clozes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "data/cloze/cloze_file.h"
#include "data/cloze/names.h"

namespace normlab::data {
namespace {

using ::testing::Contains;
using ::testing::Not;

// A corpus of books, each of chapters, each of sentences of tokens.
using Chapters = std::vector<std::vector<std::string>>;

TextCorpus Corpus(const std::vector<Chapters>& books) {
  TextCorpus corpus;
  std::map<std::string, std::uint32_t, std::less<>> numbers;
  corpus.sentence_begin = {0};
  corpus.chapter_begin = {0};
  corpus.book_begin = {0};
  for (const Chapters& book : books) {
    for (const std::vector<std::string>& chapter : book) {
      for (const std::string& sentence : chapter) {
        std::string_view text = sentence;
        while (!text.empty()) {
          const std::string_view token = TakeToken(text);
          const auto [found, is_new] = numbers.try_emplace(std::string(token), corpus.forms.size());
          if (is_new) {
            corpus.forms.emplace_back(token);
          }
          corpus.tokens.push_back(found->second);
        }
        corpus.sentence_begin.push_back(corpus.tokens.size());
      }
      corpus.chapter_begin.push_back(static_cast<std::uint32_t>(corpus.Sentences()));
    }
    corpus.book_begin.push_back(static_cast<std::uint32_t>(corpus.Chapters()));
    corpus.titles.emplace_back("book");
  }
  return corpus;
}

std::set<std::string> NamesOf(const std::vector<std::string>& sentences) {
  const TextCorpus corpus = Corpus({{sentences}});
  NameFinder finder(corpus);
  const std::vector<bool>& names = finder.Find(0, corpus.Sentences());
  std::set<std::string> found;
  for (std::size_t form = 0; form < names.size(); ++form) {
    if (names[form]) {
      found.insert(corpus.forms[form]);
    }
  }
  return found;
}

TEST(Names, StandInTheMiddleOfSentencesAtLeastThreeTimes) {
  EXPECT_EQ(NamesOf({"then Emma saw Harriet .", "so Emma went .", "and Emma sat , and Harriet ."}),
            std::set<std::string>{"Emma"});
}

TEST(Names, AreNotWhatBeginsSentencesOrSpeech) {
  EXPECT_TRUE(NamesOf({"Then he .", "Then she .", "Then it .", "he said `` Then go .", "`` Then , he ."}).empty());
}

TEST(Names, AreNotWordsThatAreOftenSmall) {
  const std::vector<std::string> capital = {"the Rose and the Rose and the Rose ."};
  EXPECT_THAT(NamesOf(capital), Contains("Rose"));
  std::vector<std::string> both = capital;
  both.emplace_back("a rose .");
  EXPECT_THAT(NamesOf(both), Not(Contains("Rose")));
}

TEST(Names, AreNotTitlesInitialsOrShouting) {
  EXPECT_TRUE(NamesOf({"dear Mr. and Mr. and Mr. .", "so I and I and I .", "the LORD and LORD and LORD ."}).empty());
}

TEST(Names, HaveOtherLettersThanEnglishOnes) {
  EXPECT_THAT(NamesOf({"und \xc3\x84nne und \xc3\x84nne und \xc3\x84nne ."}), Contains("\xc3\x84nne"));
}

TEST(Names, AreThoseOfTheirBook) {
  const TextCorpus corpus = Corpus({{{"then Emma and Emma and Emma ."}}, {{"then Emma sat ."}}});
  NameFinder finder(corpus);
  const auto emma = std::find(corpus.forms.begin(), corpus.forms.end(), "Emma") - corpus.forms.begin();
  EXPECT_TRUE(finder.Find(0, 1)[static_cast<std::size_t>(emma)]);
  EXPECT_FALSE(finder.Find(1, 2)[static_cast<std::size_t>(emma)]);
}

// A chapter that makes questions: three names, of which every sentence has one or two.
const std::vector<std::string> kChapter = {
    "then Emma saw Harriet today .", "but Harriet liked Frank , and Frank smiled .",
    "so Emma told Frank .",          "and Frank and Emma went .",
    "the day was very long .",       "at last Harriet saw Emma again ."};

// Views of `content`.
std::vector<ClozeRecord> Parsed(std::string&& content) = delete;
std::vector<ClozeRecord> Parsed(const std::string& content) {
  auto records = ParseClozeFile(content, "made");
  EXPECT_TRUE(records.ok()) << records.status();
  return *records;
}

std::vector<std::string_view> Tokens(std::string_view text) {
  std::vector<std::string_view> tokens;
  while (!text.empty()) {
    tokens.push_back(TakeToken(text));
  }
  return tokens;
}

TEST(BookClozes, AskForANameOfTheSentencesBefore) {
  const std::string content = MakeBookClozes(Corpus({{kChapter}}));
  const std::vector<ClozeRecord> records = Parsed(content);
  ASSERT_EQ(records.size(), 3u) << content;  // the third, fourth and last; the first two have too little before them
  for (const ClozeRecord& record : records) {
    EXPECT_THAT(Tokens(record.passage), Contains(record.answer));
    EXPECT_THAT(Tokens(record.question), Not(Contains(record.answer)));
    EXPECT_THAT(Tokens(record.question), Contains(kPlaceholder));
    EXPECT_EQ(record.passage.find("Emma"), std::string_view::npos);
    EXPECT_EQ(record.part, ClozePart::kTraining);
  }
  EXPECT_EQ(Tokens(records[0].passage).size(), 15u);
  EXPECT_EQ(records[0].passage.substr(0, 5), "then ");
}

TEST(BookClozes, AreAFunctionOfTheCorpusAndNumberNamesAtRandom) {
  const TextCorpus corpus = Corpus({{kChapter, kChapter, kChapter, kChapter}});
  const std::string content = MakeBookClozes(corpus);
  EXPECT_EQ(MakeBookClozes(corpus), content);
  const std::vector<ClozeRecord> records = Parsed(content);
  std::set<std::string_view> first_names;
  for (const ClozeRecord& record : records) {
    first_names.insert(Tokens(record.passage)[1]);
  }
  EXPECT_GT(first_names.size(), 3u) << "one sentence, many names for its first person";
}

// Chapters of few books take turns, and whole books of many.
TEST(BookClozes, HoldChaptersOrBooksOut) {
  const auto parts = [](const std::vector<Chapters>& books) {
    std::map<ClozePart, int> counts;
    const std::string content = MakeBookClozes(Corpus(books));
    for (const ClozeRecord& record : Parsed(content)) {
      counts[record.part] += 1;
    }
    return counts;
  };
  const auto want = [](int tenths) {  // three questions a chapter
    return std::map<ClozePart, int>{
        {ClozePart::kTraining, 24 * tenths}, {ClozePart::kValidation, 3 * tenths}, {ClozePart::kTest, 3 * tenths}};
  };
  EXPECT_EQ(parts({Chapters(20, kChapter)}), want(2));
  EXPECT_EQ(parts(std::vector<Chapters>(80, Chapters(1, kChapter))), want(8));
  const std::vector<Chapters> few(10, Chapters(3, kChapter));
  EXPECT_EQ(parts(few), want(3)) << "chapter 5, not book 5";
}

TEST(BookClozes, LeaveOutWhatIsTooLongOrHasTooFewNames) {
  std::string long_sentence = "then Emma";
  for (int i = 0; i < 130; ++i) {
    long_sentence += " word";
  }
  std::vector<std::string> chapter = kChapter;
  chapter.insert(chapter.begin() + 2, long_sentence);  // too long to ask or to be read
  const std::string content = MakeBookClozes(Corpus({{chapter}}));
  for (const ClozeRecord& record : Parsed(content)) {
    EXPECT_EQ(record.passage.find("word"), std::string_view::npos);
    EXPECT_EQ(record.question.find("word"), std::string_view::npos);
  }
  EXPECT_EQ(MakeBookClozes(Corpus({{{"so Emma and Emma .", "then Emma went .", "and then Emma sat down ."}}})), "");
  EXPECT_EQ(MakeBookClozes(Corpus({{{"one sentence without a name ."}}})), "");
}

}  // namespace
}  // namespace normlab::data
