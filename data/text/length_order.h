// length_order.h - which examples make up the batch of an update, if those of a batch must be of one length: nothing is
// padded.
//
// As the released skip-thoughts code goes through a pass: the examples of each length in a fresh order, cut into batches (the
// last one of a length is short), and the lengths, in a fresh order, take turns until each has no batch left. The order is a
// pure function of (seed, pass), so a run resumed at any update sees the batches of an uninterrupted one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/order.h"

namespace normlab::data {

// Thread safety: none.
class EqualLengthOrder final : public BatchOrder {
 public:
  // `lengths` by example, of which there is at least one; batch_size >= 1.
  EqualLengthOrder(std::uint64_t seed, std::span<const std::uint32_t> lengths, std::int64_t batch_size);

  std::uint64_t UpdatesPerPass() const override { return updates_per_pass_; }
  std::int64_t LargestBatch() const override;

  std::span<const std::uint32_t> Batch(std::uint64_t step) override;

 private:
  struct Slice {
    std::uint32_t begin, size;  // of order_
  };
  std::size_t Buckets() const { return bucket_begin_.size() - 1; }
  std::int64_t BucketSize(std::size_t bucket) const { return bucket_begin_[bucket + 1] - bucket_begin_[bucket]; }
  void MakePass(std::uint64_t pass);

  std::uint64_t seed_;
  std::int64_t batch_size_;
  std::uint64_t updates_per_pass_ = 0;
  std::vector<std::uint32_t> by_length_;     // the examples, those of one length together
  std::vector<std::uint32_t> bucket_begin_;  // by bucket: its first in by_length_, and the end
  std::uint64_t pass_ = 0;                   // of order_ and batches_, which are empty before the first call
  std::vector<std::uint32_t> order_;         // by_length_, each bucket permuted
  std::vector<Slice> batches_;               // in the order of updates
};

}  // namespace normlab::data
