#include "proto/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/numerics.h"
#include "base/sha256.h"
#include "proto/field.h"

namespace normlab {
namespace {

using google::protobuf::FieldDescriptor;
using ProtoMessage = google::protobuf::Message;

const google::protobuf::OneofDescriptor& ExperimentOneof() {
  return *v1::JobSpec::descriptor()->FindOneofByName("experiment");
}

// The set member of the oneof; nullptr if none is.
const FieldDescriptor* SetExperiment(const v1::JobSpec& spec) {
  return spec.GetReflection()->GetOneofFieldDescriptor(spec, &ExperimentOneof());
}

void CheckUnknown(const ProtoMessage& message, const std::string& path, std::vector<FieldViolation>& violations) {
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    violations.push_back({path, fmt::format("has field number {}, which is not known here; expected fields of this "
                                            "version (is the client newer than the server?)",
                                            unknown.field(i).number())});
  }
}

// Fills in defaults and checks what is set. `prefix` is "" or "mnist_mlp.".
void ResolveFields(ProtoMessage& message, const std::string& prefix, std::vector<FieldViolation>& violations) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    }
    if (!message.GetReflection()->HasField(message, &field)) {
      field::SetFromText(message, field, field::Meta(field).default_value());
    } else if (std::string problem = field::Check(message, field); !problem.empty()) {
      violations.push_back({prefix + field.name(), std::move(problem)});
    }
    field::Normalize(message, field);
  }
}

// A field that was added later, as it was before there was one.
bool IsAsBefore(const ProtoMessage& message, const FieldDescriptor& field) {
  const v1::FieldMeta& meta = field::Meta(field);
  if (!meta.added()) {
    return false;
  }
  const std::unique_ptr<ProtoMessage> before(message.New());
  field::SetFromText(*before, field, meta.default_value());
  return field::CanonicalText(message, field) == field::CanonicalText(*before, field);
}

// Appends "path=value" lines of the scalar fields that are set, by field number.
void AppendCanonical(const ProtoMessage& message, const std::string& prefix, std::string& text) {
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE && message.GetReflection()->HasField(message, &field)) {
      fields.push_back(&field);
    }
  }
  std::sort(fields.begin(), fields.end(), [](auto* a, auto* b) { return a->number() < b->number(); });
  for (const FieldDescriptor* field : fields) {
    if (!IsAsBefore(message, *field)) {
      text += fmt::format("{}{}={}\n", prefix, field->name(), field::CanonicalText(message, *field));
    }
  }
}

FieldInfo Describe(const FieldDescriptor& field) {
  const v1::FieldMeta& meta = field::Meta(field);
  FieldInfo info{.name = field.name(),
                 .type = field::TypeName(field),
                 .default_value = meta.default_value(),
                 .range = field::RangeText(field),
                 .unit = meta.unit(),
                 .meaning = meta.meaning(),
                 .choices = {}};
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    for (const auto* value : field::Choices(*field.enum_type())) {
      info.choices.push_back({field::ChoiceName(*value), value->options().GetExtension(v1::value_meaning)});
    }
  }
  return info;
}

}  // namespace

v1::JobSpec ResolveSpec(const v1::JobSpec& spec, std::vector<FieldViolation>& violations) {
  v1::JobSpec resolved = spec;
  CheckUnknown(resolved, "experiment", violations);
  ResolveFields(resolved, "", violations);
  const FieldDescriptor* experiment = SetExperiment(resolved);
  if (experiment == nullptr) {
    std::vector<std::string> names;
    for (const ExperimentInfo& info : Experiments()) {
      names.push_back(info.name);
    }
    violations.push_back({"experiment", fmt::format("is missing; expected one of {}", fmt::join(names, ", "))});
    return resolved;
  }
  ProtoMessage& config = *resolved.GetReflection()->MutableMessage(&resolved, experiment);
  CheckUnknown(config, experiment->name(), violations);
  ResolveFields(config, experiment->name() + ".", violations);
  return resolved;
}

absl::Status ViolationsToStatus(const std::vector<FieldViolation>& violations) {
  if (violations.empty()) {
    return absl::OkStatus();
  }
  std::vector<std::string> lines;
  for (const FieldViolation& v : violations) {
    lines.push_back(v.path.empty() ? v.description : fmt::format("{} {}", v.path, v.description));
  }
  return absl::InvalidArgumentError(fmt::format("{}", fmt::join(lines, "\n")));
}

std::string ExperimentName(const v1::JobSpec& spec) {
  const FieldDescriptor* experiment = SetExperiment(spec);
  return experiment == nullptr ? "" : experiment->name();
}

std::string DatasetName(const v1::JobSpec& resolved) {
  const FieldDescriptor* experiment = SetExperiment(resolved);
  if (experiment == nullptr) {
    return "";
  }
  const ProtoMessage& config = resolved.GetReflection()->GetMessage(resolved, experiment);
  for (int i = 0; i < config.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *config.GetDescriptor()->field(i);
    if (field::Meta(field).dataset()) {
      return field::ValueText(config, field);
    }
  }
  return "";
}

Revisions RevisionsOf(const v1::JobSpec& spec) {
  const FieldDescriptor* experiment = SetExperiment(spec);
  return {kNumericsRevision,
          experiment == nullptr ? 0 : experiment->message_type()->options().GetExtension(v1::experiment).revision()};
}

std::string Identity(const v1::JobSpec& resolved, std::string_view dataset_sha256, Revisions revisions) {
  std::string text = fmt::format("normlab job identity 2\nnumerics_revision={}\nmodel_revision={}\n",
                                 revisions.numerics, revisions.model);
  AppendCanonical(resolved, "", text);
  if (const FieldDescriptor* experiment = SetExperiment(resolved)) {
    AppendCanonical(resolved.GetReflection()->GetMessage(resolved, experiment), experiment->name() + ".", text);
  }
  text += fmt::format("dataset_sha256={}\n", dataset_sha256);
  return Sha256Hex(text);
}

std::string Identity(const v1::JobSpec& resolved, std::string_view dataset_sha256) {
  return Identity(resolved, dataset_sha256, RevisionsOf(resolved));
}

std::vector<ExperimentInfo> Experiments() {
  std::vector<ExperimentInfo> experiments;
  for (int i = 0; i < ExperimentOneof().field_count(); ++i) {
    const FieldDescriptor& member = *ExperimentOneof().field(i);
    const auto& type = *member.message_type();
    ExperimentInfo info{
        .name = member.name(), .summary = type.options().GetExtension(v1::experiment).summary(), .fields = {}};
    for (int f = 0; f < type.field_count(); ++f) {
      info.fields.push_back(Describe(*type.field(f)));
    }
    experiments.push_back(std::move(info));
  }
  return experiments;
}

}  // namespace normlab
