#include "base/rng.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace normlab {
namespace {

// FNV-1a, to turn a purpose into 64 bits of key material. Streams differ when their names do, but for a 2^-64 accident.
std::uint64_t HashName(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (unsigned char c : name) {
    h = (h ^ c) * 0x100000001b3u;
  }
  return h;
}

// SplitMix64's finaliser: spreads nearby seeds over the key space.
std::uint64_t Mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Below(n) draws again what is greater: the last 2^64 mod n numbers would favour small remainders.
std::uint64_t LargestKept(std::uint64_t n) {
  constexpr std::uint64_t kLargest = ~std::uint64_t{0};
  return kLargest - (kLargest % n + 1) % n;
}

}  // namespace

Rng::Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t step) : Rng({}) {
  const std::uint64_t key = Mix(seed) ^ HashName(purpose);
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
  *this = AtStep(step);
}

Rng Rng::AtStep(std::uint64_t step) const {
  // The step takes the upper half of the counter, the position in the stream the lower.
  Rng rng(key_);
  rng.counter_ = {0, 0, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)};
  return rng;
}

std::uint32_t Rng::Next32() {
  if (used_ == 4) {
    block_ = Philox4x32(counter_, key_);
    Skip(1);
    used_ = 0;
  }
  return block_[used_++];
}

void Rng::Next32(std::span<std::uint32_t> out) {
  while (used_ < 4 && !out.empty()) {
    out.front() = Next32();
    out = out.subspan(1);
  }
  const std::size_t blocks = out.size() / 4;
  Philox4x32(counter_, key_, out.first(4 * blocks));
  Skip(blocks);
  for (std::uint32_t& word : out.subspan(4 * blocks)) {
    word = Next32();
  }
}

void Rng::Skip(std::uint64_t blocks) {
  const std::uint64_t at = (counter_[0] | std::uint64_t{counter_[1]} << 32) + blocks;
  counter_[0] = static_cast<std::uint32_t>(at);
  counter_[1] = static_cast<std::uint32_t>(at >> 32);
}

std::uint64_t Rng::Next64() {
  const std::uint64_t hi = Next32();
  return (hi << 32) | Next32();
}

double Rng::Uniform() { return static_cast<double>(Next64() >> 11) * 0x1.0p-53; }

double Rng::Normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double u = 1.0 - Uniform();  // in (0, 1]: the logarithm is finite
  const double angle = 2.0 * std::numbers::pi * Uniform();
  const double radius = std::sqrt(-2.0 * std::log(u));
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

std::uint64_t Rng::Below(std::uint64_t n) {
  std::uint64_t x;
  do {
    x = Next64();
  } while (x > ~n && x > LargestKept(n));  // fewer than n are not kept: the division that finds them is seldom needed
  return x % n;
}

void Rng::Below(std::uint64_t n, std::span<std::uint64_t> out) {
  const std::uint64_t largest_kept = LargestKept(n);
  const std::uint64_t reciprocal = ~std::uint64_t{0} / n;
  std::array<std::uint32_t, 256> words;
  std::size_t filled = 0;
  while (filled < out.size()) {
    const std::size_t drawn = 2 * std::min(out.size() - filled, words.size() / 2);
    Next32(std::span(words).first(drawn));
    for (std::size_t i = 0; i < drawn; i += 2) {
      const std::uint64_t x = std::uint64_t{words[i]} << 32 | words[i + 1];
      if (x <= largest_kept) {
        // The quotient by the reciprocal is the true one or one less.
        const auto quotient = static_cast<std::uint64_t>((static_cast<unsigned __int128>(x) * reciprocal) >> 64);
        const std::uint64_t remainder = x - quotient * n;
        out[filled++] = remainder >= n ? remainder - n : remainder;
      }
    }
  }
}

std::vector<std::uint32_t> Rng::Permutation(std::uint32_t n) {
  std::vector<std::uint32_t> p(n);
  std::iota(p.begin(), p.end(), 0u);
  for (std::uint32_t i = n; i > 1; --i) {
    std::swap(p[i - 1], p[Below(i)]);
  }
  return p;
}

}  // namespace normlab
