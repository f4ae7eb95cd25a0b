// linear_cross_entropy.h - the output layer of a model of words: a linear layer of many classes and its loss in one.
#pragma once

#include <cstdint>
#include <span>

#include "nn/tape.h"

namespace normlab::nn {

// sum over b of weights[b] (-log(softmax(W x_b + bias)[label_b] + floor)), in nats: 1 x 1. `floor`, 0 or above, bounds the loss:
// 1e-8 in released code of the time.
//
// w: in x classes, one column per class, which may be a table of embeddings that the model also reads (ops/gather.h);
// bias: classes x 1, or left out; x: in x B; one label in [0, classes) for each column, copied. weights: 1 x B, a
// constant; left out, each is 1 / B: the mean. A column of weight 0, padding, costs nothing: neither it nor its label is
// read, and it gets no gradient. At least one weight is not 0.
//
// Logits are made some hundred classes at a time and become exponentials while they are in the cache. These, a float for
// each class and column, wait for the way back, which makes them gradients in place: to multiply again would take a third
// more, all that is done beside the products takes 1 % of the time. A tape that does not record keeps no more than a chunk
// for each thread. As in softmax_cross_entropy, 1 - p is never formed.
template <typename T>
BasicVar<T> linear_cross_entropy(BasicVar<T> w, BasicVar<T> bias, BasicVar<T> x, std::span<const std::int32_t> labels,
                                 BasicVar<T> weights = {}, double floor = 0.0);

}  // namespace normlab::nn
