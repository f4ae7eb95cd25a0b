// config.h - the configuration of a handwriting job as the network, the data and the engine want it.
#pragma once

#include <string>

#include "data/handwriting/handwriting.h"
#include "experiments/handwriting/network.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

data::Alphabet AlphabetOf(const v1::HandwritingConfig& config);
data::HandwritingOptions DataOptions(const v1::HandwritingConfig& config);
HandwritingShape ShapeOf(const v1::HandwritingConfig& config);

// Tensors beside the parameters of a trained network: what its offsets were standardised with, x and y.
inline constexpr char kPenMean[] = "pen.mean";
inline constexpr char kPenDeviation[] = "pen.deviation";

}  // namespace normlab
