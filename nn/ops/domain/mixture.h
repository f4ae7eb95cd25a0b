// mixture.h - how likely a mixture of bivariate Gaussians with a Bernoulli pen makes the points that followed: the loss
// of handwriting (Graves 2013, section 4.1), and a point drawn from it.
//
// A column of `outputs` holds, for M components, 6M + 1 numbers in this order:
//   e^ | pi^ (M) | mu1 (M) | mu2 (M) | s1^ (M) | s2^ (M) | rho^ (M)
//   pi = softmax(pi^)                     p(end) = sigmoid(e^)
//   sigma = exp(s^)                       rho = tanh(rho^), both within MixtureLimits
// The negative log likelihood of (x1, x2, end), in nats, by log-sum-exp throughout:
//   -log sum_j pi_j N(x1, x2; mu_j, sigma_j, rho_j) - end log p(end) - (1 - end) log(1 - p(end))
#pragma once

#include <array>
#include <span>

#include "base/rng.h"
#include "nn/tape.h"

namespace normlab::nn {

// What a deviation and a correlation are kept within: the likelihood of a point on a mean is not bounded without.
struct MixtureLimits {
  double log_sigma = -7.0;  // at least
  double rho = 1.0 - 1e-4;  // at most, in size
};

struct MixtureOptions {
  // Derivatives with respect to `outputs` are cut to +- this before `weight` (Graves cut at 100); 0: not at all.
  double clip = 0.0;
  // The loss is the sum of the columns' NLLs times this: 1 / B for the mean over sequences.
  double weight = 1.0;
  MixtureLimits limits = {};
};

template <typename T>
struct BasicMixtureLoss {
  BasicVar<T> loss;  // 1 x 1
  const T* nll;      // of each column, unweighted, 0 where masked; lives until the tape's reset()
};

// outputs: (6M + 1) x N; targets: 3 x N, (x1, x2, end) a column; mask: N, 0 for a column that does not count, whatever
// it holds, or null. Targets and mask are borrowed until the tape's reset().
template <typename T>
BasicMixtureLoss<T> mixture_nll(BasicVar<T> outputs, const T* targets, const T* mask, const MixtureOptions& options);

// (x1, x2, end) drawn from one column of outputs. bias >= 0 makes the writing neater: deviations times exp(-bias), and
// pi sharper, pi^ times 1 + bias (Graves 2013, section 5.4).
std::array<float, 3> sample_mixture(std::span<const float> outputs, double bias, const MixtureLimits& limits, Rng& rng);

}  // namespace normlab::nn
