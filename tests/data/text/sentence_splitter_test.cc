#include "data/text/sentence_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normlab::data {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

TEST(SplitSentences, EndsAtPeriodsQuestionsAndCries) {
  EXPECT_THAT(SplitSentences("He came. Did he? He did! Well"), ElementsAre("He came.", "Did he?", "He did!", "Well"));
  EXPECT_THAT(SplitSentences("  one.\n two.  "), ElementsAre("one.", "two."));
  EXPECT_THAT(SplitSentences("no end"), ElementsAre("no end"));
  EXPECT_THAT(SplitSentences(" \n\t "), SizeIs(0));
  EXPECT_THAT(SplitSentences(""), SizeIs(0));
}

TEST(SplitSentences, ClosingQuotesAndBracketsBelongToTheSentenceTheyClose) {
  EXPECT_THAT(SplitSentences("\"Is it?\" said he. \"It is.\" (So it is.) [Yes!]"),
              ElementsAre("\"Is it?\"", "said he.", "\"It is.\"", "(So it is.)", "[Yes!]"));
  EXPECT_THAT(SplitSentences("'No!' \"Yes?!\" he"), ElementsAre("'No!'", "\"Yes?!\"", "he"));
}

TEST(SplitSentences, NothingEndsInsideOfAWord) {
  EXPECT_THAT(SplitSentences("Pay 3.50 at www.x.org?q now"), SizeIs(1));
  EXPECT_THAT(SplitSentences("\"What?\"--he said"), SizeIs(1));
}

TEST(SplitSentences, ATitleEndsNothing) {
  EXPECT_THAT(SplitSentences("Mr. Smith met Dr. Who. (Mrs. The was out.)"),
              ElementsAre("Mr. Smith met Dr. Who.", "(Mrs. The was out.)"));
  EXPECT_THAT(SplitSentences("Lieut.-Col. North, and \"St. John.\" He"),
              ElementsAre("Lieut.-Col. North, and \"St. John.\"", "He"));
}

TEST(SplitSentences, AnAbbreviationEndsASentenceBeforeAWordThatBeginsOne) {
  EXPECT_THAT(SplitSentences("Pots, pans, etc. The rest was lost."),
              ElementsAre("Pots, pans, etc.", "The rest was lost."));
  EXPECT_THAT(SplitSentences("The U.S. Senate sat at 9 a.m. on May 3."), SizeIs(1));
  EXPECT_THAT(SplitSentences("It was 9 a.m. He slept."), SizeIs(2));
  EXPECT_THAT(SplitSentences("See vol. the second, i.e. this."), SizeIs(1));
}

TEST(SplitSentences, AnInitialIsAnAbbreviationButThePronounIsAWord) {
  EXPECT_THAT(SplitSentences("J. A. Smith came."), SizeIs(1));
  EXPECT_THAT(SplitSentences("It was I. Tom left."), ElementsAre("It was I.", "Tom left."));
  EXPECT_THAT(SplitSentences("He chose plan B. It failed."), SizeIs(2));
  EXPECT_THAT(SplitSentences("\u00C9. Zola wrote."), SizeIs(1));
}

TEST(SplitSentences, EllipsesAndNumbersEndOneUnlessSmallLettersFollow) {
  EXPECT_THAT(SplitSentences("He ... went. Well... yes. So.... Then"),
              ElementsAre("He ... went.", "Well... yes.", "So....", "Then"));
  EXPECT_THAT(SplitSentences("And . . . so . . . But"), ElementsAre("And . . . so . . .", "But"));
  EXPECT_THAT(SplitSentences("In 1914. The war. No 5. was out."),
              ElementsAre("In 1914.", "The war.", "No 5. was out."));
  EXPECT_THAT(SplitSentences("He has 10,000l. a year."), SizeIs(1));
}

TEST(SplitSentences, OfOtherBytesIsParts) {
  const std::string bytes = "\xC3. \xFF! \xE2\x80. .\xC3 \x80?";
  std::size_t size = 0;
  for (const std::string_view sentence : SplitSentences(bytes)) {
    size += sentence.size();
  }
  EXPECT_LE(size, bytes.size());
  EXPECT_GT(size, 0u);
}

}  // namespace
}  // namespace normlab::data
