#include "proto/spec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "proto/config_fields.h"
#include "proto/field.h"
#include "proto/rules.h"
#include "proto/spec_text.h"
#include "tests/proto/violations.h"

namespace normlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

v1::JobSpec Defaults() {
  v1::JobSpec spec;
  spec.mutable_mnist_mlp();
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations);
}

std::vector<FieldViolation> Violations(const v1::JobSpec& spec) {
  std::vector<FieldViolation> violations;
  ResolveSpec(spec, violations);
  return violations;
}

TEST(ResolveSpec, FillsEveryFieldWithItsDefault) {
  const v1::JobSpec spec = Defaults();
  const v1::MnistMlpConfig& config = spec.mnist_mlp();
  EXPECT_EQ(spec.seed(), 1u);
  EXPECT_EQ(config.norm(), v1::NORM_KIND_NONE);
  EXPECT_EQ(config.batch_size(), 128);
  EXPECT_EQ(config.optimization().learning_rate(), 1e-3);
  EXPECT_EQ(config.dataset(), v1::MNIST_DATASET_MNIST);
  EXPECT_TRUE(config.batch_norm_logits());
  for (int i = 0; i < config.GetDescriptor()->field_count(); ++i) {
    EXPECT_TRUE(config.GetReflection()->HasField(config, config.GetDescriptor()->field(i)))
        << config.GetDescriptor()->field(i)->name();
  }
}

TEST(ResolveSpec, KeepsWhatIsSetEvenWhereItIsZero) {
  v1::JobSpec spec;
  spec.set_seed(0);
  spec.mutable_mnist_mlp()->set_batch_norm_logits(false);
  spec.mutable_mnist_mlp()->mutable_optimization()->set_beta1(0);
  std::vector<FieldViolation> violations;
  const v1::JobSpec resolved = ResolveSpec(spec, violations);
  EXPECT_THAT(violations, IsEmpty());
  EXPECT_EQ(resolved.seed(), 0u);
  EXPECT_FALSE(resolved.mnist_mlp().batch_norm_logits());
  EXPECT_EQ(resolved.mnist_mlp().optimization().beta1(), 0);
}

TEST(ResolveSpec, IsIdempotent) {
  const v1::JobSpec once = Defaults();
  std::vector<FieldViolation> violations;
  EXPECT_EQ(ResolveSpec(once, violations).SerializeAsString(), once.SerializeAsString());
}

TEST(ResolveSpec, ReportsEveryWrongFieldAtOnce) {
  v1::JobSpec spec;
  spec.set_seed(9007199254740993u);
  v1::MnistMlpConfig& config = *spec.mutable_mnist_mlp();
  config.set_batch_size(0);
  config.set_passes(10001);
  config.mutable_optimization()->set_learning_rate(0);
  config.mutable_optimization()->set_beta1(1);
  config.mutable_optimization()->set_beta2(-0.5);
  config.set_norm_eps(std::nan(""));
  config.mutable_optimization()->set_momentum(std::numeric_limits<double>::infinity());
  config.set_norm(static_cast<v1::NormKind>(77));
  config.set_init(v1::INIT_KIND_UNSPECIFIED);
  EXPECT_THAT(
      Violations(spec),
      UnorderedElementsAre(Violation("seed", "is 9007199254740993; expected an integer >= 0 and <= 9007199254740992"),
                           Violation("mnist_mlp.batch_size", "is 0; expected an integer >= 1 and <= 55000 (examples)"),
                           Violation("mnist_mlp.passes", "is 10001; expected an integer >= 1 and <= 10000 (passes)"),
                           Violation("mnist_mlp.learning_rate", "is 0; expected a finite number > 0 and <= 1000"),
                           Violation("mnist_mlp.beta1", "is 1; expected a finite number >= 0 and < 1"),
                           Violation("mnist_mlp.beta2", "is -0.5; expected a finite number >= 0 and < 1"),
                           Violation("mnist_mlp.norm_eps", "is nan; expected a finite number >= 0 and <= 1"),
                           Violation("mnist_mlp.momentum", "is inf; expected a finite number >= 0 and < 1"),
                           Violation("mnist_mlp.norm", "is 77; expected one of none, batch, layer, weight, rms"),
                           Violation("mnist_mlp.init",
                                     "is unspecified; expected one of glorot_uniform, glorot_normal, he_normal, "
                                     "torch_uniform, small_normal")));
}

TEST(ResolveSpec, AcceptsTheBoundsThemselves) {
  v1::JobSpec spec;
  spec.set_seed(9007199254740992u);
  spec.mutable_mnist_mlp()->set_batch_size(55000);
  spec.mutable_mnist_mlp()->set_passes(1);
  spec.mutable_mnist_mlp()->set_norm_eps(0);
  spec.mutable_mnist_mlp()->mutable_optimization()->set_learning_rate(1000);
  EXPECT_THAT(Violations(spec), IsEmpty());
}

TEST(ResolveSpec, MissingExperimentNamesThoseThereAre) {
  EXPECT_THAT(Violations(v1::JobSpec()),
              ElementsAre(ViolationStarting("experiment", "is missing; expected one of mnist_mlp")));
}

TEST(ResolveSpec, UnknownWireFieldsAreNamed) {
  v1::JobSpec spec;
  ASSERT_TRUE(spec.ParseFromString(std::string("\x98\x06\x07", 3)));  // field 99, varint 7
  spec.mutable_mnist_mlp()->GetReflection()->MutableUnknownFields(spec.mutable_mnist_mlp())->AddVarint(98, 1);
  EXPECT_THAT(Violations(spec), ElementsAre(ViolationStarting("experiment", "has field number 99, which is not known"),
                                            ViolationStarting("mnist_mlp", "has field number 98, which is not known")));
}

TEST(ViolationsToStatus, IsOneLineEach) {
  EXPECT_TRUE(ViolationsToStatus({}).ok());
  const absl::Status status = ViolationsToStatus({{"a.b", "is 0; expected 1"}, {"", "line 1, column 2: bad"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(status), "a.b is 0; expected 1\nline 1, column 2: bad");
}

TEST(Spec, NamesOfExperimentAndDataset) {
  EXPECT_EQ(ExperimentName(v1::JobSpec()), "");
  EXPECT_EQ(DatasetName(v1::JobSpec()), "");
  v1::JobSpec spec = Defaults();
  EXPECT_EQ(ExperimentName(spec), "mnist_mlp");
  EXPECT_EQ(DatasetName(spec), "mnist");
  spec.mutable_mnist_mlp()->set_dataset(v1::MNIST_DATASET_FASHION_MNIST);
  EXPECT_EQ(DatasetName(spec), "fashion_mnist");
}

// If this fails, every stored job has lost its identity: finished runs would be trained again. Change it only together
// with a field of the configuration.
TEST(Identity, IsStableAcrossVersions) {
  EXPECT_EQ(Identity(Defaults(), "abc", {1, 1}), "512a6b4f5bc75a3bccd84d0e42b9578a3c2ff3d4f607e85df00e421864473fb9");
}

TEST(Identity, RevisionsOfEngineAndModelChangeIt) {
  const v1::JobSpec spec = Defaults();
  const Revisions here = RevisionsOf(spec);
  EXPECT_EQ(Identity(spec, "x"), Identity(spec, "x", here));
  EXPECT_NE(Identity(spec, "x"), Identity(spec, "x", {here.numerics + 1, here.model}));
  EXPECT_NE(Identity(spec, "x"), Identity(spec, "x", {here.numerics, here.model + 1}));
}

TEST(Identity, EveryExperimentHasARevision) {
  const auto& experiments = *v1::JobSpec::descriptor()->FindOneofByName("experiment");
  for (int i = 0; i < experiments.field_count(); ++i) {
    v1::JobSpec spec;
    spec.GetReflection()->MutableMessage(&spec, experiments.field(i));
    EXPECT_GE(RevisionsOf(spec).model, 1) << experiments.field(i)->name();
  }
}

TEST(Identity, DoesNotDependOnTheOrderOfFields) {
  std::vector<FieldViolation> violations;
  const v1::JobSpec a = ParseSpec("{seed: 3, mnist_mlp: {norm: layer, batch_size: 4}}", violations);
  const v1::JobSpec b = ParseSpec("{mnist_mlp: {batch_size: 4, norm: layer}, seed: 3}", violations);
  EXPECT_EQ(Identity(ResolveSpec(a, violations), "x"), Identity(ResolveSpec(b, violations), "x"));
  EXPECT_THAT(violations, IsEmpty());
}

TEST(Identity, ASetDefaultIsTheSameRunAsAnUnsetOne) {
  v1::JobSpec spec;
  spec.mutable_mnist_mlp()->set_batch_size(128);
  spec.mutable_mnist_mlp()->mutable_optimization()->set_beta1(0.9);
  std::vector<FieldViolation> violations;
  EXPECT_EQ(Identity(ResolveSpec(spec, violations), "x"), Identity(Defaults(), "x"));
}

TEST(Identity, NegativeZeroIsZero) {
  v1::JobSpec positive, negative;
  positive.mutable_mnist_mlp()->set_norm_eps(0.0);
  negative.mutable_mnist_mlp()->set_norm_eps(-0.0);
  std::vector<FieldViolation> violations;
  EXPECT_EQ(Identity(ResolveSpec(positive, violations), "x"), Identity(ResolveSpec(negative, violations), "x"));
}

// Changes one field at a time, by reflection, so that it covers fields added later.
TEST(Identity, EveryFieldAndTheDataSetChangeIt) {
  const v1::JobSpec base = Defaults();
  std::set<std::string> seen = {Identity(base, "x")};
  EXPECT_TRUE(seen.insert(Identity(base, "y")).second);
  v1::JobSpec other_seed = base;
  other_seed.set_seed(2);
  EXPECT_TRUE(seen.insert(Identity(other_seed, "x")).second);
  for (const ConfigField& configured : FieldsOf(*v1::MnistMlpConfig::descriptor())) {
    v1::JobSpec changed = base;
    google::protobuf::Message& config = configured.HolderIn(*changed.mutable_mnist_mlp());
    const auto& field = *configured.field;
    const auto& reflection = *config.GetReflection();
    switch (field.cpp_type()) {
      case google::protobuf::FieldDescriptor::CPPTYPE_INT32:
        reflection.SetInt32(&config, &field, reflection.GetInt32(config, &field) + 1);
        break;
      case google::protobuf::FieldDescriptor::CPPTYPE_DOUBLE:  // the next double: one bit differs
        reflection.SetDouble(&config, &field, std::nextafter(reflection.GetDouble(config, &field), 2.0));
        break;
      case google::protobuf::FieldDescriptor::CPPTYPE_BOOL:
        reflection.SetBool(&config, &field, !reflection.GetBool(config, &field));
        break;
      case google::protobuf::FieldDescriptor::CPPTYPE_ENUM:
        reflection.SetEnumValue(&config, &field, reflection.GetEnumValue(config, &field) == 1 ? 3 : 1);
        break;
      default:
        FAIL() << "teach this test to change " << field.full_name();
    }
    EXPECT_TRUE(seen.insert(Identity(changed, "x")).second) << field.name();
  }
}

// Bytes of a build in which the optimizer's fields were each experiment's own: the same run, with the same identity.
TEST(Identity, OfAnOlderBuildsSpecIsWhatItWas) {
  const std::string older(
      "\x82\x01\x16"                                   // mnist_mlp: 22 bytes
      "\x30\x02"                                       // optimizer: adam_uncorrected
      "\x39\x7b\x14\xae\x47\xe1\x7a\x84\x3f"           // learning_rate: 0.01
      "\x20\x07\x59\x00\x00\x00\x00\x00\x00\xe0\x3f",  // passes: 7, momentum: 0.5
      25);
  v1::JobSpec spec;
  ASSERT_TRUE(spec.ParseFromString(older));
  std::vector<FieldViolation> violations;
  const v1::JobSpec resolved = ResolveSpec(spec, violations);
  EXPECT_THAT(violations, IsEmpty());
  const v1::OptimizerConfig& optimization = resolved.mnist_mlp().optimization();
  EXPECT_EQ(resolved.mnist_mlp().passes(), 7);
  EXPECT_EQ(optimization.optimizer(), v1::OPTIMIZER_KIND_ADAM);
  EXPECT_FALSE(optimization.adam_bias_correction());
  EXPECT_EQ(optimization.learning_rate(), 0.01);
  EXPECT_EQ(optimization.momentum(), 0.5);
  EXPECT_EQ(Identity(resolved, "x"), Identity(ResolveSpec(SpecFromPairs("mnist_mlp",
                                                                        {{"passes", "7"},
                                                                         {"learning_rate", "0.01"},
                                                                         {"momentum", "0.5"},
                                                                         {"adam_bias_correction", "false"}},
                                                                        violations),
                                                          violations),
                                              "x"));
}

// A number that an older build had, with bytes of another type than its own, is no field of it.
TEST(ResolveSpec, OlderFieldsOfAnotherTypeAreUnknown) {
  v1::JobSpec spec;
  spec.mutable_mnist_mlp()->GetReflection()->MutableUnknownFields(spec.mutable_mnist_mlp())->AddVarint(7, 1);
  EXPECT_THAT(Violations(spec), ElementsAre(ViolationStarting("mnist_mlp", "has field number 7, which is not known")));
}

// What jobs were that were stored before a field was added: the hash is of a build without the four.
TEST(Identity, AFieldThatIsAddedChangesItOnlyBesideItsDefault) {
  v1::JobSpec spec;
  spec.mutable_handwriting();
  std::vector<FieldViolation> violations;
  const v1::JobSpec defaults = ResolveSpec(spec, violations);
  EXPECT_EQ(Identity(defaults, "abc", {1, 1}), "40d86be286b4427fd6b6acce131f90c1761a01714c9200d3606f0a0fcd5090b9");
  std::set<std::string> seen = {Identity(defaults, "x")};
  for (const auto& [field, value] : std::map<std::string, std::string>{
           {"batch_norm_gain", "1"}, {"batch_norm_decay", "0.5"}, {"longest_gap", "4"}, {"most_resampling", "2"}}) {
    v1::JobSpec changed = defaults;
    field::SetFromText(*changed.mutable_handwriting(), *v1::HandwritingConfig::descriptor()->FindFieldByName(field),
                       value);
    EXPECT_TRUE(seen.insert(Identity(changed, "x")).second) << field;
  }
}

TEST(CheckRules, TieFieldsTogether) {
  v1::JobSpec spec = Defaults();
  spec.mutable_mnist_mlp()->set_train_images(100);
  std::vector<FieldViolation> violations;
  CheckRules(spec, violations);
  EXPECT_THAT(violations,
              ElementsAre(Violation("mnist_mlp.batch_size", "is 128; expected at most train_images (100)")));
  violations.clear();
  spec.mutable_mnist_mlp()->set_batch_size(1);
  spec.mutable_mnist_mlp()->set_norm(v1::NORM_KIND_BATCH);
  CheckRules(spec, violations);
  EXPECT_THAT(violations, ElementsAre(ViolationStarting("mnist_mlp.batch_size", "is 1; expected at least 2")));
  violations.clear();
  CheckRules(Defaults(), violations);
  EXPECT_THAT(violations, IsEmpty());
}

}  // namespace
}  // namespace normlab
