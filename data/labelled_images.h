// labelled_images.h - images with a class each, as classifiers are trained on them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace normlab::data {

struct ImageShape {
  std::int64_t channels = 1, height = 1, width = 1;

  std::int64_t features() const { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

// Immutable after loading, so any thread may read it.
class LabelledImages {
 public:
  // `pixels`: grey levels 0..255, one image after the other, row by row, the channels of a pixel side by side.
  LabelledImages(ImageShape shape, std::string pixels, std::string labels);

  std::int64_t size() const { return static_cast<std::int64_t>(labels_.size()); }
  const ImageShape& shape() const { return shape_; }
  std::int64_t features() const { return shape_.features(); }
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

  ImageShape shape_;
  std::string pixels_;
  std::string labels_;
};

// Ten classes, 0 to 9.
struct ImageData {
  LabelledImages train;
  LabelledImages test;
  std::string sha256;  // DatasetSha256 of what was loaded
};

}  // namespace normlab::data
