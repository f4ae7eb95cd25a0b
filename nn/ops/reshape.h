// reshape.h - the same values under another shape. Copies nothing, there or back.
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

// The values of x in their order in memory, as rows x cols: column-major, so that a column of an F x (P B) is cut out of
// a column of the (F P) x B.
template <typename T>
BasicVar<T> reshape(BasicVar<T> x, Index rows, Index cols);

}  // namespace normlab::nn
