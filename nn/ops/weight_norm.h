// weight_norm.h - weights as a direction and a length per unit.
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

// w = gain v / |v| for each unit (column of v) [LN sec 5.1]. v: in x out, gain: out x 1 -> in x out.
// A unit whose v is all zero gives NaN: it has no direction.
template <typename T>
BasicVar<T> weight_norm(BasicVar<T> v, BasicVar<T> gain);

}  // namespace normlab::nn
