#include "results/judging/products.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace normlab::judging {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// sets and a section under `of`, in one document.
struct Document {
  explicit Document(const std::string& text) : problems("a.yaml") {
    YamlProblem problem;
    root = ParseYaml(text, {.bytes = 1 << 20}, problem);
    EXPECT_TRUE(root) << problem.text;
    products.emplace(root->Find("sets"), "sets", problems);
  }
  std::vector<Entry> Names() { return products->Names(root->Find("of"), "of"); }
  std::vector<Entry> Items() { return products->Items(root->Find("of"), "of"); }
  std::string Error() const { return Message(problems.ToStatus()); }

  Problems problems;
  std::optional<YamlNode> root;
  std::optional<Products> products;
};

std::vector<std::string> NamesOf(const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) {
    names.push_back(entry.name);
  }
  return names;
}

constexpr char kSets[] = "sets: {norm: {batch: {label: BN}, layer: {label: LN}}, size: [4, 128]}\n";

TEST(Products, TheFirstSetChangesSlowest) {
  Document document(kSets +
                    std::string("of: {\"{norm}_{size}\": {each: [size, norm], label: \"{norm.label}, {size}\"}}"));
  const auto entries = document.Names();
  EXPECT_EQ(document.Error(), "");
  EXPECT_THAT(NamesOf(entries), ElementsAre("batch_4", "layer_4", "batch_128", "layer_128"));
  EXPECT_EQ(entries[3].value.Find("label")->scalar, "LN, 128");
  EXPECT_EQ(entries[3].value.Find("each"), nullptr);
  EXPECT_EQ(entries[3].chosen.at("norm")->id, "layer");
}

TEST(Products, TextsAreFilledAtEveryDepthAndPlacesKept) {
  Document document(kSets +
                    std::string("of:\n- {each: [norm], a: {\"{norm}\": [\"x{norm}y{norm}\"]}}\n- {a: \"{norm}\"}"));
  const auto entries = document.Items();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].value.Find("a")->Find("batch")->items[0].scalar, "xbatchybatch");
  EXPECT_EQ(entries[1].mark.line, 3);
  EXPECT_EQ(entries[2].value.Find("a")->scalar, "{norm}") << "an entry without each is as it stands";
}

std::string ErrorOf(const std::string& section) {
  Document document(kSets + section);
  document.Names();
  return document.Error();
}

TEST(Products, WhatIsNotKnownNamesTheNearest) {
  EXPECT_EQ(ErrorOf("of: {a: {each: [nrom]}}"),
            "a.yaml:2:17: of.a.each is nrom; expected one of the sets: norm, size; did you mean norm?");
  EXPECT_EQ(
      ErrorOf("of: {\"{norm.lable}\": {each: [norm]}}").substr(0, 107),
      "a.yaml:2:6: of.{norm.lable}: {norm.lable} is not known here; expected one of norm, norm.label; did you mean");
  EXPECT_THAT(ErrorOf("of: {a: {each: [norm], b: \"{size}\"}}"), HasSubstr("{size} is not known here"));
  EXPECT_THAT(ErrorOf("of: {\"{norm\": {each: [norm]}}"), HasSubstr("is not known here"));
}

TEST(Products, WrongShapes) {
  EXPECT_THAT(ErrorOf("of: {a: {each: norm}}"), HasSubstr("of.a.each is expected to be a list of sets"));
  EXPECT_THAT(ErrorOf("of: {a: {each: [norm, norm]}}"), HasSubstr("of.a.each names norm twice"));
  EXPECT_THAT(ErrorOf("of: {a: {each: []}}"), HasSubstr("expected to be a list of sets"));
  EXPECT_THAT(ErrorOf("of: [1]"), HasSubstr("of is expected to be a mapping of names"));
  EXPECT_THAT(ErrorOf("of: {}"), HasSubstr("with at least one"));
  EXPECT_THAT(ErrorOf("of: {a: {each: [norm]}}"), HasSubstr("of.a is given twice"));
  EXPECT_THAT(ErrorOf("of: {\"{norm.label}\": {each: [norm]}}"), HasSubstr("a name here is made of"));
  Document list(kSets + std::string("of: {a: 1}"));
  list.Items();
  EXPECT_THAT(list.Error(), HasSubstr("of is expected to be a list"));
  EXPECT_THAT(Document("sets: {a: {b: {c: [1]}}}").Error(), HasSubstr("sets.a.b.c is expected to be a single value"));
  EXPECT_THAT(Document("sets: {a: [[1]]}").Error(), HasSubstr("sets.a is expected to hold single values"));
  EXPECT_THAT(Document("sets: {a: 1}").Error(), HasSubstr("sets.a is expected to be a mapping of names"));
}

TEST(Products, AreBounded) {
  std::string set = "[";
  for (int i = 0; i < 50; ++i) {
    set += std::to_string(i) + ",";
  }
  const auto error = [&](const std::string& section) {
    Document document("sets: {a: " + set + "], b: " + set + "]}\n" + section);
    document.Items();
    return document.Error();
  };
  EXPECT_EQ(error("of: [{each: [a], b: \"{a}\"}]"), "");
  EXPECT_THAT(error("of: [{each: [a, b]}]"), HasSubstr("makes more than 2000 entries"));
  std::string wide = "of: [{each: [a], b: [";
  for (int i = 0; i < 3000; ++i) {
    wide += "1,";
  }
  EXPECT_THAT(error(wide + "]}]"), HasSubstr("products of more than 100000 values"));
  std::string longer = "of: [{each: [a], b: \"";
  for (int i = 0; i < 100; ++i) {
    longer += "{a}" + std::string(100, 'x');
  }
  EXPECT_THAT(error(longer + "\"}]"), HasSubstr("becomes longer than 4096 bytes"));
}

}  // namespace
}  // namespace normlab::judging
