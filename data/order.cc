#include "data/order.h"

#include "base/rng.h"

namespace normlab::data {
namespace {

bool LastBatchWouldBeOne(std::int64_t examples, std::int64_t batch_size) {
  return batch_size > 1 && examples > batch_size && examples % batch_size == 1;
}

}  // namespace

BatchOrder::BatchOrder(std::uint64_t seed, std::int64_t examples, std::int64_t batch_size)
    : seed_(seed),
      examples_(examples),
      batch_size_(batch_size),
      updates_per_pass_(static_cast<std::uint64_t>((examples + batch_size - 1) / batch_size -
                                                   (LastBatchWouldBeOne(examples, batch_size) ? 1 : 0))) {}

std::int64_t BatchOrder::LargestBatch() const {
  return batch_size_ + (LastBatchWouldBeOne(examples_, batch_size_) ? 1 : 0);
}

std::span<const std::uint32_t> BatchOrder::Batch(std::uint64_t step) {
  const std::uint64_t pass = step / updates_per_pass_;
  if (pass != pass_ || permutation_.empty()) {
    permutation_ = Rng(seed_, "order", pass).Permutation(static_cast<std::uint32_t>(examples_));
    pass_ = pass;
  }
  const std::uint64_t index = step % updates_per_pass_;
  const auto begin = static_cast<std::int64_t>(index) * batch_size_;
  const std::int64_t end = index + 1 == updates_per_pass_ ? examples_ : begin + batch_size_;
  return std::span(permutation_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

}  // namespace normlab::data
