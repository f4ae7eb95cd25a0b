#include "nn/arena.h"

#include <algorithm>

namespace normlab::nn {
namespace {
constexpr std::size_t kFirstBlock = std::size_t{4} << 20;
}  // namespace

void* Arena::allocate(std::size_t bytes) {
  bytes = (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  while (block_ < blocks_.size() && used_ + bytes > static_cast<std::size_t>(blocks_[block_].size())) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const std::size_t size = std::max({bytes, capacity(), kFirstBlock});
    blocks_.emplace_back(static_cast<Index>(size));
  }
  void* memory = blocks_[block_].data() + used_;
  used_ += bytes;
  return memory;
}

void Arena::reset() { block_ = used_ = 0; }

std::size_t Arena::capacity() const {
  std::size_t total = 0;
  for (const auto& block : blocks_) {
    total += static_cast<std::size_t>(block.size());
  }
  return total;
}

}  // namespace normlab::nn
