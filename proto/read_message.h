// read_message.h - from a document's tree to a message of nested configuration messages. Internal to proto/.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <vector>

#include "base/yaml.h"
#include "proto/config_fields.h"
#include "proto/spec.h"

namespace normlab {

// Sets the fields of `message` from `node`, by their names in proto or JSON form. `path` is what stands before a
// field's name in violations: "" or "mnist_mlp"; they end with the place in the document. Fields that are wrong stay unset.
void ReadMessage(const YamlNode& node, const std::string& path, google::protobuf::Message& message,
                 std::vector<FieldViolation>& violations);

// The field called `name` ("batch_size", "batch-size" or "batchSize"); nothing after a violation that names the nearest,
// and the place if there is one.
std::optional<ConfigField> FindField(const google::protobuf::Descriptor& type, const std::string& name,
                                     const std::string& path, const YamlMark& mark,
                                     std::vector<FieldViolation>& violations);

}  // namespace normlab
