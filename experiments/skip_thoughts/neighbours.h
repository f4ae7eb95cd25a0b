// neighbours.h - which sentences of a text a network finds alike: those whose vectors have the smallest angle between them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/skip_thoughts/encoder.h"

namespace normlab {

struct Neighbour {
  std::size_t sentence = 0;
  double cosine = 0.0;
};

// Up to `count` of the sentences nearest to number `query`, nearest first; none that has its words or those of a nearer one.
std::vector<Neighbour> Nearest(const SentenceVectors& vectors, const std::vector<Sentence>& sentences,
                               std::size_t query, std::size_t count);

// For each of the sentences the five nearest, to be read, and looked up by `normlab neighbours`. A line about all; then for each
// an empty line, the sentence in the words of the vocabulary, and a line "  0.912  sentence" for each neighbour.
std::string NeighboursText(const SentenceVectors& vectors, const std::vector<Sentence>& sentences,
                           const data::Vocabulary& vocabulary);

}  // namespace normlab
