// pointwise.h - loops over the values of a result or a gradient, cut by size so that threads do not change bits.
// For the ops' own use.
#pragma once

#include <algorithm>

#include "base/parallel.h"
#include "nn/tape.h"

namespace normlab::nn {

// Values per piece: microseconds of work, so that small matrices stay on one thread.
inline constexpr Index kPointwiseGrain = Index{1} << 13;

// Columns of so many values that make a piece, at least one.
inline Index columns_per_piece(Index rows) { return std::max<Index>(1, kPointwiseGrain / rows); }

// out[i] = f(i) for i in [0, n).
template <typename T, typename F>
void fill_pointwise(T* out, Index n, F f) {
  parallel_ranges(n, kPointwiseGrain, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      out[i] = f(i);
    }
  });
}

// Gives f(i) to the gradient; nothing if nobody wants it.
template <typename T, typename F>
void fill_pointwise(GradSink<T> sink, Index n, F f) {
  if (!sink) {
    return;
  }
  if (sink.accumulate) {
    fill_pointwise(sink.data, n, [&](Index i) { return sink.data[i] + f(i); });
  } else {
    fill_pointwise(sink.data, n, f);
  }
}

// The values of an argument that may be left out, or null.
template <typename T>
const T* data_or_null(BasicVar<T> v) {
  return v ? v.data() : nullptr;
}

// The memory of a gradient that its filler adds to: cleared if it holds nothing yet. Null if nobody wants it.
template <typename T>
T* cleared(GradSink<T> sink, Index n) {
  if (sink && !sink.accumulate) {
    std::fill_n(sink.data, n, T{0});
  }
  return sink.data;
}

// The same of the gradient of an argument that may be left out.
template <typename T>
T* cleared_or_null(BasicVar<T> v) {
  return v ? cleared(v.grad_sink(), v.size()) : nullptr;
}

}  // namespace normlab::nn
