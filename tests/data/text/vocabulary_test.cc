#include "data/text/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/text/triplets.h"

namespace normlab::data {
namespace {

using testing::ElementsAre;

TextCorpus Corpus(std::string_view content) {
  auto corpus = TokenizeBooks(content, "books.txt");
  EXPECT_TRUE(corpus.ok()) << corpus.status();
  return *std::move(corpus);
}

std::vector<std::string> Words(const Vocabulary& vocabulary) {
  std::vector<std::string> words;
  for (std::uint32_t id = 0; id < vocabulary.Size(); ++id) {
    words.push_back(vocabulary.Word(id));
  }
  return words;
}

TEST(Vocabulary, NumbersByFallingCountThenFirstOccurrence) {
  WordCounter counter;
  for (const char* word : {"b", "a", "c", "a", "c", "d"}) {
    counter.Add(word);
  }
  EXPECT_EQ(counter.Distinct(), 4);
  EXPECT_THAT(Words(counter.MostFrequent(100)), ElementsAre("<eos>", "UNK", "a", "c", "b", "d"));
  const Vocabulary some = counter.MostFrequent(5);
  EXPECT_THAT(Words(some), ElementsAre("<eos>", "UNK", "a", "c", "b"));
  EXPECT_EQ(some.Id("a"), kFirstWord);
  EXPECT_EQ(some.Id("b"), 4u);
  EXPECT_EQ(some.Id("d"), kUnknownWord);
  EXPECT_EQ(some.Id("<eos>"), kUnknownWord);  // a word of the text that looks like it
  EXPECT_EQ(counter.MostFrequent(2).Size(), 2u);
  EXPECT_EQ(counter.MostFrequent(0).Size(), 2u);
}

TEST(Vocabulary, SurvivesBeingMoved) {
  WordCounter counter;
  counter.Add("short");
  Vocabulary moved = counter.MostFrequent(10);
  const Vocabulary vocabulary = std::move(moved);
  EXPECT_EQ(vocabulary.Id("short"), kFirstWord);
}

TEST(Vocabulary, CountsWordsInLowerCaseOfTheChaptersThatAreNotLeftOut) {
  const TextCorpus corpus = Corpus("BOOK a\nCHAPTER \nTEXT Left the out.\nCHAPTER \nTEXT Out he the The HE he.\n");
  EXPECT_THAT(Words(MakeVocabulary(corpus, {true, false}, 100)), ElementsAre("<eos>", "UNK", "he", "the", "out", "."));
  EXPECT_THAT(Words(MakeVocabulary(corpus, {}, 4)), ElementsAre("<eos>", "UNK", "the", "he"));
}

TEST(SentenceIds, AreTheWordsOfTheSentences) {
  const TextCorpus corpus = Corpus("BOOK a\nCHAPTER \nTEXT The he. HE he the end.\n");
  const Vocabulary vocabulary = MakeVocabulary(corpus, {}, 5);
  EXPECT_THAT(Words(vocabulary), ElementsAre("<eos>", "UNK", "he", "the", "."));
  const SentenceIds ids = ToIds(corpus, vocabulary);
  ASSERT_EQ(ids.Sentences(), 2u);
  EXPECT_THAT(ids.Sentence(0), ElementsAre(3, 2, 4));
  EXPECT_THAT(ids.Sentence(1), ElementsAre(2, 2, 3, 1, 4));
  EXPECT_THAT(ToIds("The END, he!", vocabulary), ElementsAre(3, 1, 1, 2, 1));
}

TEST(Triplets, StayInAChapterAndInTheLimit) {
  const TextCorpus corpus = Corpus(
      "BOOK a\nCHAPTER \nTEXT A0. A1. A2. A3.\nCHAPTER \nTEXT B4. B5.\nCHAPTER \nTEXT C6. C7. Much too long a one. C9. "
      "C10. C11.\n"
      "BOOK b\nCHAPTER \nTEXT D12. D13. D14.\n");
  const std::vector<bool> none(4, false), last = {false, false, false, true};
  EXPECT_THAT(MakeTriplets(corpus, none, false, 3), ElementsAre(1, 2, 10, 13));
  EXPECT_THAT(MakeTriplets(corpus, none, false, 6), ElementsAre(1, 2, 7, 8, 9, 10, 13));
  EXPECT_THAT(MakeTriplets(corpus, last, false, 3), ElementsAre(1, 2, 10));
  EXPECT_THAT(MakeTriplets(corpus, last, true, 3), ElementsAre(13));
  EXPECT_THAT(MakeTriplets(corpus, none, true, 3), ElementsAre());
}

}  // namespace
}  // namespace normlab::data
