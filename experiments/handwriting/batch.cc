#include "experiments/handwriting/batch.h"

#include <algorithm>

namespace normlab {

void PenBatchMemory::Fill(const std::vector<data::PenSequence>& sequences, std::span<const std::uint32_t> lines,
                          int alphabet) {
  batch_ = static_cast<std::int64_t>(lines.size());
  alphabet_ = alphabet;
  steps_ = 0;
  real_steps_ = 0;
  symbols_.clear();
  begin_.assign(1, 0);
  for (const std::uint32_t line : lines) {
    const data::PenSequence& sequence = sequences[line];
    steps_ = std::max(steps_, static_cast<std::int64_t>(sequence.steps.size()));
    real_steps_ += static_cast<std::int64_t>(sequence.steps.size());
    symbols_.insert(symbols_.end(), sequence.text.begin(), sequence.text.end());
    begin_.push_back(static_cast<nn::Index>(symbols_.size()));
  }
  inputs_.assign(static_cast<std::size_t>(3 * steps_ * batch_), 0.0f);
  targets_.assign(inputs_.size(), 0.0f);
  mask_.assign(static_cast<std::size_t>(steps_ * batch_), 0.0f);
  for (std::size_t b = 0; b < lines.size(); ++b) {
    const std::vector<data::PenStep>& steps = sequences[lines[b]].steps;
    for (std::size_t t = 0; t < steps.size(); ++t) {
      const std::size_t column = t * lines.size() + b;
      const float point[3] = {steps[t].dx, steps[t].dy, steps[t].end};
      std::copy_n(point, 3, targets_.begin() + static_cast<std::ptrdiff_t>(3 * column));
      mask_[column] = 1.0f;
      if (t + 1 < steps.size()) {
        std::copy_n(point, 3, inputs_.begin() + static_cast<std::ptrdiff_t>(3 * (column + lines.size())));
      }
    }
  }
}

PenBatch<float> PenBatchMemory::get() const {
  return {.steps = steps_,
          .batch = batch_,
          .inputs = inputs_.data(),
          .mask = mask_.data(),
          .texts = {.symbols = symbols_.data(), .begin = begin_.data(), .alphabet = alphabet_, .batch = batch_}};
}

}  // namespace normlab
