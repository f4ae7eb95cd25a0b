#include "base/yaml.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace normlab {
namespace {

using testing::HasSubstr;

constexpr YamlLimits kLimits{.bytes = 1000, .depth = 4, .nodes = 50};

YamlNode Good(std::string_view text) {
  YamlProblem problem;
  const auto node = ParseYaml(text, kLimits, problem);
  EXPECT_TRUE(node) << problem.text;
  return node.value_or(YamlNode());
}

// "3:7 text"
std::string ProblemOf(std::string_view text) {
  YamlProblem problem;
  EXPECT_FALSE(ParseYaml(text, kLimits, problem)) << text;
  return std::to_string(problem.mark.line) + ":" + std::to_string(problem.mark.column) + " " + problem.text;
}

TEST(Yaml, KeepsOrderDuplicatesAndPlaces) {
  const YamlNode root = Good("b: 1\na: [x, {c: ~}]\nb: 'two'\n");
  ASSERT_EQ(root.entries.size(), 3u);
  EXPECT_EQ(root.entries[0].name, "b");
  EXPECT_EQ(root.entries[2].value.scalar, "two");
  EXPECT_EQ(root.entries[2].mark.line, 3);
  EXPECT_EQ(root.entries[2].value.mark.column, 4);
  const YamlNode& list = root.entries[1].value;
  EXPECT_EQ(list.kind, YamlNode::Kind::kList);
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.items[0].mark.column, 5);
  EXPECT_EQ(list.items[1].Find("c")->kind, YamlNode::Kind::kNull);
  EXPECT_EQ(root.Find("b")->scalar, "1") << "the first of two";
  EXPECT_EQ(root.Find("d"), nullptr);
  EXPECT_EQ(list.Find("x"), nullptr);
}

TEST(Yaml, AnEmptyTextIsNull) { EXPECT_EQ(Good("").kind, YamlNode::Kind::kNull); }

TEST(Yaml, LimitsHoldBeforeAnythingIsBuilt) {
  EXPECT_THAT(ProblemOf(std::string(1001, ' ')), HasSubstr("0:0 the document has 1001 bytes; expected at most 1000"));
  EXPECT_EQ(ProblemOf("[[[[[1]]]]]"), "1:5 nested deeper than 4 levels");
  EXPECT_EQ(Good("[[[[1]]]]").items.size(), 1u);
  std::string wide = "[";
  for (int i = 0; i < 49; ++i) {
    wide += "1,";
  }
  EXPECT_EQ(Good(wide + "]").items.size(), 49u);
  EXPECT_EQ(ProblemOf(wide + "1]"), "1:100 more than 50 values");
}

TEST(Yaml, AliasesAnchorsAndTagsAreRefused) {
  EXPECT_THAT(ProblemOf("a: &x [1]\nb: *x"), HasSubstr("1:4 anchors"));
  EXPECT_THAT(ProblemOf("a: &x\nb: 1"), HasSubstr("anchors"));
  EXPECT_THAT(ProblemOf("a: &x {b: 1}"), HasSubstr("1:4 anchors"));
  EXPECT_THAT(ProblemOf("a: *x"), HasSubstr("1:"));
  EXPECT_THAT(ProblemOf("a: !!int 1"), HasSubstr("1:4 tags"));
  EXPECT_THAT(ProblemOf("a: !t [1]"), HasSubstr("1:4 tags"));
  EXPECT_EQ(Good("a: 'quoted'").Find("a")->scalar, "quoted");
}

TEST(Yaml, WhatIsNotOneDocumentIsRefused) {
  EXPECT_THAT(ProblemOf("a: [1"), HasSubstr("1:"));
  EXPECT_THAT(ProblemOf("? [a]\n: 1"), HasSubstr("1:3 a map or list cannot be a field's name"));
  EXPECT_THAT(ProblemOf("a: 1\n---\nb: 2"), HasSubstr("more than one document"));
}

}  // namespace
}  // namespace normlab
