#include "data/text/treebank.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "data/text/unicode.h"

namespace normlab::data {
namespace {

using testing::ElementsAre;

std::string Tokens(std::string_view sentence) {
  Treebank treebank;
  return fmt::to_string(fmt::join(treebank.Split(sentence), " "));
}

// The file holds pairs of lines: a sentence, and what TreebankWordTokenizer of NLTK 3.0.5 makes of it.
TEST(Treebank, TrickySentencesAreCutAsNltkCutsThem) {
  std::ifstream file(NORMLAB_TREEBANK_FIXTURE);
  int pairs = 0;
  for (std::string sentence, expected; std::getline(file, sentence) && std::getline(file, expected); ++pairs) {
    EXPECT_EQ(Tokens(sentence), expected) << sentence;
  }
  EXPECT_EQ(pairs, 47);
}

TEST(Treebank, OneObjectCutsManySentences) {
  Treebank treebank;
  EXPECT_THAT(treebank.Split("A long one, longer than the next."),
              ElementsAre("A", "long", "one", ",", "longer", "than", "the", "next", "."));
  EXPECT_THAT(treebank.Split("No."), ElementsAre("No", "."));
  EXPECT_THAT(treebank.Split(""), ElementsAre());
  EXPECT_THAT(treebank.Split(" \t\n "), ElementsAre());
  EXPECT_THAT(treebank.Split("two\nlines\tof it"), ElementsAre("two", "lines", "of", "it"));
}

TEST(Tokenize, TakesAnyTextApartSentenceBySentence) {
  EXPECT_THAT(Tokenize("He came.  She\u2019d \u201Cgone\u201D \u2014 Mr. B. saw."),
              ElementsAre("He", "came", ".", "She", "'d", "``", "gone", "''", "--", "Mr.", "B.", "saw", "."));
  EXPECT_THAT(Tokenize(""), ElementsAre());
  EXPECT_THAT(Tokenize("\xFF\xC3"), testing::SizeIs(1));  // not UTF-8: kept, nothing is read behind the end
}

// Every byte of a token is of the text, except that quotes may be written anew.
TEST(Tokenize, LosesNothingButBlanks) {
  const std::string text = "\"It isn't,\" he said; (but 'tis) 5:30 -- it cannot be... Caf\u00E9!";
  std::string without_blanks, of_tokens;
  for (const char c : text) {
    without_blanks += c == ' ' ? "" : std::string(1, c);
  }
  for (const std::string& token : Tokenize(text)) {
    of_tokens += token == "``" || token == "''" ? "\"" : token;
  }
  EXPECT_EQ(of_tokens, without_blanks);
}

}  // namespace
}  // namespace normlab::data
