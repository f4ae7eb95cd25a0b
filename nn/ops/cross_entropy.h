// cross_entropy.h - the loss of a classifier, and its judgement without a tape.
#pragma once

#include <cstdint>
#include <span>

#include "nn/tape.h"

namespace normlab::nn {

// Mean over the batch of -log softmax(logits)[label], in nats: 1 x 1. logits: C x B; one label in [0, C) per example,
// copied. Losses and gradients keep their relative precision when the probability of the label comes near 1, down to
// the smallest numbers: 1 - p is never formed.
template <typename T>
BasicVar<T> softmax_cross_entropy(BasicVar<T> logits, std::span<const std::int32_t> labels);

struct Classification {
  double nll_sum = 0.0;  // nats, summed over the examples in double
  Index errors = 0;      // examples whose label is not the one with the highest logit; NaN logits are errors

  Classification& operator+=(const Classification& other) {
    nll_sum += other.nll_sum;
    errors += other.errors;
    return *this;
  }
};

// Judges the examples of `logits` (C x B) against their labels.
template <typename T>
Classification classify(BasicVar<T> logits, std::span<const std::int32_t> labels);

}  // namespace normlab::nn
