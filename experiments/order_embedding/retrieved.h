// retrieved.h - what a model finds for a few captions it was not trained on, to be looked at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/scenes/scene.h"

namespace normlab {

// A caption and the images whose penalties with it are least, the least first.
struct Retrieved {
  std::int64_t caption = 0;
  std::vector<std::int64_t> images;
  std::vector<float> penalties;  // theirs
};

// For `queries` captions spread over the images and the captions of one; `best` images each. Penalties as in retrieval.h.
std::vector<Retrieved> Retrieve(const float* penalties, std::int64_t images, std::int64_t queries, std::int64_t best);

// A paragraph for each: the caption, and under it the last caption of each image found; the right image has a star.
std::string RetrievedText(const std::vector<Retrieved>& found, const std::vector<std::string>& captions);

// A row of scenes for each, in the order of the text; the right one in a green frame.
std::string RetrievedPng(const std::vector<Retrieved>& found, const std::vector<data::Scene>& scenes);

}  // namespace normlab
