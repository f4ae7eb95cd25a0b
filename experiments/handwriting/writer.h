// writer.h - a trained network writes: a text becomes a pen line, point by point (Graves 2013, section 5.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/handwriting/sequence.h"
#include "experiments/handwriting/network.h"

namespace normlab {

struct WriteOptions {
  double bias = 0.0;       // 0: as likely as in the data; larger: neater
  std::uint64_t seed = 1;  // the same seed writes the same line
  std::int64_t max_steps = 2000;
  // A line of a writer whose hand is to be imitated: it is read before the text, with its own text; or null.
  const data::PenSequence* prime = nullptr;
  std::uint8_t space = 0;  // the symbol between the two texts
};

struct WrittenLine {
  std::vector<data::PenStep> steps;  // standardized offsets, the primed part left out
  // How the window looked at the text: characters x steps, one step after the other.
  std::int64_t characters = 0;
  std::vector<float> alignment;
  bool finished = false;  // the window went past the text's end; false: max_steps came first
};

// Writes `text`, encoded in the network's alphabet and not empty.
WrittenLine Write(HandwritingNetwork& network, const std::vector<std::uint8_t>& text, const WriteOptions& options);

}  // namespace normlab
