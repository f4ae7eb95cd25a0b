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

}  // namespace
}  // namespace normlab
