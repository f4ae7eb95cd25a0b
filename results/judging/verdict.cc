#include "results/judging/verdict.h"

namespace normlab::judging {

std::string_view ToString(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReproduced:
      return "REPRODUCED";
    case Verdict::kDirectionOnly:
      return "DIRECTION_ONLY";
    case Verdict::kDifferent:
      return "DIFFERENT";
    case Verdict::kOpposed:
      return "OPPOSED";
    case Verdict::kInconclusive:
      return "INCONCLUSIVE";
    case Verdict::kNotRun:
      return "NOT_RUN";
  }
  return "NOT_RUN";
}

std::string_view ToString(Tier tier) {
  switch (tier) {
    case Tier::kExact:
      return "exact";
    case Tier::kReduced:
      return "reduced";
    case Tier::kSubstitute:
      return "substitute";
  }
  return "exact";
}

}  // namespace normlab::judging
