// clip.h - keeps gradients from being too large, between the way back and the optimizer's step.
//
// Threads: one; loops are shared by base/parallel.h and give the same bits for any team. Allocates nothing.
// Errors: nn::Error for a limit that is none.
#pragma once

#include <optional>

#include "nn/parameter.h"

namespace normlab::nn {

enum class ClipKind {
  kOff,
  kGlobalNorm,  // all gradients together are scaled to a norm of at most the limit (Pascanu et al. 2013)
  kPerTensor,   // each parameter's gradient is, by itself
  kPerValue,    // each value is cut to [-limit, limit]
};

struct ClipSpec {
  ClipKind kind = ClipKind::kOff;
  double limit = 0.0;  // above 0, but for kOff
};

struct ClippedGradients {
  std::optional<double> norm;  // of all gradients together before clipping
  double scale = 1.0;          // what is left to be done: the gradient_scale of BasicOptimizer::step
};

// Whether the norm is computed where clipping itself does not need it.
enum class GradientNorm { kIfNeeded, kAlways };

// Clips the gradients of the store. By the global norm it leaves them as they are and returns a scale, which saves a
// pass over them; otherwise it writes to them. The norm is the root of the sum of all squares, summed in double in a
// fixed order. It is given if it was asked for or needed, and is what a training loop stops on: NaN and infinity show in
// it. NaN passes through each kind of clipping, infinity becomes NaN but for kPerValue.
template <typename T>
ClippedGradients clip_gradients(BasicParameterStore<T>& store, const ClipSpec& spec,
                                GradientNorm norm = GradientNorm::kIfNeeded);

}  // namespace normlab::nn
