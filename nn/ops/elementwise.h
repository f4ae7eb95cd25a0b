// elementwise.h - sums and products of matrices of one shape, value by value, and the sum of all values.
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

template <typename T>
BasicVar<T> add(BasicVar<T> x, BasicVar<T> y);
template <typename T>
BasicVar<T> mul(BasicVar<T> x, BasicVar<T> y);

template <typename T>
BasicVar<T> sub(BasicVar<T> x, BasicVar<T> y);

// Every column of x times the vector v, value by value. x: F x B, v: F x 1.
template <typename T>
BasicVar<T> scale_rows(BasicVar<T> x, BasicVar<T> v);

// The sum of all values, 1 x 1.
template <typename T>
BasicVar<T> sum(BasicVar<T> x);

// x, with a gradient whose values are cut to +- bound.
template <typename T>
BasicVar<T> clip_gradient(BasicVar<T> x, T bound);

template <typename T>
BasicVar<T> operator+(BasicVar<T> x, BasicVar<T> y) {
  return add(x, y);
}
template <typename T>
BasicVar<T> operator-(BasicVar<T> x, BasicVar<T> y) {
  return sub(x, y);
}
template <typename T>
BasicVar<T> operator*(BasicVar<T> x, BasicVar<T> y) {
  return mul(x, y);
}

}  // namespace normlab::nn
