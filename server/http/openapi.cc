#include "server/http/openapi.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "base/version.h"
#include "normlab/v1/options.pb.h"
#include "server/http/methods.h"

namespace normlab::server::http {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using Json = nlohmann::ordered_json;

constexpr std::string_view kPackage = "normlab.v1.";
constexpr std::string_view kAbout =
    "The services of normlab.v1 as JSON: proto3's mapping, fields under their proto names, 64-bit integers as strings. "
    "Answers hold fields at their default; absent are messages, optional fields and members of a oneof that are not "
    "set. "
    "A server stream is text/event-stream: `data: JSON` for each message, `event: end` after the last, `event: error` "
    "with "
    "an Error if it fails after it began. A client stream is application/x-ndjson: a message a line. The protos say "
    "what "
    "each message means.";

std::string SchemaName(std::string_view full_name) {
  return std::string(full_name.starts_with(kPackage) ? full_name.substr(kPackage.size()) : full_name);
}

Json Reference(std::string_view name) { return {{"$ref", fmt::format("#/components/schemas/{}", name)}}; }

// Schemas by name, made when they are first referred to.
class Schemas {
 public:
  Json Of(const Descriptor& message) {
    if (message.full_name() == "google.protobuf.Timestamp") {
      return {{"type", "string"}, {"format", "date-time"}};
    }
    if (message.full_name() == "google.protobuf.Duration") {
      return {{"type", "string"}, {"pattern", "^-?[0-9]+(\\.[0-9]{1,9})?s$"}};
    }
    if (message.full_name() == "google.protobuf.FieldMask") {
      return {{"type", "string"}, {"description", "names of fields in lowerCamelCase, separated by commas"}};
    }
    const std::string name = SchemaName(message.full_name());
    if (!schemas_.contains(name)) {
      schemas_[name] = Json::object();  // a message may hold itself
      schemas_[name] = Fields(message);
    }
    return Reference(name);
  }

  Json Take() { return std::move(schemas_); }

 private:
  Json Fields(const Descriptor& message) {
    Json properties = Json::object();
    for (int i = 0; i < message.field_count(); ++i) {
      properties[message.field(i)->name()] = Of(*message.field(i));
    }
    Json schema = {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
    const std::string& summary = message.options().GetExtension(v1::experiment).summary();
    if (!summary.empty()) {
      schema["description"] = summary;
    }
    return schema;
  }

  Json Of(const FieldDescriptor& field) {
    if (field.is_map()) {
      return {{"type", "object"}, {"additionalProperties", Value(*field.message_type()->map_value())}};
    }
    if (field.is_repeated()) {
      return {{"type", "array"}, {"items", Value(field)}};
    }
    Json schema = Value(field);
    const v1::FieldMeta& meta = field.options().GetExtension(v1::meta);
    const bool number = schema.value("type", "") != "string";  // as 64-bit integers are
    const auto put = [&schema, number](const char* key, bool set, double value) {
      if (set && number) {
        schema[key] = value;
      }
    };
    put("minimum", meta.has_min(), meta.min());
    put("maximum", meta.has_max(), meta.max());
    put("exclusiveMinimum", meta.has_above(), meta.above());
    put("exclusiveMaximum", meta.has_below(), meta.below());
    if (!meta.meaning().empty()) {
      schema["description"] =
          fmt::format("{}{}. Default: {}", meta.meaning(), meta.unit().empty() ? "" : fmt::format(" ({})", meta.unit()),
                      meta.default_value());
    }
    return schema;
  }

  Json Value(const FieldDescriptor& field) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return {{"type", "integer"}, {"format", "int32"}};
      case FieldDescriptor::CPPTYPE_UINT32:
        return {{"type", "integer"}, {"format", "int64"}, {"minimum", 0}};
      case FieldDescriptor::CPPTYPE_INT64:
        return {{"type", "string"}, {"pattern", "^-?[0-9]+$"}};
      case FieldDescriptor::CPPTYPE_UINT64:
        return {{"type", "string"}, {"pattern", "^[0-9]+$"}};
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
        return {{"oneOf", {{{"type", "number"}}, {{"enum", {"NaN", "Infinity", "-Infinity"}}}}}};
      case FieldDescriptor::CPPTYPE_BOOL:
        return {{"type", "boolean"}};
      case FieldDescriptor::CPPTYPE_ENUM:
        return Of(*field.enum_type());
      case FieldDescriptor::CPPTYPE_STRING:
        return field.type() == FieldDescriptor::TYPE_BYTES ? Json{{"type", "string"}, {"contentEncoding", "base64"}}
                                                           : Json{{"type", "string"}};
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Of(*field.message_type());
    }
    return Json::object();
  }

  Json Of(const EnumDescriptor& type) {
    const std::string name = SchemaName(type.full_name());
    if (!schemas_.contains(name)) {
      Json values = Json::array();
      std::string meanings;
      for (int i = 0; i < type.value_count(); ++i) {
        values.push_back(type.value(i)->name());
        const std::string& meaning = type.value(i)->options().GetExtension(v1::value_meaning);
        meanings += meaning.empty() ? "" : fmt::format("{}: {}\n", type.value(i)->name(), meaning);
      }
      schemas_[name] = {{"type", "string"}, {"enum", std::move(values)}};
      if (!meanings.empty()) {
        schemas_[name]["description"] = meanings;
      }
    }
    return Reference(name);
  }

  Json schemas_ = Json::object();
};

Json Content(std::string_view type, Json schema) {
  return {{"content", {{std::string(type), {{"schema", std::move(schema)}}}}}};
}

Json Operation(const MethodDescriptor& method, Schemas& schemas) {
  Json request = Content(method.client_streaming() ? "application/x-ndjson" : "application/json",
                         schemas.Of(*method.input_type()));
  request["required"] = true;
  Json answer =
      Content(method.server_streaming() ? "text/event-stream" : "application/json", schemas.Of(*method.output_type()));
  answer["description"] = method.server_streaming() ? "events, each with such a message" : "OK";
  Json error = Content("application/json", Reference("Error"));
  error["description"] = "the call failed";
  const v1::Access access = method.options().GetExtension(v1::access);
  return {{"operationId", fmt::format("{}_{}", method.service()->name(), method.name())},
          {"tags", Json::array({method.service()->name()})},
          {"x-access", v1::Access_Name(access)},
          {"requestBody", std::move(request)},
          {"responses", {{"200", std::move(answer)}, {"default", std::move(error)}}}};
}

Json ErrorSchema() {
  const Json error = {{"type", "object"},
                      {"properties",
                       {{"code", {{"type", "integer"}, {"description", "google.rpc.Code"}}},
                        {"status", {{"type", "string"}, {"description", "its name"}}},
                        {"message", {{"type", "string"}}},
                        {"details", {{"type", "array"}, {"items", {{"type", "object"}}}}}}},
                      {"required", {"code", "status", "message"}}};
  return {{"type", "object"}, {"properties", {{"error", error}}}, {"required", Json::array({"error"})}};
}

}  // namespace

std::string OpenApiDocument() {
  Schemas schemas;
  Json paths = Json::object();
  for (const MethodDescriptor* method : AllMethods()) {
    paths[HttpPath(*method)] = {{"post", Operation(*method, schemas)}};
  }
  Json all = schemas.Take();
  all["Error"] = ErrorSchema();
  const Json document = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "normlab"}, {"version", std::string(ThisBuild().version)}, {"description", std::string(kAbout)}}},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", std::move(all)}, {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}},
      {"security", {{{"token", Json::array()}}}}};
  return document.dump();
}

}  // namespace normlab::server::http
