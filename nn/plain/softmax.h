// softmax.h - the functions of kernels/softmax.h as plain loops, for double. Contracts are those.
#pragma once

#include "nn/kernels/softmax.h"

namespace normlab::nn::plain {

using kernels::LogitChunk;

void softmax_chunk(const LogitChunk<double>& chunk, const double* bias, double* max, double* sum, double* label_logit);
void softmax_chunk_backward(const LogitChunk<double>& chunk, const double* factor, const double* label_gradient,
                            double* dbias, bool accumulate);

}  // namespace normlab::nn::plain
