// mnist.h - MNIST and data sets of its form (Fashion-MNIST): 28 x 28 grey images with a label, split as the paper has
// them.
//
// The paper trains on 55,000 images. As in TensorFlow's MNIST tutorial, from which that number comes, the first 5,000
// of the 60,000 training images are held out and not used for training.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/registry.h"

namespace normlab::data {

// Images with labels. Immutable after loading, so any thread may read it.
class LabelledImages {
 public:
  LabelledImages(std::int64_t features, std::string pixels, std::string labels);

  std::int64_t size() const { return static_cast<std::int64_t>(labels_.size()); }
  std::int64_t features() const { return features_; }
  int label(std::int64_t example) const {
    return static_cast<unsigned char>(labels_[static_cast<std::size_t>(example)]);
  }

  // Keep the first `count` examples, or drop them; `count` must not exceed size().
  void KeepFirst(std::int64_t count);
  void DropFirst(std::int64_t count);

  // Writes F x B floats, one example a column, pixels / 255 in [0, 1]; `columns` holds features() * examples.size().
  void Gather(std::span<const std::uint32_t> examples, float* columns, std::int32_t* labels) const;
  // The same for the examples begin .. end-1.
  void GatherRange(std::int64_t begin, std::int64_t end, float* columns, std::int32_t* labels) const;

 private:
  void GatherOne(std::int64_t example, float* column) const;

  std::int64_t features_;
  std::string pixels_;  // grey levels 0..255, one image after the other
  std::string labels_;
};

struct MnistData {
  LabelledImages train;  // 55,000
  LabelledImages test;   // 10,000
  std::string sha256;    // DatasetSha256 of what was loaded
};

// Loads and verifies all four files and drops the first `held_out` training images.
// kNotFound: not on this machine, the message says how to get it. kDataLoss: a file is not what the registry says, or
// its header, shape or labels are wrong; the message names it.
absl::StatusOr<MnistData> LoadMnist(const DatasetInfo& dataset, const std::vector<std::string>& directories,
                                    std::int64_t held_out = 5000);

}  // namespace normlab::data
