// order_violation.h - how far a sentence is from being above an image in the order of an order embedding (Vendrov et al.
// 2016, eq. 2).
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

// E(s, x) = sum over i of max(0, s_i - x_i)^2 of each pair: S x B, from s (F x S) and x (F x B). A column has the sentences'
// penalties for one image. The value of a pair depends on the pair alone.
template <typename T>
BasicVar<T> order_violation(BasicVar<T> s, BasicVar<T> x);

}  // namespace normlab::nn
