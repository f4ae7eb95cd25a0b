// primitive_ops.h - the smallest differentiable steps, in double, of which tests compose what nn/ops/ fuses.
//
// Written with the tape's interface for ops alone, independently of the fused code, and checked by gradient themselves.
#pragma once

#include <cmath>

#include "nn/ops/elementwise.h"
#include "nn/ops/pointwise.h"
#include "nn/tape.h"

namespace normlab::nn::primitive {

using DVar = BasicVar<double>;

// A linear map given by index: y[i] = sum of weight * x[j] over the pairs (i, j) that `pairs` calls visit(i, j) with.
template <typename Pairs>
DVar gather(const char* op, DVar x, Index rows, Index cols, double weight, Pairs pairs) {
  DVar y = x.tape().result(op, rows, cols, {x});
  std::fill_n(y.mutable_data(), y.size(), 0.0);
  pairs([&](Index i, Index j) { y.mutable_data()[i] += weight * x.data()[j]; });
  x.tape().on_backward({y}, [=] {
    if (double* dx = cleared(x.grad_sink(), x.size())) {
      pairs([&](Index i, Index j) { dx[j] += weight * y.grad()[i]; });
    }
  });
  return y;
}

// F x B -> B x F.
inline DVar transpose(DVar x) {
  const Index rows = x.rows(), cols = x.cols();
  return gather("transpose", x, cols, rows, 1.0, [=](auto visit) {
    for (Index i = 0; i < rows * cols; ++i) {
      visit(i % rows * cols + i / rows, i);
    }
  });
}

// The sum over each column: F x B -> 1 x B.
inline DVar column_sum(DVar x) {
  const Index rows = x.rows(), n = x.size();
  return gather("column_sum", x, 1, x.cols(), 1.0, [=](auto visit) {
    for (Index i = 0; i < n; ++i) {
      visit(i / rows, i);
    }
  });
}

inline DVar scale(DVar x, double factor) {
  const Index n = x.size();
  return gather("scale", x, x.rows(), x.cols(), factor, [=](auto visit) {
    for (Index i = 0; i < n; ++i) {
      visit(i, i);
    }
  });
}

// The row 1 x B in each of `rows` rows.
inline DVar repeat_row(DVar x, Index rows) {
  const Index n = rows * x.cols();
  return gather("repeat_row", x, rows, x.cols(), 1.0, [=](auto visit) {
    for (Index i = 0; i < n; ++i) {
      visit(i, i / rows);
    }
  });
}

// The vector F x 1 in each of `cols` columns.
inline DVar repeat_column(DVar x, Index cols) { return transpose(repeat_row(transpose(x), cols)); }

// f of every value, with its derivative at the input.
template <typename F, typename Slope>
DVar map(const char* op, DVar x, F f, Slope slope) {
  DVar y = x.tape().result(op, x.rows(), x.cols(), {x});
  std::transform(x.data(), x.data() + x.size(), y.mutable_data(), f);
  x.tape().on_backward({y}, [x, y, slope] {
    fill_pointwise(x.grad_sink(), x.size(), [=](Index i) { return y.grad()[i] * slope(x.data()[i]); });
  });
  return y;
}

inline DVar exp(DVar x) {
  return map(
      "exp", x, [](double v) { return std::exp(v); }, [](double v) { return std::exp(v); });
}
inline DVar log(DVar x) {
  return map(
      "log", x, [](double v) { return std::log(v); }, [](double v) { return 1.0 / v; });
}
// 1 / sqrt(x + eps).
inline DVar inv_sqrt(DVar x, double eps) {
  return map(
      "inv_sqrt", x, [eps](double v) { return 1.0 / std::sqrt(v + eps); },
      [eps](double v) { return -0.5 / std::pow(v + eps, 1.5); });
}
// 1 / (sqrt(x) + eps).
inline DVar inv_of_sqrt_plus(DVar x, double eps) {
  return map(
      "inv_of_sqrt_plus", x, [eps](double v) { return 1.0 / (std::sqrt(v) + eps); },
      [eps](double v) { return -0.5 / (std::sqrt(v) * (std::sqrt(v) + eps) * (std::sqrt(v) + eps)); });
}
inline DVar sub(DVar x, DVar y) { return x + scale(y, -1.0); }

}  // namespace normlab::nn::primitive
