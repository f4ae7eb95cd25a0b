// pool.h - the functions of kernels/pool.h as plain serial loops in double: they serve gradient checks. Contracts are
// those of the kernels.
#pragma once

#include "nn/kernels/pool.h"

namespace normlab::nn::plain {

void max_pool_forward(const kernels::PoolShape& shape, const double* x, double* y, std::int32_t* chosen);
void max_pool_backward(const kernels::PoolShape& shape, const double* dy, const std::int32_t* chosen, double* dx,
                       bool accumulate);
void mean_pool_forward(const kernels::PoolShape& shape, const double* x, double* y);
void mean_pool_backward(const kernels::PoolShape& shape, const double* dy, double* dx, bool accumulate);

}  // namespace normlab::nn::plain
