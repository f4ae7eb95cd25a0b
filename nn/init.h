// init.h - initial values of parameters. Each names the standard formula; fans are the inputs and outputs of the
// matrix, and of a convolution those of all taps, as PyTorch counts: height x width x in, height x width x out.
//
// Values are drawn in double and then rounded, in the order the parameter is laid out (PyTorch's [out x in] row-major),
// so float and double models start from the same numbers.
#pragma once

#include <functional>
#include <span>

#include "base/rng.h"
#include "nn/aligned_array.h"

namespace normlab::nn {

struct Fans {
  Index in = 1, out = 1;
};

// Fills all of `values`.
using Initializer = std::function<void(Rng& rng, Fans fans, std::span<double> values)>;

namespace init {

Initializer constant(double value);
Initializer zeros();
// U(-bound, bound).
Initializer uniform(double bound);
// N(0, deviation^2).
Initializer normal(double deviation);
// U(-a, a), a = sqrt(6 / (in + out)) (Glorot and Bengio 2010).
Initializer glorot_uniform();
// N(0, 2 / (in + out)).
Initializer glorot_normal();
// N(0, 2 / in) (He et al. 2015).
Initializer he_normal();
// U(-a, a), a = 1 / sqrt(in): the default of Torch's and PyTorch's Linear.
Initializer torch_uniform();
// scale times a random orthogonal matrix, uniformly drawn: Gram-Schmidt of normal numbers. Where a matrix has n times as many
// outputs as inputs, n of them one over the other, as the gates of a cell have one each. nn::Error for other shapes.
Initializer orthogonal(double scale = 1.0);

}  // namespace init
}  // namespace normlab::nn
