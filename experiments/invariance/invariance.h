// invariance.h - Table 1 of the paper as an experiment: a step is a trial with a random layer. See transformations.h.
//
// Series: "residual/<transformation>", "identity/<identity>" (see identities.h), and "trial/number", which counts
// from 1. Nothing is trained: there is no state and there are no weights.
#pragma once

#include "experiments/experiment.h"

namespace normlab {

std::unique_ptr<Experiment> MakeInvariance(const v1::InvarianceConfig& config, std::uint64_t seed);

}  // namespace normlab
