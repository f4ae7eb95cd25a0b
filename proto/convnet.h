// convnet.h - what a convolutional network's configuration leaves to its network. A header of messages alone, for the rules, the
// footprint and the experiment.
#pragma once

#include "normlab/v1/experiments.pb.h"

namespace normlab {

inline bool IsConvPool(const v1::ConvnetConfig& config) { return config.network() == v1::CONVNET_NETWORK_CONVPOOL; }

// Of the first layer: those configured, or the network's own.
inline int FirstChannels(const v1::ConvnetConfig& config) {
  return config.channels() != 0 ? config.channels() : IsConvPool(config) ? 96 : 32;
}

}  // namespace normlab
