// relatedness.h - how related two sentences are, from their vectors: the SICK task as released code judges it [LN sec 6.3].
//
//   x = [|u - v|; u v]      p = softmax(W x + b) over the scores 1 to 5      relatedness = sum over the scores of score p
//
// Targets are those of Tai et al. 2015: a relatedness y between two scores k and k + 1 is k + 1 with probability y - k and else
// k. W and b minimise the cross entropy by Adam (Keras's values: rate 1e-3, batches of 128, Glorot weights), 100 passes at a time, as
// long as Pearson's r on the development pairs rises, but 10,000 passes at most; the last that rose is tested.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "experiments/skip_thoughts/encoder.h"

namespace normlab {

// Pairs with their relatedness, 1 to 5.
struct RatedPairs {
  SentenceVectors u, v;
  std::vector<double> relatedness;
};

// The probabilities of scores 1 to 5 that an example of this relatedness, 1 to 5, is to have.
std::array<double, 5> RelatednessTarget(double relatedness);

struct Relatedness {
  double pearson = 0.0, spearman = 0.0, mse = 0.0;  // on the test pairs
  double development = 0.0;                         // the best Pearson's r there
};

// Training pairs in the order they are seen. `seed` is that of the initial weights.
Relatedness MeasureRelatedness(const RatedPairs& train, const RatedPairs& development, const RatedPairs& test,
                               std::uint64_t seed);

}  // namespace normlab
