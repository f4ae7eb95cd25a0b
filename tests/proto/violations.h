// violations.h - matchers for lists of wrong fields.
#pragma once

#include <gmock/gmock.h>

#include "proto/spec.h"

namespace normlab {

inline void PrintTo(const FieldViolation& v, std::ostream* out) { *out << v.path << " " << v.description; }

MATCHER_P2(Violation, path, description, "") { return arg.path == path && arg.description == description; }
// As above, but only the start of the description.
MATCHER_P2(ViolationStarting, path, start, "") { return arg.path == path && arg.description.rfind(start, 0) == 0; }

}  // namespace normlab
