// cloze.h - questions about short passages, in which names are anonymous: a sentence in which one name of the passage has
// been replaced by @placeholder, and the name. What the attentive reader reads [LN sec 6.2], as numbers of words.
//
// Names are tokens "@entity0", "@entity1", ...: what each stands for changes from passage to passage, so that nothing but the
// passage tells the answer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/registry.h"

namespace normlab::data {

struct Cloze {
  std::span<const std::uint32_t> passage, question;  // numbers of words
  std::uint32_t answer = 0;
};

// Value type; const methods from any thread.
class ClozeSet {
 public:
  void Add(std::span<const std::uint32_t> passage, std::span<const std::uint32_t> question, std::uint32_t answer);

  std::size_t Size() const { return answers_.size(); }
  // Valid until the next Add().
  Cloze operator[](std::size_t i) const;
  // Words of the longest ones; 0 if there is none.
  std::size_t LongestPassage() const { return longest_passage_; }
  std::size_t LongestQuestion() const { return longest_question_; }
  // How many answers are among the words of their passage.
  std::int64_t Answerable() const;

 private:
  std::vector<std::uint32_t> words_;  // passage, question, passage, ...
  std::vector<std::uint64_t> ends_;   // in words_, of each
  std::vector<std::uint32_t> answers_;
  std::size_t longest_passage_ = 0, longest_question_ = 0;
};

// Number of every word that has none, such as a name that no training question has.
constexpr std::uint32_t kUnknownClozeWord = 0;

struct ClozeData {
  ClozeSet train, valid, test;
  // By number: "UNK", then the names of the training questions, then their other words by falling count, of equal counts by
  // bytes.
  std::vector<std::string> words;
  std::uint32_t names = 0;  // 1 to `names` are numbers of names
  std::string sha256;       // of the file it was made from
};

struct ClozeOptions {
  std::int64_t vocabulary = 0;  // words that have a number, names included; 0: all. Names have one in any case
  std::int64_t max_words = 0;   // of a passage or question that are kept, its first; 0: all
  std::int64_t train = 0, valid = 0, test = 0;  // questions used, the first ones; 0: all
};

// From the content of a cloze file (cloze_file.h). kDataLoss: not one, or without a training or a validation question.
absl::StatusOr<ClozeData> EncodeClozes(std::string_view content, std::string_view source, const ClozeOptions& options);

// The data set named cnn, cloze_books or cloze_kjv. The last two are made here from the text that lies on this machine
// (book_clozes.h). kNotFound: it does not, the message says how to get it. kDataLoss: a bad file.
absl::StatusOr<ClozeData> LoadClozes(const DatasetInfo& dataset, const std::vector<std::string>& directories,
                                     const ClozeOptions& options);

}  // namespace normlab::data
