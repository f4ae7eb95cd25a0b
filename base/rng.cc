#include "base/rng.h"

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

}  // namespace

std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

Rng::Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t step) {
  const std::uint64_t key = Mix(seed) ^ HashName(purpose);
  key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
  // The step takes the upper half of the counter, the position in the stream the lower.
  counter_ = {0, 0, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)};
}

std::uint32_t Rng::Next32() {
  if (used_ == 4) {
    block_ = Philox4x32(counter_, key_);
    if (++counter_[0] == 0) {
      ++counter_[1];
    }
    used_ = 0;
  }
  return block_[used_++];
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
  const std::uint64_t reject_from = ~std::uint64_t{0} - (~std::uint64_t{0} % n + 1) % n;
  std::uint64_t x;
  do {
    x = Next64();
  } while (x > reject_from);
  return x % n;
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
