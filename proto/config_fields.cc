#include "proto/config_fields.h"

#include <google/protobuf/unknown_field_set.h>

#include <bit>
#include <cstdint>

#include "proto/field.h"

namespace normlab {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using ProtoMessage = google::protobuf::Message;

const v1::InlinedField* FindHere(const FieldDescriptor& inlined, const std::string& name) {
  for (const v1::InlinedField& here : field::Meta(inlined).here()) {
    if (here.name() == name) {
      return &here;
    }
  }
  return nullptr;
}

// Whether the bytes were of the field's type.
bool SetFromWire(ProtoMessage& message, const FieldDescriptor& field, const UnknownField& wire) {
  const auto& reflection = *message.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    if (wire.type() != UnknownField::TYPE_FIXED64) {
      return false;
    }
    reflection.SetDouble(&message, &field, std::bit_cast<double>(static_cast<std::uint64_t>(wire.fixed64())));
    return true;
  }
  if (wire.type() != UnknownField::TYPE_VARINT) {
    return false;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      reflection.SetInt32(&message, &field, static_cast<std::int32_t>(wire.varint()));
      return true;
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection.SetBool(&message, &field, wire.varint() != 0);
      return true;
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection.SetEnumValue(&message, &field, static_cast<int>(wire.varint()));
      return true;
    default:
      return false;
  }
}

}  // namespace

const std::string& ConfigField::default_value() const {
  return here != nullptr && !here->default_value().empty() ? here->default_value()
                                                           : field::Meta(*field).default_value();
}

bool ConfigField::added() const {
  return inlined == nullptr ? field::Meta(*field).added() : here == nullptr || here->was() == 0;
}

std::pair<int, int> ConfigField::order() const {
  if (inlined == nullptr) {
    return {field->number(), 0};
  }
  return added() ? std::pair(inlined->number(), field->number()) : std::pair(here->was(), 0);
}

const ProtoMessage& ConfigField::HolderIn(const ProtoMessage& config) const {
  return inlined == nullptr ? config : config.GetReflection()->GetMessage(config, inlined);
}

ProtoMessage& ConfigField::HolderIn(ProtoMessage& config) const {
  return inlined == nullptr ? config : *config.GetReflection()->MutableMessage(&config, inlined);
}

bool ConfigField::IsSetIn(const ProtoMessage& config) const {
  const ProtoMessage& holder = HolderIn(config);
  return holder.GetReflection()->HasField(holder, field);
}

std::vector<ConfigField> FieldsOf(const google::protobuf::Descriptor& config) {
  std::vector<ConfigField> fields;
  for (int i = 0; i < config.field_count(); ++i) {
    const FieldDescriptor& field = *config.field(i);
    if (!field::Meta(field).inlined()) {
      fields.push_back({&field});
      continue;
    }
    for (int j = 0; j < field.message_type()->field_count(); ++j) {
      const FieldDescriptor& inner = *field.message_type()->field(j);
      fields.push_back({&inner, &field, FindHere(field, inner.name())});
    }
  }
  return fields;
}

void AdoptOlderFields(ProtoMessage& config) {
  if (config.GetReflection()->GetUnknownFields(config).empty()) {
    return;  // as always, but for what an older build wrote
  }
  auto& unknown = *config.GetReflection()->MutableUnknownFields(&config);
  for (const ConfigField& field : FieldsOf(*config.GetDescriptor())) {
    for (int i = 0; field.here != nullptr && i < unknown.field_count(); ++i) {
      if (unknown.field(i).number() == field.here->was() &&
          (field.IsSetIn(config) || SetFromWire(field.HolderIn(config), *field.field, unknown.field(i)))) {
        unknown.DeleteSubrange(i--, 1);
      }
    }
  }
}

}  // namespace normlab
