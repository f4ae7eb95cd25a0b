// math.h - the loops under the ops by scalar type: float goes to the vector kernels, double to plain loops. A batch of
// B examples of F values is B rows of f contiguous values here. For the ops' own use.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "nn/aligned_array.h"
#include "nn/kernels/conv.h"
#include "nn/kernels/gelu.h"
#include "nn/kernels/norm.h"
#include "nn/kernels/pointwise.h"
#include "nn/kernels/pool.h"
#include "nn/plain/conv.h"
#include "nn/plain/norm.h"
#include "nn/plain/pool.h"

namespace normlab::nn::math {

using kernels::GeluForm;

using kernels::add_bias;
using kernels::add_column_sums;
using kernels::conv2d_forward;
using kernels::conv2d_input_gradient;
using kernels::conv2d_weight_gradient;
using kernels::exp;
using kernels::gelu;
using kernels::gelu_backward;
using kernels::leaky_relu;
using kernels::leaky_relu_backward;
using kernels::max_pool_backward;
using kernels::max_pool_forward;
using kernels::mean_pool_backward;
using kernels::mean_pool_forward;
using kernels::relu_backward;
using kernels::sigmoid;
using kernels::sigmoid_backward;
using kernels::tanh;
using kernels::tanh_backward;
using plain::conv2d_forward;
using plain::conv2d_input_gradient;
using plain::conv2d_weight_gradient;
using plain::max_pool_backward;
using plain::max_pool_forward;
using plain::mean_pool_backward;
using plain::mean_pool_forward;

inline void relu(Index n, const float* x, float* y) { kernels::bias_relu(1, n, x, nullptr, y); }
inline void relu(Index n, const double* x, double* y) {
  std::transform(x, x + n, y, [](double v) { return v < 0.0 ? 0.0 : v; });
}

// dx[i] = dy[i] slope(v[i]), or adds it.
template <typename Slope>
void chain(Index n, const double* dy, const double* v, double* dx, bool accumulate, Slope slope) {
  for (Index i = 0; i < n; ++i) {
    dx[i] = (accumulate ? dx[i] : 0.0) + dy[i] * slope(v[i]);
  }
}

inline void relu_backward(Index n, const double* dy, const double* y, double* dx, bool accumulate) {
  chain(n, dy, y, dx, accumulate, [](double v) { return v > 0.0 ? 1.0 : 0.0; });
}

inline void leaky_relu(Index n, double slope, const double* x, double* y) {
  std::transform(x, x + n, y, [slope](double v) { return v < 0.0 ? slope * v : v; });
}
inline void leaky_relu_backward(Index n, double slope, const double* dy, const double* y, double* dx, bool accumulate) {
  chain(n, dy, y, dx, accumulate, [slope](double v) { return v > 0.0 ? 1.0 : slope; });
}

inline void sigmoid_backward(Index n, const double* dy, const double* y, double* dx, bool accumulate) {
  chain(n, dy, y, dx, accumulate, [](double v) { return v * (1.0 - v); });
}

inline void tanh_backward(Index n, const double* dy, const double* y, double* dx, bool accumulate) {
  chain(n, dy, y, dx, accumulate, [](double v) { return 1.0 - v * v; });
}

inline void exp(Index n, const double* x, double* y) {
  std::transform(x, x + n, y, [](double v) { return std::exp(v); });
}

inline void sigmoid(Index n, const double* x, double* y) {
  std::transform(x, x + n, y, [](double v) { return 1.0 / (1.0 + std::exp(-v)); });
}

inline void tanh(Index n, const double* x, double* y) {
  std::transform(x, x + n, y, [](double v) { return std::tanh(v); });
}

// What multiplies x in gelu: the normal distribution function, or the sigmoid of a polynomial that is near it.
inline double gelu_gate(GeluForm form, double x) {
  return form == GeluForm::kErf
             ? 0.5 * std::erfc(-x * std::numbers::sqrt2 / 2.0)
             : 1.0 / (1.0 + std::exp(-2.0 * kernels::kGeluScale * (x + kernels::kGeluCube * x * x * x)));
}

inline void gelu(GeluForm form, Index n, const double* x, double* y) {
  std::transform(x, x + n, y, [form](double v) { return v * gelu_gate(form, v); });
}

inline void gelu_backward(GeluForm form, Index n, const double* dy, const double* x, double* dx, bool accumulate) {
  chain(n, dy, x, dx, accumulate, [form](double v) {
    const double gate = gelu_gate(form, v);
    const double gate_slope = form == GeluForm::kErf ? std::exp(-0.5 * v * v) / std::sqrt(2.0 * std::numbers::pi)
                                                     : gate * (1.0 - gate) * 2.0 * kernels::kGeluScale *
                                                           (1.0 + 3.0 * kernels::kGeluCube * v * v);
    return gate + v * gate_slope;
  });
}

inline void add_bias(Index rows, Index f, const double* x, const double* bias, double* y) {
  for (Index r = 0; r < rows; ++r) {
    std::transform(x + r * f, x + (r + 1) * f, bias, y + r * f, std::plus<>());
  }
}

inline void add_column_sums(Index rows, Index f, const double* x, double* out) {
  for (Index r = 0; r < rows; ++r) {
    std::transform(out, out + f, x + r * f, out, std::plus<>());
  }
}

}  // namespace normlab::nn::math
