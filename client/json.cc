#include "client/json.h"

#include <google/protobuf/descriptor.h>

#include <cmath>
#include <map>

#include "client/text.h"
#include "proto/field.h"

namespace normlab::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

Json ScalarToJson(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return NumberToJson(reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return NumberToJson(reflection.GetFloat(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return field::ChoiceName(*reflection.GetEnum(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageToJson(reflection.GetMessage(message, &field));
  }
  return nullptr;
}

void PutTime(Json& json, const char* key, const google::protobuf::Timestamp& time) {
  if (std::string text = FormatTime(time); !text.empty()) {
    json[key] = std::move(text);
  }
}

void PutText(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) {
    json[key] = text;
  }
}

// By key: a protobuf map has no order of its own.
Json MapToJson(const google::protobuf::Map<std::string, std::string>& map) {
  Json json = Json::object();
  for (const auto& [key, value] : std::map<std::string, std::string>(map.begin(), map.end())) {
    json[key] = value;
  }
  return json;
}

Json ExternalToJson(const v1::ExternalRun& run) {
  return {{"name", run.name()},
          {"experiment", run.experiment()},
          {"params", MapToJson(run.params())},
          {"tags", MapToJson(run.tags())},
          {"removed", run.removed()}};
}

}  // namespace

Json NumberToJson(double value) { return std::isfinite(value) ? Json(value) : Json(FormatExact(value)); }

std::string StateName(v1::JobState state) {
  const std::string name = v1::JobState_Name(state);
  const std::string prefix = "JOB_STATE_";
  return name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : "UNKNOWN";
}

Json MessageToJson(const Message& message) {
  Json json = Json::object();
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field::Meta(*field).inlined()) {
      json.update(MessageToJson(message.GetReflection()->GetMessage(message, field)));
    } else {
      json[field->name()] = ScalarToJson(message, *field);
    }
  }
  return json;
}

Json LabelsToJson(const v1::Job& job) { return MapToJson(job.labels()); }

Json JobToJson(const v1::Job& job) {
  Json json;
  json["job_id"] = job.job_id();
  json["state"] = StateName(job.state());
  if (job.has_external()) {
    json["external"] = ExternalToJson(job.external());
  } else {
    json["spec"] = MessageToJson(job.spec());
  }
  json["identity"] = job.identity();
  json["priority"] = job.priority();
  json["attempt"] = job.attempt();
  PutTime(json, "created", job.created());
  PutTime(json, "started", job.started());
  PutTime(json, "finished", job.finished());
  json["steps_done"] = job.steps_done();
  json["steps_total"] = job.steps_total();
  json["steps_per_second"] = NumberToJson(job.steps_per_second());
  json["cpu_seconds"] = NumberToJson(job.cpu_seconds());
  PutText(json, "error", job.error());
  PutText(json, "held_up", job.held_up());
  PutText(json, "fingerprint", job.fingerprint());
  PutText(json, "worker", job.worker());
  PutText(json, "resumed_from", job.resumed_from());
  json["labels"] = MapToJson(job.labels());
  json["facts"] = MapToJson(job.facts());
  json["revision"] = job.revision();
  return json;
}

Json SeriesToJson(const v1::Series& series) {
  return {{"name", series.name()},
          {"points", series.points()},
          {"first_step", series.first_step()},
          {"last_step", series.last_step()},
          {"min", NumberToJson(series.min())},
          {"max", NumberToJson(series.max())},
          {"last", NumberToJson(series.last())},
          {"not_finite", series.not_finite()}};
}

Json ExperimentToJson(const v1::Experiment& experiment) {
  Json fields = Json::array();
  for (const v1::Field& field : experiment.fields()) {
    Json json{{"name", field.name()},   {"type", field.type()}, {"default", field.default_value()},
              {"range", field.range()}, {"unit", field.unit()}, {"meaning", field.meaning()}};
    if (field.choices_size() > 0) {
      json["choices"] = Json::array();
      for (const auto& choice : field.choices()) {
        json["choices"].push_back({{"name", choice.name()}, {"meaning", choice.meaning()}});
      }
    }
    fields.push_back(std::move(json));
  }
  return {{"name", experiment.name()}, {"summary", experiment.summary()}, {"fields", std::move(fields)}};
}

std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace normlab::client
