#include "proto/older_json.h"

#include <nlohmann/json.hpp>

#include "normlab/v1/experiments.pb.h"
#include "normlab/v1/jobs.pb.h"
#include "proto/config_fields.h"

namespace normlab {
namespace {

void MoveInto(nlohmann::json& config, const ConfigField& field) {
  nlohmann::json& holder = config[field.inlined->name()];
  if (holder.is_null()) {
    holder = nlohmann::json::object();
  }
  if (holder.is_object() && !holder.contains(field.name())) {
    holder[field.name()] = config[field.name()];
    config.erase(field.name());
  }
}

}  // namespace

void MoveOlderFields(nlohmann::json& job) {
  if (!job.is_object() || !job.contains("spec") || !job["spec"].is_object()) {
    return;
  }
  nlohmann::json& spec = job["spec"];
  const google::protobuf::OneofDescriptor& experiments = *v1::JobSpec::descriptor()->FindOneofByName("experiment");
  for (int i = 0; i < experiments.field_count(); ++i) {
    const auto config = spec.find(experiments.field(i)->name());
    if (config == spec.end() || !config->is_object()) {
      continue;
    }
    for (const ConfigField& field : FieldsOf(*experiments.field(i)->message_type())) {
      if (field.here != nullptr && field.here->was() != 0 && config->contains(field.name())) {
        MoveInto(*config, field);
      }
    }
    // An optimizer of its own before there was adam_bias_correction.
    const auto optimization = config->find("optimization");
    if (optimization != config->end() && optimization->is_object() &&
        optimization->value("optimizer", "") == "OPTIMIZER_KIND_ADAM_UNCORRECTED") {
      (*optimization)["optimizer"] = v1::OptimizerKind_Name(v1::OPTIMIZER_KIND_ADAM);
      (*optimization)["adam_bias_correction"] = false;
    }
  }
}

}  // namespace normlab
