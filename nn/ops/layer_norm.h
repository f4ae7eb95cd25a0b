// layer_norm.h - layer normalization and its variant without re-centring, over the units of each example.
// A gain or a bias that is an empty Var counts as 1, or 0. With `span` above 1, that many neighbouring columns are one
// example, with F span units.
#pragma once

#include "nn/ops/norm_options.h"
#include "nn/tape.h"

namespace normlab::nn {

// gain (a - mean) / sd + bias, mean and biased sd over the F units of each example [LN eq 3], [LN eq 15].
// a: F x B summed inputs; gain, bias: F x 1. A constant column gives the bias and a finite gradient if eps > 0.
template <typename T>
BasicVar<T> layer_norm(BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps = {}, Index span = 1);

// gain a / rms(a) + bias, rms over the F units of each example (Zhang and Sennrich 2019).
template <typename T>
BasicVar<T> rms_norm(BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps = {}, Index span = 1);

}  // namespace normlab::nn
