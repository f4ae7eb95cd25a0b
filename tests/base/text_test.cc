#include "base/text.h"

#include <gtest/gtest.h>

namespace normlab {
namespace {

TEST(CutTextTest, NeverHalvesACharacter) {
  const std::string text = "aé層😀";  // 1, 2, 3 and 4 bytes
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::size_t whole = size < 1 ? 0 : size < 3 ? 1 : size < 6 ? 3 : 6;
    EXPECT_EQ(CutText(text, size), text.substr(0, whole) + "...") << size;
  }
  EXPECT_EQ(CutText(text, text.size()), text);
}

TEST(OneLineTest, MakesAnyBytesALine) {
  EXPECT_EQ(OneLine("one\ntwo\tthree\x7f", 100), "one two three ");
  EXPECT_EQ(OneLine("caf\xe9 \xff\xfe", 100), "caf\uFFFD \uFFFD\uFFFD");
  EXPECT_EQ(OneLine("\xe5\xb1", 100), "\uFFFD\uFFFD") << "cut off in the middle";
  EXPECT_EQ(OneLine("\u2028", 100), " ");
  EXPECT_EQ(OneLine("層層", 4), "層...");
  EXPECT_EQ(OneLine(std::string(1000, '\xff'), 7), "\uFFFD\uFFFD...") << "cut after it was mended";
  EXPECT_EQ(OneLine("", 5), "");
}

TEST(Utf8Test, WellFormedTextHasNoBadByte) {
  for (const std::string text :
       {"", "plain", "Ren\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x99\x82", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\uFFFD"}) {
    EXPECT_FALSE(FirstBadUtf8(text).has_value()) << text;
  }
  EXPECT_FALSE(FirstBadUtf8(std::string(1, '\0')).has_value());
}

TEST(Utf8Test, TheFirstBadByteIsFound) {
  const std::pair<std::string, std::size_t> cases[] = {{"Ren\xe9", 3},           // Latin-1
                                                       {"\x80", 0},              // a continuation alone
                                                       {"a\xc0\x80", 1},         // overlong
                                                       {"\xe0\x80\xaf", 0},      // overlong
                                                       {"\xed\xa0\x80", 0},      // a surrogate
                                                       {"\xf4\x90\x80\x80", 0},  // above U+10FFFF
                                                       {"ok\xe2\x82", 2},        // cut
                                                       {"\xff", 0}};
  for (const auto& [text, position] : cases) {
    EXPECT_EQ(FirstBadUtf8(text), position);
  }
}

}  // namespace
}  // namespace normlab
