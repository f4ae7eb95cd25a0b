#include "data/text/book_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/text/book_file.h"

namespace normlab::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// All paragraphs, with each heading in brackets before those of its chapter.
std::vector<std::string> Flat(const Book& book) {
  std::vector<std::string> lines;
  for (const Chapter& chapter : book.chapters) {
    lines.push_back("[" + chapter.heading + "]");
    lines.insert(lines.end(), chapter.paragraphs.begin(), chapter.paragraphs.end());
  }
  return lines;
}

TEST(ReadBook, JoinsWrappedLines) {
  EXPECT_THAT(Flat(ReadBook("t", "It was\nthe  best\tof times.\n\n\n* * *\n\nIt was\nthe worst.")),
              ElementsAre("[]", "It was the best of times.", "It was the worst."));
}

TEST(ReadBook, TakesLongLinesForParagraphs) {
  const std::string one(150, 'a'), two = std::string(150, 'b') + " end";
  EXPECT_THAT(Flat(ReadBook("t", one + "\n" + two + "\nshort\n")), ElementsAre("[]", one, two, "short"));
}

TEST(ReadBook, BeginsChaptersAtHeadings) {
  EXPECT_THAT(Flat(ReadBook("t",
                            "THE BOOK\n\nBOOK I.\n\nCHAPTER I.\n\nOne.\n\nChapter the Second\n\nTwo.\n\nXII.\n\n"
                            "Three.\n\n13\n\nFour.\n\nEpilogue\n\nFive.\n\nPART TWENTY-ONE: THE END\n\nSix.")),
              ElementsAre("[]", "THE BOOK", "[CHAPTER I.]", "One.", "[Chapter the Second]", "Two.", "[XII.]", "Three.",
                          "[13]", "Four.", "[Epilogue]", "Five.", "[PART TWENTY-ONE: THE END]", "Six."));
}

TEST(ReadBook, DoesNotTakeTextForHeadings) {
  const std::string long_one = "Chapter one " + std::string(80, 'x');
  EXPECT_THAT(
      Flat(ReadBook("t", "Part of it failed.\n\nact one of it\n\nI. was here\n\nMild\n\nThe chapter\n\n" + long_one)),
      ElementsAre("[]", "Part of it failed.", "act one of it", "I. was here", "Mild", "The chapter", long_one));
}

TEST(ReadBook, FindsHeadingsInTextWithoutEmptyLines) {
  EXPECT_THAT(Flat(ReadBook("t",
                            "TITLE\nVOL. I.\nCHAPTER I.\nIt was the\nbook of one.\nCHAPTER II.\nThe two had a\n"
                            "Part One between\nthem. It\nVII. had\nended.\nIII. THE END\nOf all.")),
              ElementsAre("[]", "TITLE", "[CHAPTER I.]", "It was the book of one.", "[CHAPTER II.]",
                          "The two had a Part One between them. It VII. had ended.", "[III. THE END]", "Of all."));
}

TEST(ReadBook, LeavesOutWhatProjectGutenbergPutsAround) {
  const std::string start = "*** START OF THE PROJECT GUTENBERG EBOOK EMMA ***",
                    end = "*** END OF THE PROJECT GUTENBERG EBOOK EMMA ***";
  EXPECT_THAT(
      Flat(ReadBook("t", "The Project Gutenberg eBook of Emma\n\n" + start + "\n\nEmma.\n\n" + end + "\n\nLicence")),
      ElementsAre("[]", "Emma."));
  EXPECT_THAT(
      Flat(ReadBook("t",
                    "***START OF THE PROJECT GUTENBERG EBOOK X***\nA.\n\nEnd of the Project Gutenberg EBook of X\nB")),
      ElementsAre("[]", "A."));
  EXPECT_THAT(Flat(ReadBook("t", "legal\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\nText.")),
              ElementsAre("[]", "Text."));
  EXPECT_THAT(Flat(ReadBook("t", "He read of the START OF a Project Gutenberg.\n\n*** stars ***")),
              ElementsAre("[]", "He read of the START OF a Project Gutenberg.", "*** stars ***"));
}

TEST(ReadBook, DropsTheMarksOfItalics) {
  EXPECT_THAT(Flat(ReadBook("t", "\"_So_,\" _said_ (_he_) of snake_case ___ _")),
              ElementsAre("[]", "\"So,\" said (he) of snake_case"));
}

TEST(ReadBook, OfNothingHasNoChapter) {
  for (const char* empty : {"", "\n\n", "* * *\n\n---", "CHAPTER I.\n\nCHAPTER II."}) {
    EXPECT_THAT(ReadBook("t", empty).chapters, SizeIs(0)) << empty;
  }
}

TEST(BookFile, ReadsWhatIsWritten) {
  std::string content;
  AppendBook(ReadBook("one\ntitle", "CHAPTER I\n\nTEXT of it.\n\nBOOK of it.\n\nCHAPTER II\n\nMore."), content);
  AppendBook(ReadBook("two", "Other."), content);
  const auto file = ParseBookFile(content, "books.txt");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(file->titles, ElementsAre("one title", "two"));
  EXPECT_THAT(file->book_of, ElementsAre(0, 0, 1));
  std::vector<std::string_view> texts;
  std::vector<std::uint32_t> chapters;
  for (const BookFile::Paragraph& paragraph : file->paragraphs) {
    texts.push_back(paragraph.text);
    chapters.push_back(paragraph.chapter);
  }
  EXPECT_THAT(texts, ElementsAre("TEXT of it.", "BOOK of it.", "More.", "Other."));
  EXPECT_THAT(chapters, ElementsAre(0, 0, 1, 2));
}

TEST(BookFile, BooksAndChaptersWithoutTextAreNotInIt) {
  const auto file = ParseBookFile("BOOK a\nCHAPTER 1\nBOOK b\nCHAPTER 2\nCHAPTER 3\nTEXT x", "f");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(file->titles, ElementsAre("b"));
  EXPECT_THAT(file->book_of, ElementsAre(0));
}

TEST(BookFile, SaysWhereItIsBad) {
  const auto message = [](std::string_view content) { return Message(ParseBookFile(content, "f").status()); };
  EXPECT_THAT(message("BOOK a\nCHAPTER \nTXT x\n"), HasSubstr("f: byte 16: 'TXT x'"));
  EXPECT_THAT(message("BOOK a\nTEXT \xFF"), HasSubstr("f: byte 12: not UTF-8"));
  EXPECT_THAT(message("BOOK a\n"), HasSubstr("f: byte 7: ends without any text"));
  EXPECT_THAT(message(""), HasSubstr("byte 0"));
}

}  // namespace
}  // namespace normlab::data
