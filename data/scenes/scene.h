// scene.h - scenes of two to five coloured shapes on a dark ground, as pixels and in words: what stands in for photographs
// and their captions where a user has none.
//
// Scene n of a part is a pure function of (part, n), so a longer set begins with a shorter one. A scene is described by
// kLevels captions, from vague to exact: how many things; their colours; their shapes; colours and shapes; and those with
// sizes and places. Results on them say how a model learns, not how well it reads photographs. Every table names them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace normlab::data {

inline constexpr std::uint64_t kSceneSeed = 1;  // of the data set, not of a job: every job is judged on the same scenes
inline constexpr int kSceneShapes = 6, kSceneColours = 8, kScenePlaces = 9;
inline constexpr std::int64_t kSceneSide = 32;  // pixels

struct SceneObject {
  int shape = 0;   // below kSceneShapes
  int colour = 0;  // below kSceneColours
  bool large = false;
  int place = 0;            // a cell of 3 x 3, row by row; no two objects share one
  double x = 0.0, y = 0.0;  // the middle, in pixels from the left and from above
};

struct Scene {
  std::vector<SceneObject> objects;  // in the order in which captions name them
  double ground = 0.0;               // grey level, 0 to 1
};

Scene DrawScene(std::string_view part, std::uint64_t n);

// Red, green and blue of each pixel, row by row from above, 0 to 1: 3 kSceneSide^2 values.
void RenderScene(const Scene& scene, float* pixels);

inline constexpr std::size_t kLevels = 5;

// From vague to exact, in lower case, tokens with one blank between. Words vary with (part, n) and nothing else.
std::array<std::string, kLevels> DescribeScene(const Scene& scene, std::string_view part, std::uint64_t n);

}  // namespace normlab::data
