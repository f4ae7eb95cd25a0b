#include "base/nearest.h"

#include "gtest/gtest.h"

namespace normlab {
namespace {

TEST(NearestWord, FindsMisspellings) {
  const std::vector<std::string> names = {"metric", "arm", "than", "within", "statement"};
  EXPECT_EQ(NearestWord("metrik", names), "metric");
  EXPECT_EQ(NearestWord("statment", names), "statement");
  EXPECT_EQ(NearestWord("amr", names), "arm");  // a swap is one edit
  EXPECT_EQ(NearestWord("withn", names), "within");
}

TEST(NearestWord, SaysNothingWhenNothingIsNear) {
  const std::vector<std::string> names = {"metric", "arm"};
  EXPECT_EQ(NearestWord("banana", names), "");
  EXPECT_EQ(NearestWord("", names), "");
  EXPECT_EQ(NearestWord(std::string(100'000, 'm'), names), "");
}

}  // namespace
}  // namespace normlab
