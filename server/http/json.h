// json.h - messages as proto3 JSON: fields under their proto names, 64-bit integers as strings, bytes in base64.
//
// What is written holds fields at their default, so that a reader need not know them; absent are messages, `optional`
// fields and members of a oneof that are not set.
//
// Thread safety: free functions, any thread.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::server::http {

// On one line. kNumbers: 64-bit integers as numbers, for readers of other programs' messages.
enum class Integers { kStrings, kNumbers };
absl::StatusOr<std::string> WriteJson(const google::protobuf::Message& message, Integers integers = Integers::kStrings);

// Field names in their proto or JSON form. kInvalidArgument with a field violation for an unknown field, a value of
// another type, and text that is no JSON. `path` stands before the names of fields.
absl::Status ReadJson(std::string_view text, std::string_view path, google::protobuf::Message& message);

}  // namespace normlab::server::http
