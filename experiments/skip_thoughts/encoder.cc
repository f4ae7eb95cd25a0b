#include "experiments/skip_thoughts/encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace normlab {
namespace {

constexpr std::size_t kBatch = 64;

void CopyNormalised(const float* vector, std::int64_t units, float* to) {
  const double length = std::sqrt(std::inner_product(vector, vector + units, vector, 0.0));
  const auto scale = static_cast<float>(length > 0.0 ? 1.0 / length : 0.0);
  std::transform(vector, vector + units, to, [scale](float v) { return scale * v; });
}

}  // namespace

// Sentences of about one length are read together.
SentenceVectors SentenceEncoder::Encode(std::span<const Sentence> sentences, Ending ending) {
  const std::int64_t units = network_.shape().units;
  std::vector<std::size_t> order(sentences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sentences[a].size() < sentences[b].size(); });
  SentenceVectors vectors{.units = units, .values = std::vector<float>(static_cast<std::size_t>(units) * order.size())};
  std::vector<Sentence> some;
  for (std::size_t begin = 0; begin < order.size(); begin += kBatch) {
    const std::size_t count = std::min(kBatch, order.size() - begin);
    some.clear();
    for (std::size_t i = begin; i < begin + count; ++i) {
      some.push_back(sentences[order[i]]);
    }
    memory_.Clear();
    memory_.Add(some, ending);
    tape_.reset();
    const nn::Var h = network_.Encode(tape_, memory_.get(0), nn::Mode::kEvaluate);
    for (std::size_t i = 0; i < count; ++i) {
      CopyNormalised(h.data() + static_cast<std::int64_t>(i) * units, units,
                     vectors.values.data() + static_cast<std::int64_t>(order[begin + i]) * units);
    }
  }
  return vectors;
}

SentenceVectors SentenceEncoder::Encode(const std::vector<std::string>& texts, const data::Vocabulary& vocabulary,
                                        Ending ending) {
  std::vector<std::vector<std::uint32_t>> ids;
  ids.reserve(texts.size());
  for (const std::string& text : texts) {
    ids.push_back(data::ToIds(text, vocabulary));
  }
  return Encode(std::vector<Sentence>(ids.begin(), ids.end()), ending);
}

}  // namespace normlab
