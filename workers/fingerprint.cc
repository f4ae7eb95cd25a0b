#include "workers/fingerprint.h"

#include <fmt/format.h>

#include <bit>
#include <stdexcept>

#include "base/sha256.h"

namespace normlab::workers {
namespace {

static_assert(std::endian::native == std::endian::little, "hashes and checkpoints are over little-endian bytes");

template <typename T>
std::string_view BytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Length first, so that no two sequences of fields give the same bytes.
void UpdateText(Sha256& hash, std::string_view text) {
  const std::uint64_t size = text.size();
  hash.Update(BytesOf(size));
  hash.Update(text);
}

}  // namespace

void CurveChains::Add(std::string_view series, std::uint64_t step, double value) {
  auto it = series_.find(series);
  if (it == series_.end()) {
    it = series_.emplace(series, SeriesChain{.digest = Sha256Hex(series)}).first;
  }
  SeriesChain& chain = it->second;
  if (chain.points > 0 && step <= chain.last_step) {
    throw std::logic_error(
        fmt::format("series {}: point at step {} after one at step {}; steps must rise within a series", series, step,
                    chain.last_step));
  }
  Sha256 link;
  link.Update(chain.digest);
  link.Update(BytesOf(step));
  link.Update(BytesOf(value));
  chain = {chain.points + 1, step, link.Hex()};
}

std::string Fingerprint(const std::vector<NamedTensor>& weights, const CurveChains& curve) {
  Sha256 hash;
  hash.Update("normlab-fingerprint-1");
  const std::uint64_t tensors = weights.size();
  hash.Update(BytesOf(tensors));
  for (const NamedTensor& tensor : weights) {
    UpdateText(hash, tensor.name);
    const std::uint64_t rank = tensor.shape.size();
    hash.Update(BytesOf(rank));
    std::size_t elements = 1;
    for (const std::int64_t extent : tensor.shape) {
      hash.Update(BytesOf(extent));
      elements *= static_cast<std::size_t>(extent);
    }
    hash.Update({reinterpret_cast<const char*>(tensor.data), elements * sizeof(float)});
  }
  for (const auto& [name, chain] : curve.series()) {
    UpdateText(hash, name);
    hash.Update(BytesOf(chain.points));
    hash.Update(chain.digest);
  }
  return hash.Hex();
}

}  // namespace normlab::workers
