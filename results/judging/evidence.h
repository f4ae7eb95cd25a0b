// evidence.h - what the runs say about one claim, before it is ruled on.
#pragma once

#include "results/judging/judge.h"

namespace normlab::judging {

// A judgement with its numbers filled in. Where runs are missing it comes back decided: NOT_RUN or INCONCLUSIVE, with
// the reason, and with no p, so that it stays out of Holm's family. Otherwise `reason` is empty.
Judgement Weigh(const Measured& measured, const Claim& claim);

}  // namespace normlab::judging
