#include "data/text/length_order.h"

#include <algorithm>
#include <numeric>

#include "base/rng.h"

namespace normlab::data {

EqualLengthOrder::EqualLengthOrder(std::uint64_t seed, std::span<const std::uint32_t> lengths, std::int64_t batch_size)
    : seed_(seed), batch_size_(batch_size), by_length_(lengths.size()) {
  std::iota(by_length_.begin(), by_length_.end(), std::uint32_t{0});
  std::stable_sort(by_length_.begin(), by_length_.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return lengths[a] < lengths[b]; });
  for (std::uint32_t i = 0; i < by_length_.size(); ++i) {
    if (i == 0 || lengths[by_length_[i]] != lengths[by_length_[i - 1]]) {
      bucket_begin_.push_back(i);
    }
  }
  bucket_begin_.push_back(static_cast<std::uint32_t>(by_length_.size()));
  for (std::size_t bucket = 0; bucket < Buckets(); ++bucket) {
    updates_per_pass_ += static_cast<std::uint64_t>((BucketSize(bucket) + batch_size - 1) / batch_size);
  }
}

std::int64_t EqualLengthOrder::LargestBatch() const {
  std::int64_t largest = 0;
  for (std::size_t bucket = 0; bucket < Buckets(); ++bucket) {
    largest = std::max(largest, std::min(batch_size_, BucketSize(bucket)));
  }
  return largest;
}

std::span<const std::uint32_t> EqualLengthOrder::Batch(std::uint64_t step) {
  const std::uint64_t pass = step / updates_per_pass_;
  if (pass != pass_ || batches_.empty()) {
    MakePass(pass);
  }
  const Slice& batch = batches_[static_cast<std::size_t>(step % updates_per_pass_)];
  return std::span(order_).subspan(batch.begin, batch.size);
}

void EqualLengthOrder::MakePass(std::uint64_t pass) {
  Rng rng(seed_, "order", pass);
  std::vector<std::uint32_t> turns = rng.Permutation(static_cast<std::uint32_t>(Buckets()));
  order_.clear();
  for (std::size_t bucket = 0; bucket < Buckets(); ++bucket) {
    for (const std::uint32_t place : rng.Permutation(static_cast<std::uint32_t>(BucketSize(bucket)))) {
      order_.push_back(by_length_[bucket_begin_[bucket] + place]);
    }
  }
  batches_.clear();
  for (std::int64_t round = 0; !turns.empty(); ++round) {
    std::erase_if(turns, [&](std::uint32_t bucket) { return round * batch_size_ >= BucketSize(bucket); });
    for (const std::uint32_t bucket : turns) {
      const std::int64_t done = round * batch_size_;
      batches_.push_back({static_cast<std::uint32_t>(bucket_begin_[bucket] + done),
                          static_cast<std::uint32_t>(std::min(batch_size_, BucketSize(bucket) - done))});
    }
  }
  pass_ = pass;
}

}  // namespace normlab::data
