// names.h - which tokens of a book are names, by their capitals; the rule is in book_clozes.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/text/text_corpus.h"

namespace normlab::data {

// What the rule asks of each form of a corpus, looked up once for all books.
class NameFinder {
 public:
  // `corpus` outlives it.
  explicit NameFinder(const TextCorpus& corpus);

  // For each form, whether it is a name in sentences begin .. end - 1: one book. Valid until the next call.
  const std::vector<bool>& Find(std::size_t begin, std::size_t end);

 private:
  void Count(std::span<const std::uint32_t> sentence);

  const TextCorpus& corpus_;
  std::vector<std::uint32_t>
      small_;  // by form: the same in small letters; itself if there is none, or it is no candidate
  std::vector<bool> opens_quotation_;       // by form
  std::vector<std::int32_t> inside_, all_;  // by form, in the book: elsewhere than first, and anywhere
  std::vector<bool> names_;
};

}  // namespace normlab::data
