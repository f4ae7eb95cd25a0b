// batch_norm.h - batch normalization: each unit by its statistics over examples. A gain or a bias that is an empty Var
// counts as 1, or 0.
#pragma once

#include "nn/ops/norm_options.h"
#include "nn/tape.h"

namespace normlab::nn {

// Statistics of each of F units; borrowed memory.
template <typename T>
struct UnitStatistics {
  const T* mean;
  const T* variance;
};

template <typename T>
struct BatchNormResult {
  BasicVar<T> y;            // F x B
  UnitStatistics<T> batch;  // what y was normalised with, in the tape's memory; variance by the chosen divisor
};

// gain (a - mean) / sd + bias with mean and sd of each unit over this batch [LN eq 2]; gradients flow through both.
// a: F x B; gain, bias: F x 1. `unbiased` divides the variance by B - 1 and needs B > 1; biased with B = 1 gives the
// bias.
template <typename T>
BatchNormResult<T> batch_norm(BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, bool unbiased, NormEps eps = {});

// The same with given statistics, which are constants: for evaluation. They are read before the function returns.
template <typename T>
BasicVar<T> batch_norm_with(UnitStatistics<T> statistics, BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias,
                            NormEps eps = {});

}  // namespace normlab::nn
