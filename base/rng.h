// rng.h - counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011), keyed by (seed, purpose, step).
//
// The n-th number of a stream is a pure function of its key and n, so a run resumed at any step needs no generator
// state, streams of different purposes never interfere, and a baseline and a normalised run share data order and
// initial weights.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace normlab {

// One Philox4x32-10 block: four 32-bit words out of a 128-bit counter and a 64-bit key.
std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// A stream of random numbers. Value type; copying forks it at its position. Not thread-safe.
class Rng {
 public:
  // `purpose` names the use ("init/w1", "order", "bootstrap"), `step` the update, pass or repetition it serves.
  Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t step = 0);

  std::uint32_t Next32();
  std::uint64_t Next64();
  // In [0, 1), a multiple of 2^-53.
  double Uniform();
  // In [lo, hi).
  double Uniform(double lo, double hi) { return lo + (hi - lo) * Uniform(); }
  // Standard normal (Box-Muller, two numbers a pair of uniforms).
  double Normal();
  // In [0, n) without modulo bias; n > 0.
  std::uint64_t Below(std::uint64_t n);
  // A permutation of 0 .. n-1 (Fisher-Yates).
  std::vector<std::uint32_t> Permutation(std::uint32_t n);

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
  double spare_ = 0.0;
  bool has_spare_ = false;
};

}  // namespace normlab
