// plain_skip_thoughts.h - the loss of skip-thoughts for one triplet after the other by loops over single numbers, from nothing but
// the network's parameters by name; in dual numbers, so that derivatives are exact. And the mistakes that a test must tell from it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "experiments/skip_thoughts/network.h"

namespace normlab {

// A number and its derivative along one parameter.
struct Dual {
  double v = 0.0, d = 0.0;
};

enum class PlainGruNorm { kNone, kLayer, kRms, kWeight };

enum class SkipThoughtsMistake {
  kNoMistake,
  kUpdateGate,    // z keeps the old state where it should take the new one
  kResetBefore,   // r multiplies the state before U, not U's product
  kEachGate,      // statistics of z and r of their own
  kKeptOverTime,  // statistics of the first step at all others
  kNotShifted,    // a decoder reads the word that it is to write
  kMean,          // averaged over words
  kNoFloor,       // -log(p)
  kOneDecoder,    // the previous sentence is written by the decoder of the next
};

struct PlainTriplet {
  std::vector<std::int32_t> sentence, next, previous;  // with their ends
};

struct PlainSkipThoughts {
  using Vector = std::vector<Dual>;
  using Parameters = std::map<std::string, Vector>;

  SkipThoughtsShape shape;  // without its norm
  PlainGruNorm norm = PlainGruNorm::kNone;
  SkipThoughtsMistake mistake = SkipThoughtsMistake::kNoMistake;
  double floor = 1e-8;

  Dual Loss(const Parameters& parameters, const std::vector<PlainTriplet>& triplets) const;
};

}  // namespace normlab
