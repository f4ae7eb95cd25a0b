#include "data/cloze/cloze.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <utility>

#include "base/paths.h"
#include "base/sha256.h"
#include "data/cloze/book_clozes.h"
#include "data/cloze/cloze_file.h"
#include "data/locate.h"
#include "data/text/text_corpus.h"

namespace normlab::data {
namespace {

using Counts = std::unordered_map<std::string_view, std::int64_t>;

void CountTokens(std::string_view text, Counts& counts) {
  while (!text.empty()) {
    ++counts[TakeToken(text)];
  }
}

int NumberOfName(std::string_view name) {
  int number = 0;
  std::from_chars(name.data() + name.find_first_of("0123456789"), name.data() + name.size(), number);
  return number;
}

// Words by number, see ClozeData; `names` becomes how many names there are.
std::vector<std::string> NumberWords(const std::vector<ClozeRecord>& records, std::int64_t vocabulary,
                                     std::uint32_t& names) {
  Counts counts;
  for (const ClozeRecord& record : records) {
    if (record.part == ClozePart::kTraining) {
      CountTokens(record.passage, counts);
      CountTokens(record.question, counts);
      CountTokens(record.answer, counts);
    }
  }
  std::vector<std::pair<std::string_view, std::int64_t>> sorted(counts.begin(), counts.end());
  const auto rest = std::partition(sorted.begin(), sorted.end(), [](const auto& w) { return IsClozeName(w.first); });
  std::sort(sorted.begin(), rest, [](const auto& a, const auto& b) {
    return std::pair(NumberOfName(a.first), a.first) < std::pair(NumberOfName(b.first), b.first);
  });
  std::sort(rest, sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  names = static_cast<std::uint32_t>(rest - sorted.begin());
  if (vocabulary != 0) {
    sorted.resize(std::min(sorted.size(), std::max<std::size_t>(static_cast<std::size_t>(vocabulary), names)));
  }
  std::vector<std::string> words = {"UNK"};
  for (const auto& [word, count] : sorted) {
    words.emplace_back(word);
  }
  return words;
}

class Encoder {
 public:
  Encoder(const std::vector<std::string>& words, const ClozeOptions& options) : options_(options) {
    for (std::size_t i = 1; i < words.size(); ++i) {
      numbers_[words[i]] = static_cast<std::uint32_t>(i);
    }
  }

  void Add(const ClozeRecord& record, ClozeSet& set) {
    Encode(record.passage, passage_);
    Encode(record.question, question_);
    set.Add(passage_, question_, Number(record.answer));
  }

 private:
  std::uint32_t Number(std::string_view word) const {
    const auto found = numbers_.find(word);
    return found == numbers_.end() ? kUnknownClozeWord : found->second;
  }
  void Encode(std::string_view text, std::vector<std::uint32_t>& out) const {
    out.clear();
    while (!text.empty() && (options_.max_words == 0 || static_cast<std::int64_t>(out.size()) < options_.max_words)) {
      out.push_back(Number(TakeToken(text)));
    }
  }

  ClozeOptions options_;
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
  std::vector<std::uint32_t> passage_, question_;
};

// The first `most` training questions, and so on; the others are no part of the vocabulary either.
std::vector<ClozeRecord> FirstOnes(const std::vector<ClozeRecord>& records, const ClozeOptions& options) {
  std::int64_t left[] = {options.train, options.valid, options.test};
  const bool all[] = {left[0] == 0, left[1] == 0, left[2] == 0};
  std::vector<ClozeRecord> first;
  for (const ClozeRecord& record : records) {
    const auto part = static_cast<std::size_t>(record.part);
    if (all[part] || left[part]-- > 0) {
      first.push_back(record);
    }
  }
  return first;
}

}  // namespace

void ClozeSet::Add(std::span<const std::uint32_t> passage, std::span<const std::uint32_t> question,
                   std::uint32_t answer) {
  words_.insert(words_.end(), passage.begin(), passage.end());
  ends_.push_back(words_.size());
  words_.insert(words_.end(), question.begin(), question.end());
  ends_.push_back(words_.size());
  answers_.push_back(answer);
  longest_passage_ = std::max(longest_passage_, passage.size());
  longest_question_ = std::max(longest_question_, question.size());
}

Cloze ClozeSet::operator[](std::size_t i) const {
  const std::uint64_t begin = i == 0 ? 0 : ends_[2 * i - 1], middle = ends_[2 * i], end = ends_[2 * i + 1];
  const std::span<const std::uint32_t> words = words_;
  return {.passage = words.subspan(begin, middle - begin),
          .question = words.subspan(middle, end - middle),
          .answer = answers_[i]};
}

std::int64_t ClozeSet::Answerable() const {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < Size(); ++i) {
    const Cloze cloze = (*this)[i];
    count += std::find(cloze.passage.begin(), cloze.passage.end(), cloze.answer) != cloze.passage.end() ? 1 : 0;
  }
  return count;
}

absl::StatusOr<ClozeData> EncodeClozes(std::string_view content, std::string_view source, const ClozeOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<ClozeRecord> all, ParseClozeFile(content, source));
  const std::vector<ClozeRecord> records = FirstOnes(all, options);
  ClozeData data;
  data.words = NumberWords(records, options.vocabulary, data.names);
  Encoder encoder(data.words, options);
  ClozeSet* const sets[] = {&data.train, &data.valid, &data.test};
  for (const ClozeRecord& record : records) {
    encoder.Add(record, *sets[static_cast<std::size_t>(record.part)]);
  }
  if (data.train.Size() == 0 || data.valid.Size() == 0) {
    return absl::DataLossError(
        fmt::format("{}: {} training questions and {} to validate with; expected at least one of each", source,
                    data.train.Size(), data.valid.Size()));
  }
  return data;
}

absl::StatusOr<ClozeData> LoadClozes(const DatasetInfo& dataset, const std::vector<std::string>& directories,
                                     const ClozeOptions& options) {
  if (dataset.name == "cnn") {
    const DataFile& file = dataset.files.front();
    NORMLAB_ASSIGN_OR_RETURN(const std::string content, LocateAndRead(dataset, file, directories));
    NORMLAB_ASSIGN_OR_RETURN(ClozeData data, EncodeClozes(content, file.name, options));
    data.sha256 = Sha256Hex(content);
    return data;
  }
  NORMLAB_ASSIGN_OR_RETURN(const TextCorpus corpus, LoadTextCorpus(dataset, directories, CacheDirectory()));
  NORMLAB_ASSIGN_OR_RETURN(ClozeData data, EncodeClozes(MakeBookClozes(corpus), dataset.name, options));
  data.sha256 = corpus.sha256;
  return data;
}

}  // namespace normlab::data
