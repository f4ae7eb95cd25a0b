#include "experiments/order_embedding/retrieved.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/captioned_images.h"
#include "experiments/picture.h"

namespace normlab {
namespace {

constexpr std::int64_t kOwn = data::kCaptionsPerImage;
constexpr Colour kPaper{255, 255, 255}, kRight{0, 170, 60};

void DrawPixels(const data::Scene& scene, std::int64_t left, std::int64_t top, std::int64_t scale, Picture& picture) {
  std::vector<float> levels(3 * data::kSceneSide * data::kSceneSide);
  data::RenderScene(scene, levels.data());
  const auto level = [&](std::int64_t x, std::int64_t y, std::int64_t c) {
    const std::int64_t pixel = y / scale * data::kSceneSide + x / scale;
    return static_cast<std::uint8_t>(std::lround(255.0f * levels[static_cast<std::size_t>(3 * pixel + c)]));
  };
  for (std::int64_t y = 0; y < scale * data::kSceneSide; ++y) {
    for (std::int64_t x = 0; x < scale * data::kSceneSide; ++x) {
      picture.Set(left + x, top + y, {level(x, y, 0), level(x, y, 1), level(x, y, 2)});
    }
  }
}

}  // namespace

std::vector<Retrieved> Retrieve(const float* penalties, std::int64_t images, std::int64_t queries, std::int64_t best) {
  const std::int64_t captions = kOwn * images;
  std::vector<Retrieved> found;
  for (std::int64_t q = 0; q < std::min(queries, images); ++q) {
    Retrieved& query = found.emplace_back();
    query.caption = kOwn * (q * images / std::min(queries, images)) + (kOwn - 1 - q % kOwn);
    std::vector<std::int64_t> order(static_cast<std::size_t>(images));
    std::iota(order.begin(), order.end(), 0);
    const auto penalty = [&](std::int64_t image) { return penalties[image * captions + query.caption]; };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return penalty(a) < penalty(b); });
    order.resize(static_cast<std::size_t>(std::min(best, images)));
    for (const std::int64_t image : order) {
      query.penalties.push_back(penalty(image));
    }
    query.images = std::move(order);
  }
  return found;
}

std::string RetrievedText(const std::vector<Retrieved>& found, const std::vector<std::string>& captions) {
  std::string text;
  for (const Retrieved& query : found) {
    text += fmt::format("{}{}\n", text.empty() ? "" : "\n", captions[static_cast<std::size_t>(query.caption)]);
    for (std::size_t i = 0; i < query.images.size(); ++i) {
      const std::int64_t image = query.images[i];
      text += fmt::format("  {} {}  {:.5f}  {}\n", image == query.caption / kOwn ? '*' : ' ', i + 1, query.penalties[i],
                          captions[static_cast<std::size_t>(kOwn * image + kOwn - 1)]);
    }
  }
  return text;
}

std::string RetrievedPng(const std::vector<Retrieved>& found, const std::vector<data::Scene>& scenes) {
  constexpr std::int64_t kScale = 3, kSide = kScale * data::kSceneSide, kGap = 8, kFrame = 3;
  std::size_t across = 0;
  for (const Retrieved& query : found) {
    across = std::max(across, query.images.size());
  }
  Picture picture(kGap + static_cast<std::int64_t>(across) * (kSide + kGap),
                  kGap + static_cast<std::int64_t>(found.size()) * (kSide + kGap), kPaper);
  for (std::size_t row = 0; row < found.size(); ++row) {
    for (std::size_t i = 0; i < found[row].images.size(); ++i) {
      const std::int64_t left = kGap + static_cast<std::int64_t>(i) * (kSide + kGap);
      const std::int64_t top = kGap + static_cast<std::int64_t>(row) * (kSide + kGap);
      DrawPixels(scenes[static_cast<std::size_t>(found[row].images[i])], left, top, kScale, picture);
      for (std::int64_t f = 1; found[row].images[i] == found[row].caption / kOwn && f <= kFrame; ++f) {
        picture.DrawOutline({left - f, top - f, left + kSide - 1 + f, top + kSide - 1 + f},
                            {0, 0, picture.width() - 1, picture.height() - 1}, kRight);
      }
    }
  }
  return picture.Png();
}

}  // namespace normlab
