// clip.h - clipping by the norm of all gradients together (Pascanu et al. 2013).
#pragma once

#include "nn/parameter.h"

namespace normlab::nn {

// sqrt of the sum of all squared gradients of the store, summed in double in a fixed order. NaN and infinities show.
template <typename T>
double global_norm(BasicParameterStore<T>& store);

// What to multiply gradients with so that a norm is at most max_norm: the gradient_scale of Optimizer::step, which
// saves a pass over them. A NaN norm gives NaN: divergence stays visible.
double clip_scale(double norm, double max_norm);

}  // namespace normlab::nn
