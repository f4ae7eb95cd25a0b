// binarized_mnist.h - MNIST with pixels 0 and 1, 50,000 training and 10,000 test images, for models of densities.
//
// binarized_mnist is the fixed sample that the literature compares bounds on (Larochelle and Murray 2011): .amat text,
// one image a line. Its validation images are not used. Its test file is sorted by class: a part of it must be spread
// over the whole (BinaryImages::KeepSpread).
//
// sampled_mnist is made from MNIST's own files: every pixel is 1 with the probability its grey level says, drawn once
// from a fixed stream, never again, so that all runs see the same images. Bounds on it differ from those on
// binarized_mnist by the luck of one sample, some tenths of a nat.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/mnist.h"
#include "data/registry.h"

namespace normlab::data {

// Images of 0 and 1. Immutable after loading, so any thread may read it.
class BinaryImages {
 public:
  // `pixels`: '0' and '1', one image after the other.
  BinaryImages(std::int64_t features, std::string pixels) : features_(features), pixels_(std::move(pixels)) {}

  std::int64_t size() const { return static_cast<std::int64_t>(pixels_.size()) / features_; }
  std::int64_t features() const { return features_; }
  const std::string& pixels() const { return pixels_; }

  // Keeps `count` images at equal distances, the first among them; 1 <= count <= size().
  void KeepSpread(std::int64_t count);

  // Writes F x B floats 0 and 1, one example a column.
  void Gather(std::span<const std::uint32_t> examples, float* columns) const;
  // The same for the examples begin .. end-1.
  void GatherRange(std::int64_t begin, std::int64_t end, float* columns) const;

 private:
  void GatherOne(std::int64_t example, float* column) const;

  std::int64_t features_;
  std::string pixels_;
};

// Reads lines of `features` values '0' or '1' with one blank between. kDataLoss names `source` and the first byte that
// is wrong.
absl::StatusOr<BinaryImages> ParseAmat(std::string_view text, std::int64_t features, std::string_view source);

// One sample of every image; `part` tells training from test images.
BinaryImages SampleBinary(const LabelledImages& images, std::string_view part);

struct BinarizedMnistData {
  BinaryImages train;  // 50,000
  BinaryImages test;   // 10,000
  std::string sha256;  // DatasetSha256 of what was loaded
};

// Loads and verifies binarized_mnist or sampled_mnist. Errors as LoadMnist.
absl::StatusOr<BinarizedMnistData> LoadBinarizedMnist(const DatasetInfo& dataset,
                                                      const std::vector<std::string>& directories);

}  // namespace normlab::data
