// Holds for fields and experiments added later: it looks at every field of every experiment by reflection.
#include <gtest/gtest.h>

#include <algorithm>

#include "proto/config_fields.h"
#include "proto/field.h"
#include "proto/rules.h"
#include "proto/spec.h"
#include "proto/spec_text.h"
#include "tests/proto/violations.h"

namespace normlab {
namespace {

using google::protobuf::FieldDescriptor;
using testing::IsEmpty;
using testing::Not;

// Every field of JobSpec and of each experiment's configuration, those of inlined messages among them.
std::vector<ConfigField> AllFields() {
  std::vector<ConfigField> fields;
  const auto& spec = *v1::JobSpec::descriptor();
  for (int i = 0; i < spec.field_count(); ++i) {
    const auto* type = spec.field(i)->message_type();
    const std::vector<ConfigField> more = type == nullptr ? std::vector<ConfigField>{{spec.field(i)}} : FieldsOf(*type);
    fields.insert(fields.end(), more.begin(), more.end());
  }
  return fields;
}

TEST(Catalog, EveryFieldIsAnOptionalScalarWithDefaultAndMeaning) {
  for (const ConfigField& field : AllFields()) {
    SCOPED_TRACE(field.field->full_name());
    EXPECT_TRUE(field.field->has_optional_keyword());
    EXPECT_FALSE(field.field->is_repeated());
    EXPECT_NE(field.field->cpp_type(), FieldDescriptor::CPPTYPE_STRING);
    EXPECT_NE(field.field->cpp_type(), FieldDescriptor::CPPTYPE_FLOAT);
    EXPECT_FALSE(field.is_message());
    EXPECT_THAT(field.default_value(), Not(IsEmpty()));
    EXPECT_THAT(field::Meta(*field.field).meaning(), Not(IsEmpty()));
  }
}

TEST(Catalog, DefaultsParseAndLieInRange) {
  for (const ConfigField& field : AllFields()) {
    SCOPED_TRACE(field.field->full_name());
    const auto* type =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(field.field->containing_type());
    const std::unique_ptr<google::protobuf::Message> message(type->New());
    EXPECT_EQ(field::SetFromText(*message, *field.field, field.default_value()), "");
    EXPECT_EQ(field::Check(*message, *field.field), "");
  }
}

// What a configuration says of an inlined message's fields is of one that there is, and an old number is nobody else's.
TEST(Catalog, WhatIsSaidOfInlinedFieldsFits) {
  const auto& spec = *v1::JobSpec::descriptor();
  for (int i = 0; i < spec.field_count(); ++i) {
    for (int f = 0; spec.field(i)->message_type() != nullptr && f < spec.field(i)->message_type()->field_count(); ++f) {
      const FieldDescriptor& field = *spec.field(i)->message_type()->field(f);
      for (const v1::InlinedField& here : field::Meta(field).here()) {
        SCOPED_TRACE(field.full_name() + "." + here.name());
        EXPECT_TRUE(field::Meta(field).inlined());
        EXPECT_NE(field.message_type()->FindFieldByName(here.name()), nullptr);
        EXPECT_TRUE(here.was() == 0 || spec.field(i)->message_type()->IsReservedNumber(here.was()));
      }
    }
  }
}

TEST(Catalog, NumbersHaveBoundsOnBothSidesThatTheTypeHolds) {
  for (const ConfigField& configured : AllFields()) {
    const FieldDescriptor* field = configured.field;
    SCOPED_TRACE(field->full_name());
    const v1::FieldMeta& meta = field::Meta(*field);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL || field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      EXPECT_EQ(field::RangeText(*field), "");
      continue;
    }
    EXPECT_NE(meta.has_min(), meta.has_above());
    EXPECT_NE(meta.has_max(), meta.has_below());
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
      EXPECT_LE(meta.max(), 2147483647.0);
    }
  }
}

TEST(Catalog, EveryChoiceHasAMeaningAndAShortNameThatIsReadBack) {
  for (const ConfigField& configured : AllFields()) {
    const FieldDescriptor* field = configured.field;
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_ENUM) {
      continue;
    }
    SCOPED_TRACE(field->full_name());
    const std::string zero = field->enum_type()->FindValueByNumber(0)->name();
    const std::string prefix = zero.substr(0, zero.find("UNSPECIFIED"));
    EXPECT_EQ(zero, prefix + "UNSPECIFIED");
    for (const auto* value : field::Choices(*field->enum_type())) {
      EXPECT_EQ(value->name().rfind(prefix, 0), 0u) << value->name();
      EXPECT_THAT(value->options().GetExtension(v1::value_meaning), Not(IsEmpty())) << value->name();
    }
  }
}

TEST(Catalog, ListsEveryExperimentWithEveryField) {
  const std::vector<ExperimentInfo> experiments = Experiments();
  std::size_t fields = 1;  // the seed
  for (const ExperimentInfo& experiment : experiments) {
    EXPECT_THAT(experiment.summary, Not(IsEmpty())) << experiment.name;
    fields += experiment.fields.size();
  }
  EXPECT_EQ(fields, AllFields().size());
}

TEST(Catalog, DescribesAFieldForPeople) {
  const ExperimentInfo mnist = Experiments().at(0);
  EXPECT_EQ(mnist.name, "mnist_mlp");
  const FieldInfo& norm = mnist.fields.at(1);
  EXPECT_EQ(norm.name, "norm");
  EXPECT_EQ(norm.type, "choice");
  EXPECT_EQ(norm.default_value, "none");
  EXPECT_EQ(norm.choices.size(), 5u);
  EXPECT_EQ(norm.choices.at(2).name, "layer");
  const FieldInfo& batch_size = mnist.fields.at(2);
  EXPECT_EQ(batch_size.type, "int");
  EXPECT_EQ(batch_size.range, ">= 1 and <= 55000");
  EXPECT_EQ(batch_size.unit, "examples");
  const auto called = [](const ExperimentInfo& info, std::string_view name) {
    return *std::find_if(info.fields.begin(), info.fields.end(), [&](const auto& field) { return field.name == name; });
  };
  EXPECT_EQ(called(mnist, "norm_eps").type, "number");
  EXPECT_EQ(called(mnist, "batch_norm_logits").type, "bool");
  // An inlined field, with the message's default and with the experiment's own.
  EXPECT_EQ(called(mnist, "clip_norm").default_value, "0");
  EXPECT_EQ(called(Experiments().at(1), "clip_norm").default_value, "10");
}

TEST(Catalog, EveryExperimentsDefaultsFormAGoodSpec) {
  for (const ExperimentInfo& experiment : Experiments()) {
    std::vector<FieldViolation> violations;
    const v1::JobSpec resolved = ResolveSpec(SpecFromPairs(experiment.name, {}, violations), violations);
    CheckRules(resolved, violations);
    EXPECT_THAT(violations, IsEmpty()) << experiment.name;
  }
}

}  // namespace
}  // namespace normlab
