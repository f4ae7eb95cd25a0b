// reverse.h - the steps of padded sequences in reverse, for recurrence from the end.
#pragma once

#include <cstdint>
#include <span>

#include "nn/layout.h"
#include "nn/tape.h"

namespace normlab::nn {

// Step t of example b becomes step lengths[b] - 1 - t; what follows the example's end stays where it is. So it is its own
// inverse. x: F x (steps * batch); a length in [0, steps] for each example, copied.
template <typename T>
BasicVar<T> reverse_sequences(BasicVar<T> x, std::span<const std::int32_t> lengths, const SequenceLayout& layout);

}  // namespace normlab::nn
