#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace normlab {
namespace {

TEST(Utf8Test, WellFormedTextHasNoBadByte) {
  for (const std::string text :
       {"", "plain", "Ren\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x99\x82", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
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
