// check.h - the error an op throws for shapes that do not fit. For the ops' own use.
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

namespace internal {
[[noreturn]] void throw_shapes(const char* op, const char* label_a, Index rows_a, Index cols_a, const char* label_b,
                               Index rows_b, Index cols_b, const char* expected);
[[noreturn]] void throw_shape(const char* op, const char* label, Index rows, Index cols, const char* expected);
}  // namespace internal

// Throws nn::Error "op: 'a' is 3 x 4 and 'b' is 5 x 1; expected ..." unless `ok`.
template <typename T>
void require_shapes(bool ok, const char* op, BasicVar<T> a, BasicVar<T> b, const char* expected) {
  if (!ok) [[unlikely]] {
    internal::throw_shapes(op, a.label(), a.rows(), a.cols(), b.label(), b.rows(), b.cols(), expected);
  }
}

template <typename T>
void require_shape(bool ok, const char* op, BasicVar<T> a, const char* expected) {
  if (!ok) [[unlikely]] {
    internal::throw_shape(op, a.label(), a.rows(), a.cols(), expected);
  }
}

// Throws unless `vector` (a gain, a bias) has one value for each row of `a`.
template <typename T>
void require_vector(const char* op, BasicVar<T> a, BasicVar<T> vector) {
  require_shapes(vector.cols() == 1 && vector.rows() == a.rows(), op, a, vector, "a vector with one value per row");
}

// The same for a vector that may be left out.
template <typename T>
void require_vector_if_any(const char* op, BasicVar<T> a, BasicVar<T> vector) {
  if (vector) {
    require_vector(op, a, vector);
  }
}

}  // namespace normlab::nn
