// order.h - which examples make up the batch of an update.
//
// An order is a pure function of (seed, update), so a run resumed at any update sees the batches of an uninterrupted one,
// and runs that differ only in their normaliser see the same batches. A pass goes once over the examples.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace normlab::data {

class BatchOrder {
 public:
  virtual ~BatchOrder() = default;

  virtual std::uint64_t UpdatesPerPass() const = 0;
  virtual std::int64_t LargestBatch() const = 0;

  // The examples of update number `step` (0-based, over all passes). Valid until the next call.
  virtual std::span<const std::uint32_t> Batch(std::uint64_t step) = 0;
};

// What becomes of the examples of a pass that do not fill a batch.
enum class LastBatch {
  // They are a short one: every example is used once a pass (55,000 / 128: 429 of 128 and one of 88). Only ONE example joins
  // the batch before it, because batch normalisation has no variance for it.
  kShort,
  kDropped,  // they wait for another pass
};

// Every pass a fresh permutation, cut into batches.
class ShuffledOrder final : public BatchOrder {
 public:
  // 1 <= batch_size <= examples.
  ShuffledOrder(std::uint64_t seed, std::int64_t examples, std::int64_t batch_size, LastBatch last = LastBatch::kShort);

  std::uint64_t UpdatesPerPass() const override { return updates_per_pass_; }
  std::int64_t LargestBatch() const override;
  std::span<const std::uint32_t> Batch(std::uint64_t step) override;

 private:
  bool JoinsOne() const;

  std::uint64_t seed_;
  std::int64_t examples_;
  std::int64_t batch_size_;
  LastBatch last_;
  std::uint64_t updates_per_pass_;
  std::uint64_t pass_ = 0;
  std::vector<std::uint32_t> permutation_;  // of pass_; empty before the first call
};

// Every pass the same: examples 0, 1, 2, ... The last that fill no batch are never seen.
class FileOrder final : public BatchOrder {
 public:
  // 1 <= batch_size <= examples.
  FileOrder(std::int64_t examples, std::int64_t batch_size);

  std::uint64_t UpdatesPerPass() const override { return updates_per_pass_; }
  std::int64_t LargestBatch() const override { return batch_size_; }
  std::span<const std::uint32_t> Batch(std::uint64_t step) override;

 private:
  std::int64_t batch_size_;
  std::uint64_t updates_per_pass_;
  std::vector<std::uint32_t> examples_;
};

}  // namespace normlab::data
