// weigh_claim.h - what the runs say about one claim, before it is ruled on.
#pragma once

#include <optional>

#include "results/judging/cell.h"
#include "results/judging/judge.h"

namespace normlab::judging {

struct Weighed {
  Judgement judgement;
  bool decided = false;        // NOT_RUN or INCONCLUSIVE for want of runs, with the reason
  std::optional<Range> range;  // of a fact's values
};

Weighed Weigh(const Measured& measured, const Claim& claim);

}  // namespace normlab::judging
