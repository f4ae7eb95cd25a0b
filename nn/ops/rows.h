// rows.h - joining and cutting matrices by rows: features side by side, the same examples.
#pragma once

#include <initializer_list>

#include "nn/tape.h"

namespace normlab::nn {

// The parts over each other, in order: (F1 + F2 + ...) x B from F1 x B, F2 x B, ... At least one part.
template <typename T>
BasicVar<T> concat_rows(std::initializer_list<BasicVar<T>> parts);
template <typename T>
BasicVar<T> concat_rows(BasicVar<T> x, BasicVar<T> y) {
  return concat_rows<T>({x, y});
}

// Rows first .. first + count - 1 of x: count x B. Copies.
template <typename T>
BasicVar<T> slice_rows(BasicVar<T> x, Index first, Index count);

}  // namespace normlab::nn
