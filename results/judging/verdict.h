// verdict.h - the words a claim ends with.
#pragma once

#include <string_view>

namespace normlab::judging {

enum class Verdict {
  kReproduced,     // what the paper says, by its own protocol
  kDirectionOnly,  // what the paper says, by a smaller or another protocol, or by too few seeds for more
  kDifferent,      // shown to be otherwise, by its own protocol
  kOpposed,        // shown to be otherwise, by a smaller or another protocol, or by too few seeds for more
  kInconclusive,   // not decided
  kNotRun,
};
inline constexpr int kVerdicts = 6;
std::string_view ToString(Verdict verdict);  // "REPRODUCED", "DIRECTION_ONLY", ...

// How near runs are to what the paper did.
enum class Tier {
  kExact,       // data, sizes and length as printed
  kReduced,     // smaller or shorter
  kSubstitute,  // other data
};
std::string_view ToString(Tier tier);  // "exact", "reduced", "substitute"

}  // namespace normlab::judging
