// activation.h - non-linearities, value by value.
#pragma once

#include "nn/kernels/gelu.h"
#include "nn/tape.h"

namespace normlab::nn {

// max(x, 0); the gradient at 0 is 0. NaN stays NaN.
template <typename T>
BasicVar<T> relu(BasicVar<T> x);
// The same in the memory of x, which nobody reads again, and of the gradient: a third less to move through memory.
// nn::Error if x is an input or a parameter, or read on an earlier op's way back.
template <typename T>
BasicVar<T> relu_in_place(BasicVar<T> x);
// x where x >= 0, else slope x [Maas et al. 2013]; the gradient at 0 is slope. slope in [0, 1].
template <typename T>
BasicVar<T> leaky_relu(BasicVar<T> x, double slope);
template <typename T>
BasicVar<T> leaky_relu_in_place(BasicVar<T> x, double slope);
// 1 / (1 + exp(-x)).
template <typename T>
BasicVar<T> sigmoid(BasicVar<T> x);
template <typename T>
BasicVar<T> tanh(BasicVar<T> x);
// |x|; the gradient at 0 is 0.
template <typename T>
BasicVar<T> abs(BasicVar<T> x);

using kernels::GeluForm;
// x Phi(x) with the normal distribution function Phi [Hendrycks and Gimpel 2016], or the form with tanh that is near it.
template <typename T>
BasicVar<T> gelu(BasicVar<T> x, GeluForm form = GeluForm::kErf);

}  // namespace normlab::nn
