// encoder.h - vectors of any sentences, by a trained network.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "experiments/skip_thoughts/batch.h"
#include "nn/tape.h"

namespace normlab {

// One column for each sentence, units x sentences, each of length 1 as the released encoder gives them.
struct SentenceVectors {
  std::int64_t units = 0;
  std::vector<float> values;

  std::int64_t Sentences() const { return static_cast<std::int64_t>(values.size()) / units; }
  std::span<const float> Vector(std::size_t i) const {
    return std::span(values).subspan(i * static_cast<std::size_t>(units), static_cast<std::size_t>(units));
  }
};

// Keeps its memory from call to call. Borrows the network.
class SentenceEncoder {
 public:
  explicit SentenceEncoder(SkipThoughts& network) : network_(network) {}

  SentenceVectors Encode(std::span<const Sentence> sentences, Ending ending);
  // Texts as they are: tokenised, in lower case, words by number.
  SentenceVectors Encode(const std::vector<std::string>& texts, const data::Vocabulary& vocabulary, Ending ending);

 private:
  SkipThoughts& network_;
  nn::Tape tape_{nn::Recording::kOff};
  SentenceMemory memory_;
};

}  // namespace normlab
