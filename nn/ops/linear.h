// linear.h - the matrix product under every layer, and the plain bias.
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

// W x: summed inputs, out x B [LN eq 1]. w: in x out, one column per output unit; x: in x B.
// No gradient is computed for x if it needs none, as for the input of a network.
template <typename T>
BasicVar<T> linear(BasicVar<T> w, BasicVar<T> x);

// a + bias in every column. a: F x B, bias: F x 1.
template <typename T>
BasicVar<T> add_bias(BasicVar<T> a, BasicVar<T> bias);

}  // namespace normlab::nn
