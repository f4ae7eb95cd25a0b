#include "proto/names.h"

#include <gtest/gtest.h>

#include <string>

namespace normlab {
namespace {

TEST(Names, AreThoseOfFilesAndSeries) {
  for (const char* good : {"weights.safetensors", "a", "7", "train", "A-b_c.d"}) {
    EXPECT_TRUE(IsName(good, false)) << good;
  }
  for (const char* bad : {"", ".", "..", ".hidden", "-x", "_x", "a b", "a/b", "a\\b", "a\n", "\xc3\xa9"}) {
    EXPECT_FALSE(IsName(bad, false)) << bad;
  }
  EXPECT_TRUE(IsName("train/nll", true));
  EXPECT_FALSE(IsName("/train", true));
  EXPECT_TRUE(IsName(std::string(128, 'a'), false));
  EXPECT_FALSE(IsName(std::string(129, 'a'), false));
}

TEST(Names, MediaTypesHaveNoParameters) {
  for (const char* good : {"image/png", "image/svg+xml", "application/vnd.x-y_z"}) {
    EXPECT_TRUE(IsMediaType(good)) << good;
  }
  for (const char* bad : {"", "png", "/png", "image/", "image/png/x", "text/plain; charset=utf-8", "image/png\n"}) {
    EXPECT_FALSE(IsMediaType(bad)) << bad;
  }
  EXPECT_TRUE(IsMediaType("a/" + std::string(126, 'b')));
  EXPECT_FALSE(IsMediaType("a/" + std::string(127, 'b')));
}

}  // namespace
}  // namespace normlab
