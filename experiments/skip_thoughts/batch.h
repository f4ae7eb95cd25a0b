// batch.h - sentences side by side, padded to the longest, as the network takes them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/text/vocabulary.h"
#include "experiments/skip_thoughts/network.h"

namespace normlab {

// Word numbers of one sentence, without its end.
using Sentence = std::span<const std::uint32_t>;

// What follows the last word.
enum class Ending {
  kEnd,   // the end of the sentence: in training, and for SICK
  kNone,  // nothing: what released code classifies. A sentence without words has its end all the same
};

// Owns the memory that a network borrows, of one batch of sentences or more. What get() gave before is gone with the next Clear()
// or Add().
class SentenceMemory {
 public:
  void Clear();
  // Sentences side by side, in memory right behind those that were added before.
  void Add(std::span<const Sentence> sentences, Ending ending);
  // What was added as number i since Clear().
  SentenceBatch<float> get(std::size_t i) const;
  // Steps of batch i that are no padding.
  std::int64_t words(std::size_t i) const { return batches_[i].words; }

 private:
  struct Place {
    std::size_t begin;  // in ids_ and mask_
    std::int64_t steps, batch, words;
  };
  std::vector<std::int32_t> ids_;
  std::vector<float> mask_;
  std::vector<Place> batches_;
};

// The sentences of some triplets and their neighbours.
class TripletMemory {
 public:
  // `middles` are numbers of sentences that have one before and one behind.
  void Fill(const data::SentenceIds& text, std::span<const std::uint32_t> middles);
  TripletBatch<float> get() const;
  // That are written, ends of sentences included.
  std::int64_t words() const { return memory_.words(1) + memory_.words(2); }

 private:
  SentenceMemory memory_;  // middles, next, previous
  std::vector<Sentence> sentences_;
};

}  // namespace normlab
