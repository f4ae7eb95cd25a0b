// batch.h - batch normalization: each unit by its mean and variance over the columns of a batch [LN eq 2].
//
//   g (a - mean) / sqrt(variance + eps) + b
//
// In a convolution the columns are all positions of all examples: 2-D batch norm. In a recurrent network statistics are
// kept for each of `time_steps` steps (Cooijmans et al. 2016); steps beyond the longest sequence it was trained on are
// evaluated with the last step's, and so is a step trained that only one example of a batch has, which gives no
// statistics. Kept beside the parameters: "norm.mean", "norm.variance" and, for sequences, "norm.trained_steps".
#pragma once

#include "nn/norms/base.h"

namespace normlab::nn {

// What the training variance is divided by, for m columns.
enum class BatchVariance {
  kBiased,    // m
  kUnbiased,  // m - 1; the paper's choice for small batches
};

// What evaluation uses; the paper does not say.
enum class BatchStatistics {
  kRunning,     // averages kept while training
  kPopulation,  // exact statistics of a data set, see recompute_population
  kAverages,    // averages of the statistics of training batches, see average_statistics
};

struct BatchNorm {
  NormEps eps = {};
  BatchVariance variance = BatchVariance::kBiased;
  BatchStatistics statistics = BatchStatistics::kRunning;
  double decay = 0.9;    // running = decay * running + (1 - decay) * batch, starting from mean 0, variance 1
  Index time_steps = 1;  // the longest sequence to train on; Step::time is below it in training

  static constexpr NormTraits kTraits = {.on_sums = true};
};

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const BatchNorm& norm, const AffineSpec& affine,
                                              const BasicScope<T>& scope, const Site& site);

}  // namespace normlab::nn
