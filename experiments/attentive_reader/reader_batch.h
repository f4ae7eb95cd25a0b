// reader_batch.h - questions and their passages side by side, padded to the longest, as the network takes them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/cloze/cloze.h"
#include "experiments/attentive_reader/reader.h"

namespace normlab {

// Owns the memory that network and loss borrow. Fill it again for the next batch; what get() gave before is then gone.
class ReaderBatchMemory {
 public:
  // For as many questions as long as the longest of all `sets`.
  ReaderBatchMemory(const data::ClozeData& data, std::int64_t batch);

  // `order`, empty or a permutation of 0 .. names - 1: name i of these questions is called name order[i], in passages,
  // questions and answers alike.
  void Fill(const data::ClozeSet& set, std::span<const std::uint32_t> questions,
            std::span<const std::uint32_t> order = {});

  ReaderBatch<float> get() const;
  std::span<const std::int32_t> answers() const { return answers_; }

 private:
  struct Side {
    std::int64_t steps = 0;
    std::vector<std::int32_t> words;
    std::vector<float> mask;

    void Reserve(std::size_t columns);
    void Clear(std::size_t longest, std::size_t batch);
  };

  std::int64_t batch_ = 0;
  Side passage_, question_;
  std::vector<std::int32_t> answers_;
};

}  // namespace normlab
