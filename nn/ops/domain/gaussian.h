// gaussian.h - diagonal Gaussians given by mean and log standard deviation: reparameterised samples and the divergence
// from the standard normal (Kingma and Welling 2014).
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

// z = mu + exp(log_sigma) noise, all F x B. noise is standard normal and needs no gradient; draw it anew for every
// sample: a noise the network sees twice it learns to subtract.
template <typename T>
BasicVar<T> gaussian_sample(BasicVar<T> mu, BasicVar<T> log_sigma, BasicVar<T> noise);

// KL(N(mu, sigma^2) || N(0, I)) in nats, summed over the F dimensions, mean over the batch: 1 x 1.
//   1/2 sum (mu^2 + sigma^2 - 2 log sigma - 1): the constant is F / 2 an example.
template <typename T>
BasicVar<T> kl_to_standard_normal(BasicVar<T> mu, BasicVar<T> log_sigma);

}  // namespace normlab::nn
