#include "proto/check_text.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <vector>

#include "base/text.h"

namespace normlab {
namespace {

using google::protobuf::FieldDescriptor;
using ProtoMessage = google::protobuf::Message;
using google::protobuf::Reflection;

std::optional<FieldViolation> CheckText(const std::string& path, const std::string& text) {
  const auto complaint = NotUtf8(text);
  return complaint ? std::optional<FieldViolation>({path, *complaint}) : std::nullopt;
}

// What one value of `field` holds; `index` is -1 for a field that is not repeated.
std::optional<FieldViolation> CheckValue(const ProtoMessage& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  const std::string path = index < 0 ? field.name() : fmt::format("{}[{}]", field.name(), index);
  if (field.type() == FieldDescriptor::TYPE_STRING) {
    return CheckText(
        path, index < 0 ? reflection.GetString(message, &field) : reflection.GetRepeatedString(message, &field, index));
  }
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return std::nullopt;
  }
  auto found = FindBadText(index < 0 ? reflection.GetMessage(message, &field)
                                     : reflection.GetRepeatedMessage(message, &field, index));
  if (found) {
    found->path = path + "." + found->path;
  }
  return found;
}

}  // namespace

std::optional<std::string> NotUtf8(std::string_view text) {
  const auto bad = FirstBadUtf8(text);
  if (!bad) {
    return std::nullopt;
  }
  return fmt::format("has the byte {:#04x} at position {}, which is not UTF-8", static_cast<unsigned char>(text[*bad]),
                     *bad + 1);
}

std::optional<FieldViolation> FindBadText(const ProtoMessage& message) {
  std::vector<const FieldDescriptor*> set;
  const Reflection& reflection = *message.GetReflection();
  reflection.ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    if (!field->is_repeated()) {
      if (auto found = CheckValue(message, *field, -1)) {
        return found;
      }
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (auto found = CheckValue(message, *field, i)) {
        return found;
      }
    }
  }
  return std::nullopt;
}

}  // namespace normlab
