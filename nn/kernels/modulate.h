// modulate.h - a gain and a bias of each example, for `examples` times `positions` rows of `f` floats: the affine part
// of adaptive normalisation.
//
// gain, bias and their gradients are of examples rows of f floats; any of them may be null. Threads share the work by
// fixed examples: same bits for any thread count.
#pragma once

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

struct ModulateShape {
  Index examples, positions, f;
};

// y = gain x + bias. y must not be x.
void modulate_forward(const ModulateShape& shape, const float* x, const float* gain, const float* bias, float* y);

// dx = gain dy, overwritten or added to with `accumulate`; to dgain is added the sum of dy x over an example's
// positions, to dbias that of dy. dx may be null.
void modulate_backward(const ModulateShape& shape, const float* dy, const float* x, const float* gain, float* dx,
                       bool accumulate, float* dgain, float* dbias);

}  // namespace normlab::nn::kernels
