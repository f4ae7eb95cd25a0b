// noise.h - the standard normal noise of one pass of DRAW: a matrix for each glimpse, never one for two.
//
// A matrix is a pure function of (seed, purpose, pass, glimpse), so passes can be repeated and runs resumed.
// A noise that all glimpses shared could be learned and subtracted, and the bound would fall far below any true one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "nn/tape.h"

namespace normlab {

class GlimpseNoise {
 public:
  static constexpr std::uint64_t kMaxGlimpses = 1 << 16;

  // `purpose` outlives the object.
  GlimpseNoise(std::uint64_t seed, std::string_view purpose, std::uint64_t pass)
      : seed_(seed), purpose_(purpose), first_stream_(pass * kMaxGlimpses) {}

  // rows x cols values in the tape's memory; the same numbers in float and double.
  template <typename T>
  nn::BasicVar<T> At(nn::BasicTape<T>& tape, nn::Index glimpse, nn::Index rows, nn::Index cols) const;

 private:
  std::uint64_t seed_;
  std::string_view purpose_;
  std::uint64_t first_stream_;
};

extern template nn::Var GlimpseNoise::At(nn::Tape&, nn::Index, nn::Index, nn::Index) const;
extern template nn::BasicVar<double> GlimpseNoise::At(nn::BasicTape<double>&, nn::Index, nn::Index, nn::Index) const;

}  // namespace normlab
