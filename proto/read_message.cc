#include "proto/read_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/nearest.h"
#include "proto/field.h"
#include "proto/spec_text.h"

namespace normlab {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using ProtoMessage = google::protobuf::Message;

std::string Join(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

// "is empty (line 3, column 7)"
std::string At(const YamlMark& mark, std::string_view problem) {
  return mark.line == 0 ? std::string(problem)
                        : fmt::format("{} (line {}, column {})", problem, mark.line, mark.column);
}

std::vector<std::string> FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  for (const ConfigField& field : FieldsOf(type)) {
    names.push_back(field.name());
  }
  return names;
}

std::string_view KindName(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "empty";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  return "a value";
}

void ReadField(const YamlNode& node, const std::string& path, const ConfigField& field, ProtoMessage& message,
               std::vector<FieldViolation>& violations) {
  if (field.is_message()) {
    ReadMessage(node, path, *message.GetReflection()->MutableMessage(&message, field.field), violations);
  } else if (node.kind != YamlNode::Kind::kScalar) {
    violations.push_back({path, At(node.mark, fmt::format("is {}; expected {}", KindName(node.kind),
                                                          field::Expectation(*field.field)))});
  } else if (std::string problem = field::SetFromText(field.HolderIn(message), *field.field, node.scalar);
             !problem.empty()) {
    violations.push_back({path, At(node.mark, problem)});
  }
}

}  // namespace

std::optional<ConfigField> FindField(const Descriptor& type, const std::string& name, const std::string& path,
                                     const YamlMark& mark, std::vector<FieldViolation>& violations) {
  std::string underscored = name;
  std::replace(underscored.begin(), underscored.end(), '-', '_');
  for (const ConfigField& field : FieldsOf(type)) {
    if (underscored == field.name() || name == field.field->json_name()) {
      return field;
    }
  }
  const std::string near = Nearest(name, FieldNames(type));
  violations.push_back({Join(path, Shown(name)), At(mark, near.empty() ? fmt::format("is not a field; expected {}",
                                                                                     fmt::join(FieldNames(type), ", "))
                                                                       : "is not a field" + DidYouMean(near))});
  return std::nullopt;
}

void ReadMessage(const YamlNode& node, const std::string& path, ProtoMessage& message,
                 std::vector<FieldViolation>& violations) {
  if (node.kind == YamlNode::Kind::kNull && !path.empty()) {
    return;  // "mnist_mlp:" alone asks for the experiment with its defaults
  }
  if (node.kind != YamlNode::Kind::kMap) {
    violations.push_back({path, At(node.mark, fmt::format("{}is {}; expected fields such as \"{}: ...\"",
                                                          path.empty() ? "the document " : "", KindName(node.kind),
                                                          message.GetDescriptor()->field(0)->name()))});
    return;
  }
  std::set<const FieldDescriptor*> seen;
  for (const auto& [name, mark, value] : node.entries) {
    const std::optional<ConfigField> field = FindField(*message.GetDescriptor(), name, path, mark, violations);
    if (!field) {
      continue;
    }
    if (!seen.insert(field->field).second) {
      violations.push_back({Join(path, field->name()), At(mark, "is given twice; expected once")});
      continue;
    }
    const auto* oneof = field->field->real_containing_oneof();
    const FieldDescriptor* other =
        oneof == nullptr ? nullptr : message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
    if (other != nullptr) {
      violations.push_back({Join(path, oneof->name()), At(mark, fmt::format("is both {} and {}; expected one of them",
                                                                            other->name(), field->name()))});
      continue;
    }
    ReadField(value, Join(path, field->name()), *field, message, violations);
  }
}

}  // namespace normlab
