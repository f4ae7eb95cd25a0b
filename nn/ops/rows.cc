#include "nn/ops/rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

// Copies rows first .. first + count - 1 of `from` (from_rows x cols) to rows `to_first` .. of `to`, or adds them
// there.
struct RowCopy {
  Index cols, count;
  Index from_rows, from_first;
  Index to_rows, to_first;
};

template <typename T>
void copy_rows(const RowCopy& c, const T* from, T* to, bool accumulate) {
  for (Index b = 0; b < c.cols; ++b) {
    const T* source = from + b * c.from_rows + c.from_first;
    T* target = to + b * c.to_rows + c.to_first;
    for (Index i = 0; i < c.count; ++i) {
      target[i] = accumulate ? target[i] + source[i] : source[i];
    }
  }
}

}  // namespace

// dx and dy are the rows of dz they came from.
template <typename T>
BasicVar<T> concat_rows(BasicVar<T> x, BasicVar<T> y) {
  require_shapes(x.cols() == y.cols(), "concat_rows", x, y, "as many columns");
  BasicVar<T> z = x.tape().result("concat_rows", x.rows() + y.rows(), x.cols(), {x, y});
  const RowCopy upper{x.cols(), x.rows(), x.rows(), 0, z.rows(), 0};
  const RowCopy lower{y.cols(), y.rows(), y.rows(), 0, z.rows(), x.rows()};
  copy_rows(upper, x.data(), z.mutable_data(), false);
  copy_rows(lower, y.data(), z.mutable_data(), false);
  x.tape().on_backward({z}, [x, y, z] {
    if (const GradSink<T> dx = x.grad_sink()) {
      copy_rows({x.cols(), x.rows(), z.rows(), 0, x.rows(), 0}, z.grad(), dx.data, dx.accumulate);
    }
    if (const GradSink<T> dy = y.grad_sink()) {
      copy_rows({y.cols(), y.rows(), z.rows(), x.rows(), y.rows(), 0}, z.grad(), dy.data, dy.accumulate);
    }
  });
  return z;
}

// dx has dz in the rows that were cut out, and zeros elsewhere.
template <typename T>
BasicVar<T> slice_rows(BasicVar<T> x, Index first, Index count) {
  if (first < 0 || count < 1 || first + count > x.rows()) {
    throw Error(fmt::format("slice_rows: rows {} to {} of '{}', which is {} x {}", first, first + count - 1, x.label(),
                            x.rows(), x.cols()));
  }
  BasicVar<T> y = x.tape().result("slice_rows", count, x.cols(), {x});
  copy_rows({x.cols(), count, x.rows(), first, count, 0}, x.data(), y.mutable_data(), false);
  x.tape().on_backward({y}, [x, y, first, count] {
    if (T* dx = cleared(x.grad_sink(), x.size())) {
      copy_rows({x.cols(), count, count, 0, x.rows(), first}, y.grad(), dx, true);
    }
  });
  return y;
}

template BasicVar<float> concat_rows(BasicVar<float>, BasicVar<float>);
template BasicVar<double> concat_rows(BasicVar<double>, BasicVar<double>);
template BasicVar<float> slice_rows(BasicVar<float>, Index, Index);
template BasicVar<double> slice_rows(BasicVar<double>, Index, Index);

}  // namespace normlab::nn
