// batch.h - pen sequences side by side, padded to the longest, as the network takes them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/handwriting/sequence.h"
#include "experiments/handwriting/network.h"

namespace normlab {

// Owns the memory that network and loss borrow. Fill it again for the next batch; what get() gave before is then gone.
class PenBatchMemory {
 public:
  // `lines` are indices into `sequences`; each text is in an alphabet of `alphabet` symbols.
  void Fill(const std::vector<data::PenSequence>& sequences, std::span<const std::uint32_t> lines, int alphabet);

  PenBatch<float> get() const;
  const float* targets() const { return targets_.data(); }  // 3 x (T B): the point after
  const float* mask() const { return mask_.data(); }
  std::int64_t batch() const { return batch_; }
  std::int64_t real_steps() const { return real_steps_; }  // not padded

 private:
  std::int64_t steps_ = 0, batch_ = 0, real_steps_ = 0;
  int alphabet_ = 0;
  std::vector<float> inputs_, targets_, mask_;
  std::vector<std::uint8_t> symbols_;
  std::vector<nn::Index> begin_;
};

}  // namespace normlab
