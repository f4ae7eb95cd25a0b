// status.h - absl::Status is how functions fail across module boundaries; these macros pass a failure up.
//
// Messages are made with fmt::format. A message says what failed, which value it met and what was expected, and what to
// do next where a person can do it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function if `expr` (an absl::Status) is not OK.
#define NORMLAB_RETURN_IF_ERROR(expr)                   \
  do {                                                  \
    if (absl::Status _status = (expr); !_status.ok()) { \
      return _status;                                   \
    }                                                   \
  } while (false)

#define NORMLAB_CONCAT_INNER(a, b) a##b
#define NORMLAB_CONCAT(a, b) NORMLAB_CONCAT_INNER(a, b)

// Evaluates `expr` (an absl::StatusOr<T>), returns its error or assigns its value to `lhs`, which may be a declaration.
#define NORMLAB_ASSIGN_OR_RETURN(lhs, expr) NORMLAB_ASSIGN_OR_RETURN_IMPL(NORMLAB_CONCAT(_or_, __LINE__), lhs, expr)
#define NORMLAB_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                  \
  if (!tmp.ok()) {                                    \
    return std::move(tmp).status();                   \
  }                                                   \
  lhs = std::move(tmp).value()

namespace normlab {

// The text of a status. (Debian builds absl with a string_view of its own, which fmt and std do not know.)
inline std::string Message(const absl::Status& status) { return std::string(status.message()); }

// `status` with "context: " before its message; the code stays. For adding "which file", "which job" on the way up.
inline absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) {
    return status;
  }
  return absl::Status(status.code(), std::string(context) + ": " + Message(status));
}

}  // namespace normlab
