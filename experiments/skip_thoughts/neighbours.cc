#include "experiments/skip_thoughts/neighbours.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/parallel.h"

namespace normlab {
namespace {

constexpr std::size_t kNeighbours = 5;

std::string TextOf(Sentence sentence, const data::Vocabulary& vocabulary) {
  std::string text;
  for (const std::uint32_t id : sentence) {
    text += text.empty() ? "" : " ";
    text += vocabulary.Word(id);
  }
  return text;
}

bool SameWords(Sentence a, Sentence b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

}  // namespace

std::vector<Neighbour> Nearest(const SentenceVectors& vectors, const std::vector<Sentence>& sentences,
                               std::size_t query, std::size_t count) {
  const std::span<const float> u = vectors.Vector(query);
  std::vector<Neighbour> all;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const std::span<const float> v = vectors.Vector(i);
    all.push_back({.sentence = i, .cosine = std::inner_product(u.begin(), u.end(), v.begin(), 0.0)});
  }
  std::stable_sort(all.begin(), all.end(), [](const Neighbour& a, const Neighbour& b) { return a.cosine > b.cosine; });
  std::vector<Neighbour> nearest;
  for (const Neighbour& candidate : all) {
    const Sentence words = sentences[candidate.sentence];
    const bool known = SameWords(words, sentences[query]) ||
                       std::any_of(nearest.begin(), nearest.end(),
                                   [&](const Neighbour& n) { return SameWords(words, sentences[n.sentence]); });
    if (!known && nearest.size() < count) {
      nearest.push_back(candidate);
    }
  }
  return nearest;
}

std::string NeighboursText(const SentenceVectors& vectors, const std::vector<Sentence>& sentences,
                           const data::Vocabulary& vocabulary) {
  std::vector<std::vector<Neighbour>> nearest(sentences.size());
  parallel_for(static_cast<std::ptrdiff_t>(sentences.size()), [&](std::ptrdiff_t query) {
    const auto at = static_cast<std::size_t>(query);
    nearest[at] = Nearest(vectors, sentences, at, kNeighbours);
  });
  std::string text =
      fmt::format("Nearest of {} held-out sentences, by the cosine of their vectors\n", sentences.size());
  for (std::size_t query = 0; query < sentences.size(); ++query) {
    fmt::format_to(std::back_inserter(text), "\n{}\n", TextOf(sentences[query], vocabulary));
    for (const Neighbour& neighbour : nearest[query]) {
      fmt::format_to(std::back_inserter(text), "  {:.3f}  {}\n", neighbour.cosine,
                     TextOf(sentences[neighbour.sentence], vocabulary));
    }
  }
  return text;
}

}  // namespace normlab
