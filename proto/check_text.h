// check_text.h - is every text of a message UTF-8, as the wire wants it? Found by reflection, so no field is forgotten.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <string_view>

#include "proto/spec.h"

namespace normlab {

// "has the byte 0xe9 at position 8, which is not UTF-8"; absent for UTF-8. Positions count from 1.
std::optional<std::string> NotUtf8(std::string_view text);

// The first string field, element, map key or map value that is not UTF-8, with its path.
std::optional<FieldViolation> FindBadText(const google::protobuf::Message& message);

}  // namespace normlab
