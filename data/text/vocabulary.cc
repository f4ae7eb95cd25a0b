#include "data/text/vocabulary.h"

#include <algorithm>

#include "data/text/treebank.h"
#include "data/text/unicode.h"

namespace normlab::data {

Vocabulary::Vocabulary(std::vector<std::string> words) : words_(std::move(words)) {
  words_.insert(words_.begin(), {"<eos>", "UNK"});
  ids_.reserve(words_.size());
  for (std::size_t id = kFirstWord; id < words_.size(); ++id) {
    ids_.emplace(words_[id], static_cast<std::uint32_t>(id));
  }
}

std::uint32_t Vocabulary::Id(std::string_view word) const {
  const auto found = ids_.find(word);
  return found != ids_.end() ? found->second : kUnknownWord;
}

void WordCounter::Add(std::string_view word, std::int64_t times) {
  const auto [place, added] = places_.try_emplace(std::string(word), words_.size());
  if (added) {
    words_.push_back({place->first, 0});
  }
  words_[place->second].count += times;
}

Vocabulary WordCounter::MostFrequent(std::size_t size) const {
  std::vector<const Counted*> order;
  for (const Counted& counted : words_) {
    order.push_back(&counted);
  }
  std::stable_sort(order.begin(), order.end(), [](const Counted* a, const Counted* b) { return a->count > b->count; });
  order.resize(std::min(order.size(), std::max<std::size_t>(size, kFirstWord) - kFirstWord));
  std::vector<std::string> words;
  for (const Counted* counted : order) {
    words.push_back(counted->word);
  }
  return Vocabulary(std::move(words));
}

Vocabulary MakeVocabulary(const TextCorpus& corpus, const std::vector<bool>& left_out, std::size_t size) {
  std::vector<std::int64_t> counts(corpus.forms.size(), 0);
  std::vector<std::uint32_t> met;  // forms in the order in which the counted chapters have them
  for (std::size_t chapter = 0; chapter < corpus.Chapters(); ++chapter) {
    if (!left_out.empty() && left_out[chapter]) {
      continue;
    }
    const std::uint64_t end = corpus.sentence_begin[corpus.chapter_begin[chapter + 1]];
    for (std::uint64_t i = corpus.sentence_begin[corpus.chapter_begin[chapter]]; i < end; ++i) {
      const std::uint32_t form = corpus.tokens[static_cast<std::size_t>(i)];
      if (counts[form]++ == 0) {
        met.push_back(form);
      }
    }
  }
  WordCounter counter;
  for (const std::uint32_t form : met) {
    counter.Add(ToLower(corpus.forms[form]), counts[form]);
  }
  return counter.MostFrequent(size);
}

SentenceIds ToIds(const TextCorpus& corpus, const Vocabulary& vocabulary) {
  std::vector<std::uint32_t> id_of_form;
  id_of_form.reserve(corpus.forms.size());
  for (const std::string& form : corpus.forms) {
    id_of_form.push_back(vocabulary.Id(ToLower(form)));
  }
  SentenceIds sentences{.ids = {}, .begin = corpus.sentence_begin};
  sentences.ids.reserve(corpus.tokens.size());
  for (const std::uint32_t form : corpus.tokens) {
    sentences.ids.push_back(id_of_form[form]);
  }
  return sentences;
}

std::vector<std::uint32_t> ToIds(std::string_view text, const Vocabulary& vocabulary) {
  std::vector<std::uint32_t> ids;
  for (const std::string& token : Tokenize(text)) {
    ids.push_back(vocabulary.Id(ToLower(token)));
  }
  return ids;
}

}  // namespace normlab::data
