// update.h - one step of an optimizer over a flat array of parameters, each array read and written once.
//
// g the gradient, w the parameters, the rest the optimizer's state; all of n floats, not overlapping. Split over
// threads by fixed ranges, element by element: the bits do not depend on the number of threads. No allocation, no
// checks.
#pragma once

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// What Adam needs at one step, computed once per step in double by adam_scalars.
struct AdamScalars {
  float beta1, beta2;
  float one_minus_beta1, one_minus_beta2;
  float step_size;  // lr / (1 - beta1^t); lr alone without bias correction
  float v_scale;    // 1 / sqrt(1 - beta2^t); 1 without bias correction
  float eps;        // added outside the square root
  float g_scale;    // multiplies the gradient first: clipping by the global norm; else 1
};

// `step` counts from 1. Without bias correction this is the optimizer of the paper's released order-embedding code.
AdamScalars adam_scalars(double lr, double beta1, double beta2, double eps, long step, bool bias_correction,
                         double g_scale = 1.0);

//   g' = g_scale g;  m = beta1 m + (1 - beta1) g';  v = beta2 v + (1 - beta2) g'^2;
//   w = w - step_size m / (v_scale sqrt(v) + eps)                                          [Kingma and Ba 2015, alg. 1]
void adam_update(Index n, const AdamScalars& s, const float* g, float* w, float* m, float* v);

//   velocity = momentum velocity + g_scale g;  w = w - lr velocity
void sgd_momentum_update(Index n, float lr, float momentum, float g_scale, const float* g, float* w, float* velocity);

}  // namespace normlab::nn::kernels
