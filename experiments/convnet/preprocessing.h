// preprocessing.h - what every image goes through before a network sees it, worked out once from the training images:
//
//   x <- x - mean(x)                          subtract_mean
//   x <- (Cov(x) + eps I)^(-1/2) x            whitening, "ZCA", as Salimans and Kingma 2016 prepare CIFAR-10
//
// Threads: one. Errors: nn::Error for pixels whose covariance is not finite.
#pragma once

#include <cstdint>
#include <vector>

#include "data/labelled_images.h"
#include "experiments/experiment.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

class Preprocessing {
 public:
  // Of images F x 1, up to `largest_batch` of them at once.
  Preprocessing(const v1::ConvnetConfig& config, const data::LabelledImages& train, std::int64_t largest_batch);

  // In place, F x count.
  void Apply(float* columns, std::int64_t count);

  // What a user of the weights needs beside them: "mean_image", and "whitening", F x F, if there is one.
  std::vector<NamedTensor> Constants();

 private:
  void SubtractMean(float* columns, std::int64_t count) const;
  // Of the images without their mean, F x F, over all of them.
  std::vector<double> Covariance(const data::LabelledImages& train) const;

  const data::ImageShape shape_;
  std::vector<float> mean_image_;
  std::vector<float> whitening_;  // empty: none
  std::vector<float> unwhitened_;
};

}  // namespace normlab
