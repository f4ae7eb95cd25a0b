// convnet_pictures.h - what a convolutional network's first layer looks for, and where it finds it, as pictures.
#pragma once

#include <string>
#include <vector>

#include "nn/layout.h"

namespace normlab {

// Kernels [out, side, side, channels], eight in a row, each stretched from its least value, black, to its largest; of three
// channels in colour.
std::string FiltersPng(const float* kernels, nn::Index out, nn::Index side, nn::Index channels);

// One rate for each position, 0 black to 1 white.
std::string FiringRatesPng(const std::vector<float>& rates, const nn::Image& image);

}  // namespace normlab
