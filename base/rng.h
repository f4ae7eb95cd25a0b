// rng.h - counter-based random numbers: Philox (philox.h) keyed by (seed, purpose, step).
//
// The n-th number of a stream is a pure function of its key and n, so a run resumed at any step needs no generator
// state, streams of different purposes never interfere, and a baseline and a normalised run share data order and
// initial weights.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/philox.h"

namespace normlab {

// A stream of random numbers. Value type; copying forks it at its position. Not thread-safe.
class Rng {
 public:
  // `purpose` names the use ("init/w1", "order", "bootstrap"), `step` the update, pass or repetition it serves.
  Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t step = 0);
  // The stream of the same seed and purpose that serves `step`, from its beginning.
  Rng AtStep(std::uint64_t step) const;

  std::uint32_t Next32();
  // Fills `out` with what as many calls of Next32() would return, several times faster.
  void Next32(std::span<std::uint32_t> out);
  std::uint64_t Next64();
  // In [0, 1), a multiple of 2^-53.
  double Uniform();
  // In [lo, hi).
  double Uniform(double lo, double hi) { return lo + (hi - lo) * Uniform(); }
  // Standard normal (Box-Muller, two numbers a pair of uniforms).
  double Normal();
  // In [0, n) without modulo bias; n > 0.
  std::uint64_t Below(std::uint64_t n);
  // Fills `out` with what as many calls of Below(n) would return, several times faster.
  void Below(std::uint64_t n, std::span<std::uint64_t> out);
  // Passes over the next 4 * blocks words, of a stream from which whole blocks of four were drawn: threads can then each
  // draw a part of one stream.
  void Skip(std::uint64_t blocks);
  // A permutation of 0 .. n-1 (Fisher-Yates).
  std::vector<std::uint32_t> Permutation(std::uint32_t n);

 private:
  explicit Rng(PhiloxKey key) : key_(key), counter_{} {}

  PhiloxKey key_;
  PhiloxBlock counter_;
  PhiloxBlock block_{};
  int used_ = 4;
  double spare_ = 0.0;
  bool has_spare_ = false;
};

}  // namespace normlab
