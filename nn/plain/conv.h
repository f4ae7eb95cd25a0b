// conv.h - the functions of kernels/conv.h and kernels/pool.h as plain serial loops, in double: they serve gradient
// checks. Contracts are those of the kernels.
#pragma once

#include "nn/kernels/conv.h"
#include "nn/kernels/pool.h"

namespace normlab::nn::plain {

void conv2d_forward(const kernels::ConvShape& shape, const double* x, const double* w, double* y);
void conv2d_input_gradient(const kernels::ConvShape& shape, const double* dy, const double* w, double* dx,
                           bool accumulate);
void conv2d_weight_gradient(const kernels::ConvShape& shape, const double* x, const double* dy, double* dw,
                            bool accumulate);

void max_pool_forward(const kernels::PoolShape& shape, const double* x, double* y, std::int32_t* chosen);
void max_pool_backward(const kernels::PoolShape& shape, const double* dy, const std::int32_t* chosen, double* dx,
                       bool accumulate);
void mean_pool_forward(const kernels::PoolShape& shape, const double* x, double* y);
void mean_pool_backward(const kernels::PoolShape& shape, const double* dy, double* dx, bool accumulate);

}  // namespace normlab::nn::plain
