// gelu.h - Gaussian error linear units over contiguous floats.
#pragma once

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

enum class GeluForm {
  kErf,   // x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2
  kTanh,  // x (1 + tanh(s (x + c x^3))) / 2
};
inline constexpr double kGeluScale = 0.79788456080286535588;  // s = sqrt(2 / pi)
inline constexpr double kGeluCube = 0.044715;                 // c

// y = gelu(x), which may be x. NaN stays NaN. Relative error at most 4e-6, in the tails too, where the exponent is rounded.
void gelu(GeluForm form, Index n, const float* x, float* y);
// dx = dy gelu'(x), or adds it.
void gelu_backward(GeluForm form, Index n, const float* dy, const float* x, float* dx, bool accumulate);

}  // namespace normlab::nn::kernels
