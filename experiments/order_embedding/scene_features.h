// scene_features.h - what stands in for the last hidden layer of a trained network on scenes: the units of two random
// convolutions, never trained.
//
//   x = relu(conv 3 x 3 / 2 -> 64 (relu(conv 5 x 5 / 2 -> 32 (pixels)))), 8 x 8 x 64 = 4,096 values, made a unit vector
//
// Weights N(0, 2 / fan_in) of a seed of the data's own. The same scenes give the same bits for any number of threads.
#pragma once

#include <span>

#include "data/captioned_images.h"
#include "data/scenes/scene.h"

namespace normlab {

inline constexpr std::int64_t kSceneFeatures = 4096;

data::FeatureRows SceneFeatures(std::span<const data::Scene> scenes);

}  // namespace normlab
