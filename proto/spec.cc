#include "proto/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "base/numerics.h"
#include "base/sha256.h"
#include "proto/config_fields.h"
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
  for (const ConfigField& field : FieldsOf(*message.GetDescriptor())) {
    if (field.is_message()) {
      continue;
    }
    ProtoMessage& holder = field.HolderIn(message);
    if (!field.IsSetIn(message)) {
      field::SetFromText(holder, *field.field, field.default_value());
    } else if (std::string problem = field::Check(holder, *field.field); !problem.empty()) {
      violations.push_back({prefix + field.name(), std::move(problem)});
    }
    field::Normalize(holder, *field.field);
  }
}

// A field that was added later, as it was before there was one.
bool IsAsBefore(const ProtoMessage& holder, const ConfigField& field) {
  if (!field.added()) {
    return false;
  }
  const std::unique_ptr<ProtoMessage> before(holder.New());
  field::SetFromText(*before, *field.field, field.default_value());
  return field::CanonicalText(holder, *field.field) == field::CanonicalText(*before, *field.field);
}

// Appends "path=value" lines of the scalar fields that are set, by field number.
void AppendCanonical(const ProtoMessage& message, const std::string& prefix, std::string& text) {
  std::vector<ConfigField> fields = FieldsOf(*message.GetDescriptor());
  std::sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.order() < b.order(); });
  for (const ConfigField& field : fields) {
    const ProtoMessage& holder = field.HolderIn(message);
    if (!field.is_message() && field.IsSetIn(message) && !IsAsBefore(holder, field)) {
      text += fmt::format("{}{}={}\n", prefix, field.name(), field::CanonicalText(holder, *field.field));
    }
  }
}

FieldInfo Describe(const ConfigField& configured) {
  const FieldDescriptor& field = *configured.field;
  const v1::FieldMeta& meta = field::Meta(field);
  FieldInfo info{.name = field.name(),
                 .type = field::TypeName(field),
                 .default_value = configured.default_value(),
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

void AdoptOlderFields(v1::JobSpec& spec) {
  if (const FieldDescriptor* experiment = SetExperiment(spec)) {
    AdoptOlderFields(*spec.GetReflection()->MutableMessage(&spec, experiment));
  }
  // An optimizer of its own before there was adam_bias_correction.
  constexpr auto kAdamUncorrected = static_cast<v1::OptimizerKind>(2);
  if (spec.mnist_mlp().optimization().optimizer() == kAdamUncorrected) {
    v1::OptimizerConfig& optimization = *spec.mutable_mnist_mlp()->mutable_optimization();
    optimization.set_optimizer(v1::OPTIMIZER_KIND_ADAM);
    optimization.set_adam_bias_correction(false);
  }
}

v1::JobSpec ResolveSpec(const v1::JobSpec& spec, std::vector<FieldViolation>& violations) {
  v1::JobSpec resolved = spec;
  AdoptOlderFields(resolved);
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
  return experiment == nullptr ? "" : ConfigDatasetName(resolved.GetReflection()->GetMessage(resolved, experiment));
}

std::string ConfigDatasetName(const ProtoMessage& config) {
  for (const ConfigField& field : FieldsOf(*config.GetDescriptor())) {
    if (field::Meta(*field.field).dataset()) {
      return field::ValueText(field.HolderIn(config), *field.field);
    }
  }
  return "";
}

SideData SideDataOf(const v1::JobSpec& resolved) {
  if (!resolved.has_skip_thoughts() || resolved.skip_thoughts().transfer() == v1::TRANSFER_KIND_OFF) {
    return {};
  }
  return {.datasets = {"mr", "cr", "subj", "mpqa", "sick"},
          .required = resolved.skip_thoughts().transfer() == v1::TRANSFER_KIND_REQUIRED};
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
    const std::vector<ConfigField> fields = FieldsOf(type);
    std::transform(fields.begin(), fields.end(), std::back_inserter(info.fields), Describe);
    experiments.push_back(std::move(info));
  }
  return experiments;
}

}  // namespace normlab
