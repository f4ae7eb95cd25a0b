// dropout.h - leaves out random values while training (Srivastava et al. 2014), in the inverted form.
#pragma once

#include <string_view>

#include "nn/step.h"
#include "nn/tape.h"

namespace normlab::nn {

// Each value of x becomes 0 with probability `rate`, 0 <= rate < 1, and else x / (1 - rate); in evaluation x itself.
// The mask is a function of step.key, step.time and `purpose`, "dropout/readout", which each place of a model has for
// itself: two Vars of one purpose in one step get the same mask. The way back keeps one bit a value.
template <typename T>
BasicVar<T> dropout(BasicVar<T> x, double rate, const Step& step, std::string_view purpose);

}  // namespace normlab::nn
