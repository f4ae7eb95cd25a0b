#include "experiments/skip_thoughts/batch.h"

#include <algorithm>

namespace normlab {

void SentenceMemory::Clear() {
  ids_.clear();
  mask_.clear();
  batches_.clear();
}

void SentenceMemory::Add(std::span<const Sentence> sentences, Ending ending) {
  const std::size_t begin = ids_.size(), batch = sentences.size();
  const auto length = [&](const Sentence& s) { return s.size() + (ending == Ending::kEnd || s.empty() ? 1 : 0); };
  std::size_t steps = 0, words = 0;
  for (const Sentence& sentence : sentences) {
    steps = std::max(steps, length(sentence));
    words += length(sentence);
  }
  ids_.resize(begin + steps * batch, static_cast<std::int32_t>(data::kEndOfSentence));
  mask_.resize(begin + steps * batch, 0.0f);
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t t = 0; t < length(sentences[b]); ++t) {
      const std::size_t column = begin + t * batch + b;
      mask_[column] = 1.0f;
      if (t < sentences[b].size()) {
        ids_[column] = static_cast<std::int32_t>(sentences[b][t]);
      }
    }
  }
  batches_.push_back({.begin = begin,
                      .steps = static_cast<std::int64_t>(steps),
                      .batch = static_cast<std::int64_t>(batch),
                      .words = static_cast<std::int64_t>(words)});
}

SentenceBatch<float> SentenceMemory::get(std::size_t i) const {
  const Place& place = batches_[i];
  return {.steps = place.steps,
          .batch = place.batch,
          .ids = std::span(ids_).subspan(place.begin, static_cast<std::size_t>(place.steps * place.batch)),
          .mask = mask_.data() + place.begin};
}

void TripletMemory::Fill(const data::SentenceIds& text, std::span<const std::uint32_t> middles) {
  memory_.Clear();
  for (const int offset : {0, 1, -1}) {
    sentences_.clear();
    for (const std::uint32_t middle : middles) {
      sentences_.push_back(text.Sentence(static_cast<std::size_t>(static_cast<std::int64_t>(middle) + offset)));
    }
    memory_.Add(sentences_, Ending::kEnd);
  }
}

TripletBatch<float> TripletMemory::get() const {
  return {.sentence = memory_.get(0), .next = memory_.get(1), .previous = memory_.get(2)};
}

}  // namespace normlab
