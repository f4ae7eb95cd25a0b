#include "data/order.h"

#include <numeric>

#include "base/rng.h"

namespace normlab::data {

// --- ShuffledOrder ---

ShuffledOrder::ShuffledOrder(std::uint64_t seed, std::int64_t examples, std::int64_t batch_size, LastBatch last)
    : seed_(seed), examples_(examples), batch_size_(batch_size), last_(last) {
  const std::int64_t whole = examples / batch_size;
  const bool short_one = last == LastBatch::kShort && examples % batch_size != 0 && !JoinsOne();
  updates_per_pass_ = static_cast<std::uint64_t>(whole + (short_one ? 1 : 0));
}

// Whether the last batch would be of one example.
bool ShuffledOrder::JoinsOne() const {
  return last_ == LastBatch::kShort && batch_size_ > 1 && examples_ > batch_size_ && examples_ % batch_size_ == 1;
}

std::int64_t ShuffledOrder::LargestBatch() const { return batch_size_ + (JoinsOne() ? 1 : 0); }

std::span<const std::uint32_t> ShuffledOrder::Batch(std::uint64_t step) {
  const std::uint64_t pass = step / updates_per_pass_;
  if (pass != pass_ || permutation_.empty()) {
    permutation_ = Rng(seed_, "order", pass).Permutation(static_cast<std::uint32_t>(examples_));
    pass_ = pass;
  }
  const std::uint64_t index = step % updates_per_pass_;
  const auto begin = static_cast<std::int64_t>(index) * batch_size_;
  const bool takes_rest = last_ == LastBatch::kShort && index + 1 == updates_per_pass_;
  const std::int64_t end = takes_rest ? examples_ : begin + batch_size_;
  return std::span(permutation_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

// --- FileOrder ---

FileOrder::FileOrder(std::int64_t examples, std::int64_t batch_size)
    : batch_size_(batch_size),
      updates_per_pass_(static_cast<std::uint64_t>(examples / batch_size)),
      examples_(static_cast<std::size_t>(examples)) {
  std::iota(examples_.begin(), examples_.end(), 0u);
}

std::span<const std::uint32_t> FileOrder::Batch(std::uint64_t step) {
  const auto size = static_cast<std::size_t>(batch_size_);
  return std::span(examples_).subspan(static_cast<std::size_t>(step % updates_per_pass_) * size, size);
}

}  // namespace normlab::data
