// norm_options.h - the small constant of a normalizer and where it stands.
#pragma once

#include "nn/kernels/norm.h"

namespace normlab::nn {

// kInsideSqrt: (a - mean) / sqrt(var + eps), the authors' Theano code.
// kOutsideSqrt: (a - mean) / (sqrt(var) + eps), the authors' Torch code.
using EpsPlacement = kernels::EpsPlace;

struct NormEps {
  double value = 1e-5;
  EpsPlacement placement = EpsPlacement::kInsideSqrt;
};

}  // namespace normlab::nn
