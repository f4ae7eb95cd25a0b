// modulate.h - a gain and a bias that each example brings along.
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

// gain x + bias, the gain and bias of an example at all of its positions. x: F x (positions B), column b * positions +
// p; gain, bias: F x B. One of them may be empty, which counts as 1 or 0.
template <typename T>
BasicVar<T> modulate(BasicVar<T> x, BasicVar<T> gain, BasicVar<T> bias, Index positions = 1);

}  // namespace normlab::nn
