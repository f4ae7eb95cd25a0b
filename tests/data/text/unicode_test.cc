#include "data/text/unicode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normlab::data {
namespace {

using testing::HasSubstr;

std::string Nfc(std::string_view bytes) { return ToNfc(bytes, "file").value_or("ERROR"); }

TEST(ToNfc, ComposesWhatIsComposed) {
  EXPECT_EQ(Nfc("cafe\u0301"), "caf\u00E9");
  EXPECT_EQ(Nfc("A\u030A and \u212B"), "\u00C5 and \u00C5");
  EXPECT_EQ(Nfc("o\u0323\u0302"), "\u1ED9");
  EXPECT_EQ(Nfc("o\u0302\u0323"), "\u1ED9");  // accents are put in order
  EXPECT_EQ(Nfc("\u1112\u1161\u11AB"), "\uD55C");
  EXPECT_EQ(Nfc("\u0301x\u0301"), "\u0301x\u0301");  // there is no such letter
  EXPECT_EQ(Nfc("\U0001D15E"), "\U0001D157\U0001D165");
  EXPECT_EQ(Nfc("plain \u2019 caf\u00E9 \u0391\u03B8"), "plain \u2019 caf\u00E9 \u0391\u03B8");
}

TEST(ToNfc, DropsTheMarkAndMakesLineBreaksOne) {
  EXPECT_EQ(Nfc("\uFEFFone\r\ntwo\rthree\n"), "one\ntwo\nthree\n");
  EXPECT_EQ(Nfc("a\r\u00E9\r\n\u0301b\r"), "a\n\u00E9\n\u0301b\n");
  EXPECT_EQ(Nfc("\r\r\n\r"), "\n\n\n");
  EXPECT_EQ(Nfc(""), "");
  EXPECT_EQ(Nfc("\uFEFF"), "");
}

// A run without ASCII is composed in one piece, whatever its length.
TEST(ToNfc, LongRunsAreWhole) {
  std::string decomposed, composed;
  for (int i = 0; i < 1000; ++i) {
    decomposed += "\u0391\u0301";
    composed += "\u0386";
  }
  EXPECT_EQ(Nfc(decomposed), composed);
}

TEST(ToNfc, BadBytesAreReportedWithTheirOffsetInTheFile) {
  const auto message = [](std::string_view bytes) { return Message(ToNfc(bytes, "book.txt").status()); };
  EXPECT_THAT(message("abc\xFFz"), HasSubstr("book.txt: byte 3: 0xff is not UTF-8"));
  EXPECT_THAT(message("\xEF\xBB\xBF"
                      "ab\xC3"),
              HasSubstr("book.txt: byte 5: 0xc3"));
  EXPECT_THAT(message("\xC0\xAF"), HasSubstr("byte 0"));
  EXPECT_THAT(message("\xED\xA0\x80"), HasSubstr("byte 0"));
  EXPECT_THAT(message(std::string_view("a\0b", 3)), HasSubstr("book.txt: byte 1: a NUL"));
}

TEST(Windows1252ToNfc, ReadsItsBytes) {
  EXPECT_EQ(*Windows1252ToNfc("caf\xE9 \x93so\x94 \x85\x81", "file"), "caf\u00E9 \u201Cso\u201D \u2026\u0081");
  EXPECT_EQ(Windows1252ToNfc(std::string_view("\0", 1), "file").status().code(), absl::StatusCode::kDataLoss);
}

TEST(ToTypewriter, WritesWhatATypewriterHas) {
  EXPECT_EQ(ToTypewriter("\u2018It\u2019s\u2019 \u201Cso\u201D\u2026 1914\u201318\u2014no\u00ADw\u200B"),
            "'It's' \"so\"... 1914--18--now");
  EXPECT_EQ(ToTypewriter("a\u00A0b\u2003c\u3000d\u0007e\u2028f"), "a b c d e f");
  EXPECT_EQ(ToTypewriter("\u0093so\u0094 \u0096 \u0085"), "\"so\" -- ...");  // Windows-1252 taken for Latin-1
  EXPECT_EQ(ToTypewriter("caf\u00E9\t\n"), "caf\u00E9\t\n");
}

TEST(ToLower, IsOfLettersAlone) {
  EXPECT_EQ(ToLower("The \u00C9T\u00C9 \u0391\u0398 N'T 5"), "the \u00E9t\u00E9 \u03B1\u03B8 n't 5");
  EXPECT_EQ(ToLower("\u00DF\U0001F600"), "\u00DF\U0001F600");
}

TEST(Classes, AreThoseOfUnicode) {
  EXPECT_TRUE(IsUpperCase(U'\u00C9') && !IsUpperCase(U'\u00E9') && !IsUpperCase(U'5') && IsUpperCase(U'Z'));
  EXPECT_TRUE(IsLowerCase(U'\u00E9') && !IsLowerCase(U'\u00C9') && IsLowerCase(U'z') && !IsLowerCase(U'{'));
  EXPECT_TRUE(IsDigit(U'9') && IsDigit(U'\u0664') && !IsDigit(U'\u00BD') && !IsDigit(U':'));
  EXPECT_TRUE(IsWordCharacter(U'_') && IsWordCharacter(U'\u00BD') && IsWordCharacter(U'\u03B1'));
  EXPECT_FALSE(IsWordCharacter(U'\u2019') || IsWordCharacter(U'-') || IsWordCharacter(U'\u0301'));
}

}  // namespace
}  // namespace normlab::data
