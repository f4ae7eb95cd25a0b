// conv.h - the functions of kernels/conv.h as plain serial loops in double: they serve gradient checks. Contracts are
// those of the kernels.
#pragma once

#include "nn/kernels/conv.h"

namespace normlab::nn::plain {

void conv2d_forward(const kernels::ConvShape& shape, const double* x, const double* w, double* y);
void conv2d_input_gradient(const kernels::ConvShape& shape, const double* dy, const double* w, double* dx,
                           bool accumulate);
void conv2d_weight_gradient(const kernels::ConvShape& shape, const double* x, const double* dy, double* dw,
                            bool accumulate);

}  // namespace normlab::nn::plain
