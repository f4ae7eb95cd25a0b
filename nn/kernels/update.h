// update.h - one step of an optimizer over a flat array of parameters, each array read and written once; and what
// clipping does to gradients in place.
//
// g the gradient, w the parameters, the rest the optimizer's state; not overlapping. A step goes over runs of these
// arrays, which threads share: element by element, so that the bits depend neither on the number of threads nor on how
// the arrays are cut. No allocation, no checks.
#pragma once

#include <span>

#include "nn/gradient_factors.h"
#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// What happens to the weights of a run that decays, before the rule of the optimizer.
enum class Decay {
  kNone,
  kL2,         // gradient += amount w
  kDecoupled,  // w -= amount w [Loshchilov and Hutter 2019]
};

// Elements [begin, end) of the flat arrays. With factors the gradient is theirs and not read from g: it is multiplied
// out piece by piece, with the bits of gemm, and never goes to memory. The run lies in the parameter whose they are,
// which begins at element `parameter`.
struct UpdateRun {
  Index begin, end;
  bool decays;
  Index parameter = 0;
  const GradientFactors<float>* factors = nullptr;
};

// What the steps of all optimizers begin with: g' = scale g, and decay. Every rule below is in terms of g'.
struct GradientScalars {
  float scale = 1.0f;  // clipping by the global norm; else 1
  Decay decay = Decay::kNone;
  float amount = 0.0f;
};

// What Adam needs at one step, computed once per step in double by adam_scalars.
struct AdamScalars {
  float beta1, beta2;
  float one_minus_beta1, one_minus_beta2;
  float step_size;  // lr / (1 - beta1^t); lr alone without bias correction
  float v_scale;    // 1 / sqrt(1 - beta2^t); 1 without bias correction
  float eps;        // added outside the square root
};

// `step` counts from 1. Without bias correction this is the optimizer of the paper's released order-embedding code.
AdamScalars adam_scalars(double lr, double beta1, double beta2, double eps, long step, bool bias_correction);

//   m = beta1 m + (1 - beta1) g';  v = beta2 v + (1 - beta2) g'^2
//   w = w - step_size m / (v_scale sqrt(v) + eps)                                          [Kingma and Ba 2015, alg. 1]
void adam_update(std::span<const UpdateRun> runs, const GradientScalars& gradient, const AdamScalars& s, const float* g,
                 float* w, float* m, float* v);

struct SgdScalars {
  float lr, momentum;
  bool nesterov;
};

//   velocity = momentum velocity + g';  w = w - lr velocity, with nesterov w = w - lr (g' + momentum velocity)
void sgd_update(std::span<const UpdateRun> runs, const GradientScalars& gradient, const SgdScalars& s, const float* g,
                float* w, float* velocity);

struct RmspropScalars {
  float lr, alpha, one_minus_alpha, eps, momentum;
};

//   n = alpha n + (1 - alpha) g'^2;  q = g' / (sqrt(n) + eps)
//   w = w - lr q, or with a velocity (null: none) velocity = momentum velocity + q;  w = w - lr velocity
void rmsprop_update(std::span<const UpdateRun> runs, const GradientScalars& gradient, const RmspropScalars& s,
                    const float* g, float* w, float* n, float* velocity);

//   n = alpha n + (1 - alpha) g'^2;  m = alpha m + (1 - alpha) g'
//   change = momentum change - lr g' / sqrt(n - m^2 + eps);  w = w + change                     [Graves 2013, eq. 38-45]
// n - m^2, a variance, counts as 0 where rounding makes it less.
void rmsprop_graves_update(std::span<const UpdateRun> runs, const GradientScalars& gradient, const RmspropScalars& s,
                           const float* g, float* w, float* n, float* m, float* change);

// x = s x
void scale(Index n, float s, float* x);
// x = min(max(x, -limit), limit); NaN stays NaN.
void clamp(Index n, float limit, float* x);

}  // namespace normlab::nn::kernels
