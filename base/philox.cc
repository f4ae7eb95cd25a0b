#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "base/philox.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>

#include "base/philox.h"

#ifndef NORMLAB_BASE_PHILOX_CONSTANTS
#define NORMLAB_BASE_PHILOX_CONSTANTS  // this file is read once per instruction set
namespace normlab {
constexpr int kRounds = 10;
constexpr std::uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
}  // namespace normlab
#endif

HWY_BEFORE_NAMESPACE();
namespace normlab {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

// A block a lane of 64 bits. Each lane holds a word of the block in its lower half; the upper half is whatever a
// product left there, which the next product does not read.
template <typename D>
HWY_INLINE void Blocks(D d, hn::Vec<D> count, PhiloxBlock counter, PhiloxKey key, std::uint64_t* out) {
  const hn::Repartition<std::uint32_t, D> d32;
  const auto set = [&](std::uint32_t x) HWY_ATTR { return hn::Set(d, std::uint64_t{x}); };
  const auto multiply = [&](hn::Vec<D> a, hn::Vec<D> b)
                            HWY_ATTR { return hn::MulEven(hn::BitCast(d32, a), hn::BitCast(d32, b)); };
  hn::Vec<D> c0 = count, c1 = hn::ShiftRight<32>(count);
  hn::Vec<D> c2 = set(counter[2]), c3 = set(counter[3]);
  for (int round = 0; round < kRounds; ++round) {
    const auto p0 = multiply(c0, set(kMultiplier0));
    const auto p1 = multiply(c2, set(kMultiplier1));
    c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), c1), set(key[0]));
    c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), c3), set(key[1]));
    c1 = p1;
    c3 = p0;
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  const auto join = [&](hn::Vec<D> low, hn::Vec<D> high) HWY_ATTR {
    return hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(high)), hn::BitCast(d32, low));
  };
  hn::StoreInterleaved2(hn::BitCast(d, join(c0, c1)), hn::BitCast(d, join(c2, c3)), d, out);
}

void Fill(PhiloxBlock counter, PhiloxKey key, std::size_t n, std::uint32_t* words) {
  const hn::ScalableTag<std::uint64_t> d;
  const std::size_t lanes = hn::Lanes(d), step = 4 * lanes;
  auto count = hn::Add(hn::Iota(d, 0), hn::Set(d, counter[0] | std::uint64_t{counter[1]} << 32));
  HWY_ALIGN std::uint64_t out[2 * hn::MaxLanes(d)];
  std::size_t i = 0;
  for (; i + step <= n; i += step) {
    Blocks(d, count, counter, key, out);
    std::memcpy(words + i, out, step * sizeof(std::uint32_t));
    count = hn::Add(count, hn::Set(d, lanes));
  }
  if (i < n) {
    Blocks(d, count, counter, key, out);
    std::memcpy(words + i, out, (n - i) * sizeof(std::uint32_t));
  }
}

#else

void Fill(PhiloxBlock counter, PhiloxKey key, std::size_t n, std::uint32_t* words) {
  for (std::size_t i = 0; i < n; i += counter.size()) {
    const PhiloxBlock block = Philox4x32(counter, key);
    std::copy(block.begin(), block.end(), words + i);
    counter[1] += ++counter[0] == 0 ? 1 : 0;
  }
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab {

HWY_EXPORT(Fill);

PhiloxBlock Philox4x32(PhiloxBlock counter, PhiloxKey key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p0 = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t p1 = std::uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

void Philox4x32(PhiloxBlock counter, PhiloxKey key, std::span<std::uint32_t> words) {
  HWY_DYNAMIC_DISPATCH(Fill)(counter, key, words.size(), words.data());
}

}  // namespace normlab
#endif  // HWY_ONCE
