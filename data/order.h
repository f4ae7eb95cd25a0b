// order.h - which examples make up the batch of an update: every pass a fresh permutation, cut into batches.
//
// The order is a pure function of (seed, pass), so a run resumed at any update sees the batches of an uninterrupted
// one, and runs that differ only in their normaliser see the same batches.
//
// The paper does not say what becomes of a short last batch. Here every example is used once a pass: the last batch is
// short (55,000 / 128: 429 of 128 and one of 88). Only a last batch of ONE example joins the batch before it, because
// batch normalisation has no variance for it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace normlab::data {

// Thread safety: none.
class BatchOrder {
 public:
  // 1 <= batch_size <= examples.
  BatchOrder(std::uint64_t seed, std::int64_t examples, std::int64_t batch_size);

  std::uint64_t UpdatesPerPass() const { return updates_per_pass_; }
  std::int64_t LargestBatch() const;

  // The examples of update number `step` (0-based, over all passes). Valid until the next call.
  std::span<const std::uint32_t> Batch(std::uint64_t step);

 private:
  std::uint64_t seed_;
  std::int64_t examples_;
  std::int64_t batch_size_;
  std::uint64_t updates_per_pass_;
  std::uint64_t pass_ = 0;
  std::vector<std::uint32_t> permutation_;  // of pass_; empty before the first call
};

}  // namespace normlab::data
