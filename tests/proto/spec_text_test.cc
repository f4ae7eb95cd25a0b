#include "proto/spec_text.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/proto/violations.h"

namespace normlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<FieldViolation> Violations(std::string_view text) {
  std::vector<FieldViolation> violations;
  ParseSpec(text, violations);
  return violations;
}

v1::JobSpec Good(std::string_view text) {
  std::vector<FieldViolation> violations;
  v1::JobSpec spec = ParseSpec(text, violations);
  EXPECT_THAT(violations, IsEmpty());
  return spec;
}

TEST(ParseSpec, ReadsYamlAndJsonAlike) {
  const v1::JobSpec yaml = Good("# LN\nseed: 3\nmnist_mlp:\n  norm: layer\n  batch_size: 4\n  learning_rate: 1e-3\n");
  EXPECT_EQ(yaml.seed(), 3u);
  EXPECT_EQ(yaml.mnist_mlp().norm(), v1::NORM_KIND_LAYER);
  EXPECT_EQ(yaml.mnist_mlp().batch_size(), 4);
  EXPECT_EQ(yaml.mnist_mlp().optimization().learning_rate(), 1e-3);
  EXPECT_FALSE(yaml.mnist_mlp().optimization().has_beta1());
  const v1::JobSpec json = Good(
      "{\n\t\"seed\": \"3\",\n\t\"mnistMlp\": {\"norm\": \"NORM_KIND_LAYER\", \"batchSize\": 4.0, \"learningRate\": "
      "0.001}\n}\n");
  EXPECT_EQ(json.SerializeAsString(), yaml.SerializeAsString());
}

TEST(ParseSpec, AnExperimentAloneTakesItsDefaults) {
  EXPECT_TRUE(Good("mnist_mlp:\n").has_mnist_mlp());
  EXPECT_TRUE(Good("mnist_mlp: {}\n").has_mnist_mlp());
  EXPECT_TRUE(Good("mnist_mlp: null\n").has_mnist_mlp());
}

TEST(ParseSpec, ReportsEveryWrongFieldAtOnce) {
  EXPECT_THAT(
      Violations("seed: -1\n"
                 "mnist_mlp:\n"
                 "  batchsize: 4\n"
                 "  norm: layr\n"
                 "  optimizer: [adam]\n"
                 "  learning_rate: .nan\n"
                 "  beta1: -.inf\n"
                 "  beta2: inf\n"
                 "  batch_norm_logits: yes\n"
                 "  passes: 1.5\n"
                 "  hidden_units: many\n"
                 "  init:\n"
                 "  momentum: 1e999\n"
                 "  train_images: 4294967297\n"
                 "  zzzzzz: 1\n"
                 "  norm_eps: 0.1\n"
                 "  normEps: 0.2\n"),
      UnorderedElementsAre(
          Violation("seed", "is -1; expected an integer >= 0 and <= 9007199254740992 (line 1, column 7)"),
          Violation("mnist_mlp.batchsize", "is not a field; did you mean batch_size? (line 3, column 3)"),
          Violation("mnist_mlp.norm",
                    "is layr; expected one of none, batch, layer, weight, rms; did you mean layer? (line 4, column 9)"),
          Violation("mnist_mlp.optimizer",
                    "is a list; expected one of adam, sgd, adamw, rmsprop, rmsprop_graves (line 5, column 14)"),
          Violation("mnist_mlp.learning_rate", "is .nan; expected a finite number > 0 and <= 1000 (line 6, column 18)"),
          Violation("mnist_mlp.beta1", "is -.inf; expected a finite number >= 0 and < 1 (line 7, column 10)"),
          Violation("mnist_mlp.beta2", "is inf; expected a finite number >= 0 and < 1 (line 8, column 10)"),
          Violation("mnist_mlp.batch_norm_logits", "is yes; expected true or false (line 9, column 22)"),
          Violation("mnist_mlp.passes", "is 1.5; expected an integer >= 1 and <= 10000 (passes) (line 10, column 11)"),
          Violation("mnist_mlp.hidden_units",
                    "is many; expected an integer >= 1 and <= 65536 (units) (line 11, column 17)"),
          ViolationStarting("mnist_mlp.init", "is empty; expected one of glorot_uniform"),
          Violation("mnist_mlp.momentum", "is 1e999; expected a finite number >= 0 and < 1 (line 13, column 13)"),
          Violation("mnist_mlp.train_images",
                    "is 4294967297; expected an integer >= 1 and <= 55000 (examples) (line 14, column 17)"),
          ViolationStarting("mnist_mlp.zzzzzz", "is not a field; expected dataset, norm, batch_size"),
          Violation("mnist_mlp.norm_eps", "is given twice; expected once (line 17, column 3)")));
}

TEST(ParseSpec, ParsingAndResolvingReportIntoOneListWithoutRepeating) {
  std::vector<FieldViolation> violations;
  ResolveSpec(ParseSpec("mnist_mlp: {batch_size: 0, passes: 1.5}", violations), violations);
  EXPECT_THAT(violations, ElementsAre(ViolationStarting("mnist_mlp.passes", "is 1.5"),
                                      ViolationStarting("mnist_mlp.batch_size", "is 0")));
}

TEST(ParseSpec, SeedTooLargeNegativeOrFractional) {
  EXPECT_THAT(Violations("seed: 99999999999999999999999"), ElementsAre(ViolationStarting("seed", "is 9999999999")));
  EXPECT_THAT(Violations("seed: 0.5"), ElementsAre(ViolationStarting("seed", "is 0.5; expected an integer")));
  EXPECT_THAT(Violations("seed: true"), ElementsAre(ViolationStarting("seed", "is true; expected an integer")));
  EXPECT_THAT(Violations("seed: {a: 1}"), ElementsAre(ViolationStarting("seed", "is a map; expected an integer")));
}

TEST(ParseSpec, MisspeltAndWrongExperiments) {
  EXPECT_THAT(Violations("mnist_mpl: {}"),
              ElementsAre(Violation("mnist_mpl", "is not a field; did you mean mnist_mlp? (line 1, column 1)")));
  EXPECT_THAT(Violations("mnist_mlp: 3"), ElementsAre(ViolationStarting("mnist_mlp", "is a value; expected fields")));
  EXPECT_THAT(Violations("mnist_mlp: {}\nmnistMlp: {}"), ElementsAre(ViolationStarting("mnist_mlp", "is given twice")));
}

TEST(ParseSpec, MalformedDocumentsNameLineAndColumn) {
  EXPECT_THAT(Violations("seed: 1\nmnist_mlp: {norm: layer\n"),
              ElementsAre(ViolationStarting("", "line 3, column 1: ")));
  EXPECT_THAT(Violations("seed: 1\n  bad: 2\n"), ElementsAre(ViolationStarting("", "line 2, column 6: ")));
  EXPECT_THAT(Violations("a: 'open"), ElementsAre(ViolationStarting("", "line 1, column 9: ")));
  EXPECT_THAT(Violations("? [a]\n: 1\n"), ElementsAre(ViolationStarting("", "line 1, column 3: a map or list")));
}

TEST(ParseSpec, DocumentsThatAreNotAMap) {
  EXPECT_THAT(Violations(""), ElementsAre(ViolationStarting("", "the document is empty")));
  EXPECT_THAT(Violations("[1, 2]"), ElementsAre(ViolationStarting("", "the document is a list")));
  EXPECT_THAT(Violations("hello"), ElementsAre(ViolationStarting("", "the document is a value")));
  EXPECT_THAT(Violations("seed: 1\n---\nseed: 2\n"),
              ElementsAre(ViolationStarting("", "the text holds more than one")));
}

TEST(ParseSpec, AliasesAnchorsDepthAndSizeAreRefused) {
  EXPECT_THAT(Violations("seed: &a 1\n"), ElementsAre(ViolationStarting("", "line 1, column 7: anchors")));
  EXPECT_THAT(Violations("a: &x {b: *x}"), ElementsAre(ViolationStarting("", "line 1, column 4: anchors")));
  EXPECT_THAT(Violations(std::string(17, '[') + std::string(17, ']')),
              ElementsAre(ViolationStarting("", "line 1, column 17: nested deeper than 16")));
  EXPECT_THAT(Violations(std::string(60000, '[')), ElementsAre(ViolationStarting("", "line 1, column ")));
  EXPECT_THAT(Violations(std::string(60000, '{')), ElementsAre(ViolationStarting("", "line 1, column ")));
  EXPECT_THAT(Violations(std::string(70000, ' ')),
              ElementsAre(ViolationStarting("", "the document has 70000 bytes; expected at most 65536")));
}

TEST(ParseSpec, HostileTextIsShownEscaped) {
  EXPECT_THAT(Violations("\"mn\\x00ist\\e[31m\\u202e\": 1"),
              ElementsAre(ViolationStarting("mn\\x00ist\\x1b[31m\\xe2\\x80\\xae", "is not a field")));
  EXPECT_THAT(
      Violations("seed: " + std::string(5000, 'x')),
      ElementsAre(Violation("seed", "is " + std::string(40, 'x') +
                                        "...; expected an integer >= 0 and <= 9007199254740992 (line 1, column 7)")));
}

// Every prefix and every one-byte change of a good document is either read or refused, never worse.
TEST(ParseSpec, DamagedDocumentsAreReadOrRefused) {
  const std::string good = "seed: 3\nmnist_mlp: {norm: layer, \"batch_size\": 4, learning_rate: 1e-3}\n";
  for (std::size_t i = 0; i < good.size(); ++i) {
    Violations(good.substr(0, i));
    for (int c = 0; c < 256; ++c) {
      std::string damaged = good;
      damaged[i] = static_cast<char>(c);
      Violations(damaged);
    }
  }
}

TEST(SpecFromPairs, TakesDashesAndUnderscores) {
  std::vector<FieldViolation> violations;
  const v1::JobSpec spec = SpecFromPairs(
      "mnist-mlp", {{"batch-size", "4"}, {"norm", "layer"}, {"learning_rate", "0.5"}, {"seed", "7"}}, violations);
  EXPECT_THAT(violations, IsEmpty());
  EXPECT_EQ(spec.seed(), 7u);
  EXPECT_EQ(spec.mnist_mlp().batch_size(), 4);
  EXPECT_EQ(spec.mnist_mlp().norm(), v1::NORM_KIND_LAYER);
  EXPECT_EQ(spec.mnist_mlp().optimization().learning_rate(), 0.5);
}

TEST(SpecFromPairs, ReportsEveryWrongPairAtOnce) {
  std::vector<FieldViolation> violations;
  SpecFromPairs("mnist_mlp", {{"batch-sise", "4"}, {"norm", ""}, {"seed", "x"}, {"passes", "2"}, {"passes", "2"}},
                violations);
  EXPECT_THAT(violations, ElementsAre(Violation("mnist_mlp.batch-sise", "is not a field; did you mean batch_size?"),
                                      ViolationStarting("mnist_mlp.norm", "is empty; expected one of"),
                                      ViolationStarting("seed", "is x; expected an integer"),
                                      Violation("mnist_mlp.passes", "is given twice; expected once")));
  violations.clear();
  SpecFromPairs("mnist_mpl", {}, violations);
  EXPECT_THAT(violations, ElementsAre(ViolationStarting("experiment", "is mnist_mpl; expected one of mnist_mlp")));
  EXPECT_THAT(violations[0].description, HasSubstr("did you mean mnist_mlp?"));
}

TEST(SummarizeSpec, NamesWhatDiffersFromTheDefaults) {
  std::vector<FieldViolation> violations;
  const auto summary = [&violations](std::string_view text) {
    return SummarizeSpec(ResolveSpec(ParseSpec(text, violations), violations));
  };
  EXPECT_EQ(summary("{seed: 3, mnist_mlp: {batch_size: 4, norm: layer, learning_rate: 0.001}}"),
            "norm=layer batch_size=4 seed=3");
  EXPECT_EQ(summary("mnist_mlp: {}"), "");
  EXPECT_THAT(violations, IsEmpty());
}

TEST(SpecToYaml, IsReadBackBitByBit) {
  std::vector<FieldViolation> violations;
  const v1::JobSpec partial =
      Good("{seed: 9007199254740992, mnist_mlp: {norm: rms, learning_rate: 0.1, batch_norm_logits: false}}");
  for (const v1::JobSpec& spec : {partial, ResolveSpec(partial, violations), Good("seed: 4"), Good("mnist_mlp: {}")}) {
    EXPECT_EQ(Good(SpecToYaml(spec)).SerializeAsString(), spec.SerializeAsString()) << SpecToYaml(spec);
  }
  v1::JobSpec odd = partial;
  odd.mutable_mnist_mlp()->mutable_optimization()->set_learning_rate(0.1 + 0.2);
  odd.mutable_mnist_mlp()->mutable_optimization()->set_adam_eps(5e-324);
  EXPECT_EQ(Good(SpecToYaml(odd)).SerializeAsString(), odd.SerializeAsString());
  EXPECT_EQ(SpecToYaml(Good("{seed: 3, mnist_mlp: {norm: layer}}")), "seed: 3\nmnist_mlp:\n  norm: layer\n");
}

TEST(Nearest, FindsMisspellingsOnly) {
  const std::vector<std::string> names = {"norm", "norm_eps", "batch_size", "train_images"};
  EXPECT_EQ(Nearest("nrom", names), "norm");
  EXPECT_EQ(Nearest("BatchSize", names), "batch_size");
  EXPECT_EQ(Nearest("batch-size", names), "batch_size");
  EXPECT_EQ(Nearest("trian_images", names), "train_images");
  EXPECT_EQ(Nearest("temperature", names), "");
  EXPECT_EQ(Nearest("", names), "");
  EXPECT_EQ(Nearest(std::string(1 << 20, 'x'), names), "");
}

}  // namespace
}  // namespace normlab
