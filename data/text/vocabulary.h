// vocabulary.h - words by number, as the released skip-thoughts code numbers them: 0 ends a sentence, 1 is any word that has
// no number, and from 2 on come the words by falling count; of equal counts, what occurred first.
//
// Thread safety: const methods, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/text/text_corpus.h"

namespace normlab::data {

constexpr std::uint32_t kEndOfSentence = 0;
constexpr std::uint32_t kUnknownWord = 1;
constexpr std::uint32_t kFirstWord = 2;

class Vocabulary {
 public:
  // words[0] gets number 2. They are distinct.
  explicit Vocabulary(std::vector<std::string> words);
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;

  // All numbers, the two that are no words included.
  std::size_t Size() const { return words_.size(); }
  // "<eos>" and "UNK" for 0 and 1.
  const std::string& Word(std::uint32_t id) const { return words_[id]; }
  // kUnknownWord if it has none. Words of a corpus are in lower case.
  std::uint32_t Id(std::string_view word) const;

 private:
  std::vector<std::string> words_;
  std::unordered_map<std::string_view, std::uint32_t> ids_;  // of words_, which stay where they are
};

// Counts words in the order in which they are met.
class WordCounter {
 public:
  void Add(std::string_view word, std::int64_t times = 1);
  std::int64_t Distinct() const { return static_cast<std::int64_t>(words_.size()); }
  // The most frequent ones, so that Size() is at most `size` (at least 2).
  Vocabulary MostFrequent(std::size_t size) const;

 private:
  struct Counted {
    std::string word;
    std::int64_t count;
  };
  std::vector<Counted> words_;
  std::unordered_map<std::string, std::size_t> places_;
};

// Of the corpus's words in lower case; chapters for which `left_out` is true are not counted (empty: all are).
Vocabulary MakeVocabulary(const TextCorpus& corpus, const std::vector<bool>& left_out, std::size_t size);

// Sentences as numbers of words, without an end of sentence.
struct SentenceIds {
  std::vector<std::uint32_t> ids;
  std::vector<std::uint64_t> begin;  // by sentence: its first word, and the end

  std::size_t Sentences() const { return begin.size() - 1; }
  std::span<const std::uint32_t> Sentence(std::size_t sentence) const {
    return std::span(ids).subspan(static_cast<std::size_t>(begin[sentence]),
                                  static_cast<std::size_t>(begin[sentence + 1] - begin[sentence]));
  }
};

// The sentences of a corpus, under the same numbers.
SentenceIds ToIds(const TextCorpus& corpus, const Vocabulary& vocabulary);

// Any text, tokenised (treebank.h) and in lower case.
std::vector<std::uint32_t> ToIds(std::string_view text, const Vocabulary& vocabulary);

}  // namespace normlab::data
