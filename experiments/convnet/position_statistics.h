// position_statistics.h - whether the units of a convolution at the border of its image are like those inside [LN sec 6.7]:
// how often each is active.
//
// A unit is a channel at a position. Its firing rate is the share of images for which it is active, above 0. The border
// are the positions whose kernels reach beyond the image; the centre is the rest.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/layout.h"

namespace normlab {

class PositionStatistics {
 public:
  // `border`: positions from each edge whose kernels reach beyond it. nn::Error if that leaves no centre.
  PositionStatistics(const nn::Image& image, nn::Index border);

  // active: C x (P B), values after the non-linearity, of `images` more images.
  void Add(const float* active, std::int64_t images);

  struct Group {
    double firing_rate = 0.0;    // mean over its units
    double rarely_active = 0.0;  // share of its units that fire for less than one image in a hundred
    double activation = 0.0;     // mean value
    // How far the rates of its units are from their channel's in the centre: mean size of the difference.
    double distance = 0.0;
  };
  Group Border() const { return Of(true); }
  Group Centre() const { return Of(false); }

  // Of each position, row by row: mean over the channels.
  std::vector<float> FiringRates() const;

 private:
  bool IsBorder(nn::Index position) const;
  Group Of(bool border) const;

  nn::Image image_;
  nn::Index border_;
  std::int64_t images_ = 0;
  std::vector<std::int64_t> fired_;  // by unit, C x P
  std::vector<double> sums_;
};

}  // namespace normlab
