#include "data/cloze/relevance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "data/cloze/cloze_file.h"

namespace normlab::data {
namespace {

bool EndsSentence(std::string_view token) { return token == "." || token == "?" || token == "!"; }
bool ClosesQuotation(std::string_view token) { return token == "''" || token == "\"" || token == "'"; }

}  // namespace

std::vector<TokenSpan> SplitPassage(TokenSpan passage) {
  std::vector<TokenSpan> sentences;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < passage.size(); ++at) {
    const bool ends =
        EndsSentence(passage[at]) || (at > begin && ClosesQuotation(passage[at]) && EndsSentence(passage[at - 1]));
    const bool goes_on = at + 1 < passage.size() && (EndsSentence(passage[at + 1]) || ClosesQuotation(passage[at + 1]));
    if ((ends && !goes_on) || at + 1 == passage.size()) {
      sentences.push_back(passage.subspan(begin, at + 1 - begin));
      begin = at + 1;
    }
  }
  return sentences;
}

std::vector<std::size_t> MostRelevant(const std::vector<TokenSpan>& sentences, TokenSpan question, std::size_t count) {
  struct Use {
    std::size_t sentences = 0, last = static_cast<std::size_t>(-1);  // with the word; the last one of them
  };
  std::unordered_map<std::string_view, Use> uses;
  for (const std::string_view word : question) {
    if (word != kPlaceholder) {
      uses[word];
    }
  }
  const auto for_each_shared = [&](auto use) {  // once for each word and sentence
    for (auto& [word, of_word] : uses) {
      of_word.last = static_cast<std::size_t>(-1);
    }
    for (std::size_t s = 0; s < sentences.size(); ++s) {
      for (const std::string_view word : sentences[s]) {
        if (const auto found = uses.find(word); found != uses.end() && found->second.last != s) {
          found->second.last = s;
          use(s, found->second);
        }
      }
    }
  };
  for_each_shared([](std::size_t, Use& word) { ++word.sentences; });
  std::vector<double> scores(sentences.size(), 0.0);
  for_each_shared([&](std::size_t s, const Use& word) {
    scores[s] += std::log(static_cast<double>(sentences.size()) / static_cast<double>(word.sentences));
  });
  std::vector<std::size_t> best(sentences.size());
  std::iota(best.begin(), best.end(), std::size_t{0});
  std::stable_sort(best.begin(), best.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  best.resize(std::min(best.size(), count));
  std::sort(best.begin(), best.end());
  return best;
}

}  // namespace normlab::data
