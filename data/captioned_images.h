// captioned_images.h - images, each a fixed vector of features, with five captions each, in three splits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace normlab::data {

inline constexpr std::int64_t kCaptionsPerImage = 5;

// Vectors of `columns` features, one image after the other. Views memory that `owner` keeps; any thread may read it.
struct FeatureRows {
  const float* data = nullptr;
  std::int64_t rows = 0, columns = 0;
  std::shared_ptr<const void> owner;

  const float* row(std::int64_t i) const { return data + i * columns; }
};

struct CaptionedImages {
  FeatureRows features;
  std::vector<std::string> captions;  // tokens with one blank between; 5 i to 5 i + 4 are of image i

  std::int64_t images() const { return features.rows; }
};

struct CaptionData {
  CaptionedImages train, validation, test;
  std::string sha256;  // of what was loaded
};

}  // namespace normlab::data
