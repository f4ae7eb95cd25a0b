// text_corpus.h - books as sentences of tokens, with their capitals: what vocabularies, triplets and passages are made of.
//
// Sentences, chapters and books are numbered from 0 in reading order. What begins with sentence i ends before the begin of
// i + 1, so each table has one entry more than it has things. No sentence, chapter or book is empty.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/registry.h"

namespace normlab::data {

struct TextCorpus {
  std::vector<std::string> forms;             // distinct tokens as they stand in the text, by first occurrence
  std::vector<std::uint32_t> tokens;          // numbers of forms, sentence after sentence
  std::vector<std::uint64_t> sentence_begin;  // by sentence: its first token
  std::vector<std::uint32_t> chapter_begin;   // by chapter: its first sentence
  std::vector<std::uint32_t> book_begin;      // by book: its first chapter
  std::vector<std::string> titles;            // by book
  std::string sha256;                         // of the book file (book_file.h) that it was made from

  std::size_t Sentences() const { return sentence_begin.size() - 1; }
  std::size_t Chapters() const { return chapter_begin.size() - 1; }
  std::size_t Books() const { return book_begin.size() - 1; }
  std::size_t Length(std::size_t sentence) const {
    return static_cast<std::size_t>(sentence_begin[sentence + 1] - sentence_begin[sentence]);
  }
  // Numbers of forms.
  std::span<const std::uint32_t> Sentence(std::size_t sentence) const {
    return std::span(tokens).subspan(static_cast<std::size_t>(sentence_begin[sentence]), Length(sentence));
  }
  bool operator==(const TextCorpus&) const = default;
};

// done and total in bytes of text.
using TextProgress = std::function<void(std::int64_t done, std::int64_t total)>;

// Tokenises the content of a book file. Uses the threads of base/parallel.h; any number gives the same corpus. `source` is
// for messages. kDataLoss: not a book file, or no sentence in it.
absl::StatusOr<TextCorpus> TokenizeBooks(std::string_view content, std::string_view source,
                                         const TextProgress& progress = {});

// The corpus of a data set whose file is a book file: books, kjv. Taken from `cache_folder` (CacheDirectory() of base/paths.h)
// if it was made there before by this version of normlab's rules and is whole, else made and stored there; empty: no cache. A cache that cannot be written
// costs time, no more. kNotFound: not on this machine, the message says how to get it. kDataLoss: a bad file.
absl::StatusOr<TextCorpus> LoadTextCorpus(const DatasetInfo& dataset, const std::vector<std::string>& directories,
                                          const std::string& cache_folder, const TextProgress& progress = {});

// One chapter in `one_in` is held out, at least one if there are two, the same ones whatever a job's seed: true for it.
// Whole books if there are at least `one_in` of them, else chapters.
std::vector<bool> HeldOutChapters(const TextCorpus& corpus, std::size_t one_in);

}  // namespace normlab::data
