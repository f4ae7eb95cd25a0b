// bernoulli.h - binary images as independent Bernoulli variables given by logits.
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

// -log p(x) in nats, summed over the F values, mean over the batch: 1 x 1 [DRAW eq 9]. logits, x: F x B; x in [0, 1]
// needs no gradient. softplus(logit) - x logit, which stays finite however large the logit is.
template <typename T>
BasicVar<T> bernoulli_nll(BasicVar<T> logits, BasicVar<T> x);

// x - sigmoid(logits): the part of the image that the logits do not explain yet [DRAW eq 3]. x needs no gradient.
template <typename T>
BasicVar<T> bernoulli_residual(BasicVar<T> logits, BasicVar<T> x);

}  // namespace normlab::nn
