#include "experiments/convnet/convnet_pictures.h"

#include <algorithm>
#include <cmath>

#include "experiments/picture.h"

namespace normlab {
namespace {

constexpr Colour kPaper{255, 255, 255};

// A square of one colour.
void Fill(Picture& picture, nn::Index left, nn::Index top, nn::Index side, Colour colour) {
  for (nn::Index y = 0; y < side; ++y) {
    for (nn::Index x = 0; x < side; ++x) {
      picture.Set(left + x, top + y, colour);
    }
  }
}

}  // namespace

std::string FiltersPng(const float* kernels, nn::Index out, nn::Index side, nn::Index channels) {
  constexpr nn::Index kRow = 8, kScale = 8, kGap = 4;
  const nn::Index step = side * kScale + kGap, rows = (out + kRow - 1) / kRow;
  Picture picture(kGap + std::min(out, kRow) * step, kGap + rows * step, kPaper);
  const nn::Index size = side * side * channels;
  for (nn::Index k = 0; k < out; ++k) {
    const float* kernel = kernels + k * size;
    const float least = *std::min_element(kernel, kernel + size);
    const float span = std::max(*std::max_element(kernel, kernel + size) - least, 1e-20f);
    for (nn::Index p = 0; p < side * side; ++p) {
      const auto level = [&](nn::Index channel) {
        const float value = kernel[p * channels + (channels == 3 ? channel : 0)];
        return static_cast<std::uint8_t>(std::lround(255.0f * (value - least) / span));
      };
      Fill(picture, kGap + k % kRow * step + p % side * kScale, kGap + k / kRow * step + p / side * kScale, kScale,
           {level(0), level(1), level(2)});
    }
  }
  return picture.Png();
}

std::string FiringRatesPng(const std::vector<float>& rates, const nn::Image& image) {
  constexpr nn::Index kScale = 8;
  Picture picture(image.width * kScale, image.height * kScale, kPaper);
  picture.DrawGrey(0, 0, image.height, image.width, rates.data(), kScale);
  return picture.Png();
}

}  // namespace normlab
