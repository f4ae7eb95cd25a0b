#include "data/scenes/scene.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace normlab::data {
namespace {

constexpr int kFewest = 2, kMost = 5;
constexpr double kSmall = 2.6, kLarge = 4.4;  // half a shape's extent, in pixels
constexpr double kCell = static_cast<double>(kSceneSide) / 3.0;

constexpr float kColours[kSceneColours][3] = {{0.90f, 0.15f, 0.15f}, {0.15f, 0.75f, 0.20f}, {0.20f, 0.35f, 0.95f},
                                              {0.95f, 0.90f, 0.20f}, {0.95f, 0.55f, 0.10f}, {0.60f, 0.20f, 0.80f},
                                              {0.95f, 0.95f, 0.95f}, {0.20f, 0.85f, 0.90f}};

// Whether a point (u, v) of [-1, 1]^2, v down, lies on the shape.
bool Covers(int shape, double u, double v) {
  const double round = u * u + v * v;
  switch (shape) {
    case 0:  // circle
      return round <= 1.0;
    case 1:  // square
      return std::max(std::abs(u), std::abs(v)) <= 0.85;
    case 2:  // triangle
      return v <= 0.8 && 2.0 * std::abs(u) <= v + 1.0;
    case 3:  // diamond
      return std::abs(u) + std::abs(v) <= 1.0;
    case 4:  // cross
      return std::min(std::abs(u), std::abs(v)) <= 0.33 && std::max(std::abs(u), std::abs(v)) <= 1.0;
    default:  // ring
      return round <= 1.0 && round >= 0.3;
  }
}

// The share of a pixel that an object covers, from 3 x 3 points in it.
double Coverage(const SceneObject& object, std::int64_t x, std::int64_t y) {
  constexpr int kPoints = 3;
  const double size = object.large ? kLarge : kSmall;
  int covered = 0;
  for (int i = 0; i < kPoints * kPoints; ++i) {
    const int column = i % kPoints, row = i / kPoints;
    const double dx = static_cast<double>(x) + (0.5 + column) / kPoints - object.x;
    const double dy = static_cast<double>(y) + (0.5 + row) / kPoints - object.y;
    covered += Covers(object.shape, dx / size, dy / size) ? 1 : 0;
  }
  return static_cast<double>(covered) / (kPoints * kPoints);
}

}  // namespace

Scene DrawScene(std::string_view part, std::uint64_t n) {
  Rng rng(kSceneSeed, "scene/" + std::string(part), n);
  const auto below = [&rng](int end) { return static_cast<int>(rng.Below(static_cast<std::uint64_t>(end))); };
  Scene scene;
  scene.ground = rng.Uniform(0.05, 0.2);
  const int count = kFewest + below(kMost - kFewest + 1);
  const std::vector<std::uint32_t> places = rng.Permutation(kScenePlaces);
  for (int i = 0; i < count; ++i) {
    SceneObject& object = scene.objects.emplace_back();
    object.shape = below(kSceneShapes);
    object.colour = below(kSceneColours);
    object.large = below(2) == 1;
    object.place = static_cast<int>(places[static_cast<std::size_t>(i)]);
    const int column = object.place % 3, row = object.place / 3;
    object.x = (column + 0.5) * kCell + rng.Uniform(-0.8, 0.8);
    object.y = (row + 0.5) * kCell + rng.Uniform(-0.8, 0.8);
  }
  return scene;
}

void RenderScene(const Scene& scene, float* pixels) {
  std::fill_n(pixels, 3 * kSceneSide * kSceneSide, static_cast<float>(scene.ground));
  for (const SceneObject& object : scene.objects) {
    const auto first = [](double middle) { return std::max<std::int64_t>(0, std::llround(middle - kLarge) - 1); };
    const auto end = [](double middle) {
      return std::min<std::int64_t>(kSceneSide, std::llround(middle + kLarge) + 1);
    };
    for (std::int64_t y = first(object.y); y < end(object.y); ++y) {
      for (std::int64_t x = first(object.x); x < end(object.x); ++x) {
        const auto share = static_cast<float>(Coverage(object, x, y));
        float* const pixel = pixels + 3 * (y * kSceneSide + x);
        for (int c = 0; c < 3; ++c) {
          pixel[c] += share * (kColours[object.colour][c] - pixel[c]);
        }
      }
    }
  }
}

}  // namespace normlab::data
