#include "experiments/picture.h"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace normlab {

Picture::Picture(std::int64_t width, std::int64_t height, Colour background)
    : width_(width), height_(height), pixels_(static_cast<std::size_t>(3 * width * height)) {
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      Set(x, y, background);
    }
  }
}

Colour Picture::At(std::int64_t x, std::int64_t y) const {
  const std::uint8_t* p = pixels_.data() + 3 * (y * width_ + x);
  return {p[0], p[1], p[2]};
}

void Picture::Set(std::int64_t x, std::int64_t y, Colour colour) {
  if (x >= 0 && x < width_ && y >= 0 && y < height_) {
    std::uint8_t* p = pixels_.data() + 3 * (y * width_ + x);
    p[0] = colour.red;
    p[1] = colour.green;
    p[2] = colour.blue;
  }
}

void Picture::DrawGrey(std::int64_t x, std::int64_t y, std::int64_t rows, std::int64_t columns, const float* levels,
                       std::int64_t scale) {
  for (std::int64_t i = 0; i < rows * scale; ++i) {
    for (std::int64_t j = 0; j < columns * scale; ++j) {
      const float level = std::clamp(levels[i / scale * columns + j / scale], 0.0f, 1.0f);
      const auto grey = static_cast<std::uint8_t>(std::lround(255.0f * level));
      Set(x + j, y + i, {grey, grey, grey});
    }
  }
}

void Picture::DrawOutline(const Box& box, const Box& clip, Colour colour) {
  const auto set = [&](std::int64_t x, std::int64_t y) {
    if (x >= clip.left && x <= clip.right && y >= clip.top && y <= clip.bottom) {
      Set(x, y, colour);
    }
  };
  for (std::int64_t x = std::max(box.left, clip.left); x <= std::min(box.right, clip.right); ++x) {
    set(x, box.top);
    set(x, box.bottom);
  }
  for (std::int64_t y = std::max(box.top, clip.top); y <= std::min(box.bottom, clip.bottom); ++y) {
    set(box.left, y);
    set(box.right, y);
  }
}

std::string Picture::Png() const {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width_);
  image.height = static_cast<png_uint_32>(height_);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string file(size, '\0');
  if (png_image_write_to_memory(&image, file.data(), &size, 0, pixels_.data(), 0, nullptr) == 0) {
    throw std::runtime_error(
        fmt::format("libpng cannot write a picture of {} x {}: {}", width_, height_, image.message));
  }
  file.resize(size);
  return file;
}

}  // namespace normlab
