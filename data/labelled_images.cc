#include "data/labelled_images.h"

#include <utility>

namespace normlab::data {

LabelledImages::LabelledImages(ImageShape shape, std::string pixels, std::string labels)
    : shape_(shape), pixels_(std::move(pixels)), labels_(std::move(labels)) {}

void LabelledImages::KeepFirst(std::int64_t count) {
  pixels_.resize(static_cast<std::size_t>(count * features()));
  labels_.resize(static_cast<std::size_t>(count));
}

void LabelledImages::DropFirst(std::int64_t count) {
  pixels_.erase(0, static_cast<std::size_t>(count * features()));
  labels_.erase(0, static_cast<std::size_t>(count));
}

void LabelledImages::GatherOne(std::int64_t example, float* column) const {
  const auto* pixels = reinterpret_cast<const unsigned char*>(pixels_.data()) + example * features();
  for (std::int64_t f = 0; f < features(); ++f) {
    column[f] = static_cast<float>(pixels[f]) / 255.0f;
  }
}

void LabelledImages::Gather(std::span<const std::uint32_t> examples, float* columns, std::int32_t* labels) const {
  for (std::size_t i = 0; i < examples.size(); ++i) {
    GatherOne(examples[i], columns + static_cast<std::int64_t>(i) * features());
    labels[i] = label(examples[i]);
  }
}

void LabelledImages::GatherRange(std::int64_t begin, std::int64_t end, float* columns, std::int32_t* labels) const {
  for (std::int64_t i = begin; i < end; ++i) {
    GatherOne(i, columns + (i - begin) * features());
    labels[i - begin] = label(i);
  }
}

}  // namespace normlab::data
