// config_fields.h - the fields of a configuration as people and identities see them: those of a message that it inlines
// (FieldMeta.inlined) are the configuration's own. Internal to proto/; others use spec.h and spec_text.h.
//
// Thread safety: free functions, any thread.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <utility>
#include <vector>

#include "normlab/v1/options.pb.h"

namespace normlab {

// One field: a scalar, or a message that is not inlined. Refers to descriptors, which live for ever.
struct ConfigField {
  const google::protobuf::FieldDescriptor* field;
  const google::protobuf::FieldDescriptor* inlined =
      nullptr;                             // the configuration's message that holds it, if it is not its own
  const v1::InlinedField* here = nullptr;  // what the configuration says of it, if it does

  const std::string& name() const { return field->name(); }
  bool is_message() const { return field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE; }
  const std::string& default_value() const;
  // Whether an identity leaves it out at its default: the configuration had no such field once.
  bool added() const;
  // Where it stands in an identity.
  std::pair<int, int> order() const;

  // The message that holds it in a configuration of its type.
  const google::protobuf::Message& HolderIn(const google::protobuf::Message& config) const;
  google::protobuf::Message& HolderIn(google::protobuf::Message& config) const;
  bool IsSetIn(const google::protobuf::Message& config) const;
};

// In the order of declaration, an inlined message's in its place.
std::vector<ConfigField> FieldsOf(const google::protobuf::Descriptor& config);

// Moves what an older build wrote as the configuration's own fields (InlinedField.was) to where they are now.
void AdoptOlderFields(google::protobuf::Message& config);

}  // namespace normlab
