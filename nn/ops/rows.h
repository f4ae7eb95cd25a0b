// rows.h - joining and cutting matrices by rows: features side by side, the same examples.
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

// x over y: (F1 + F2) x B from F1 x B and F2 x B.
template <typename T>
BasicVar<T> concat_rows(BasicVar<T> x, BasicVar<T> y);

// Rows first .. first + count - 1 of x: count x B. Copies.
template <typename T>
BasicVar<T> slice_rows(BasicVar<T> x, Index first, Index count);

}  // namespace normlab::nn
