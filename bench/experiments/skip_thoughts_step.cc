// Training steps of skip-thoughts on triplets of noise, 64 sentences of 15 words, on one thread: at the paper's sizes, whose
// orthogonal matrices take a minute or two to make, and at those of a small machine. And nested cross-validation of as many
// sentences as MR has.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>

#include "base/rng.h"
#include "bench/experiments/measure.h"
#include "experiments/skip_thoughts/cross_validation.h"
#include "experiments/skip_thoughts/training.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr int kBatch = 64, kWords = 15;

struct Size {
  int units, word_size, vocabulary;
};

v1::SkipThoughtsConfig Config(const Size& size, v1::NormKind norm) {
  v1::JobSpec spec;
  v1::SkipThoughtsConfig& config = *spec.mutable_skip_thoughts();
  config.set_norm(norm);
  config.set_units(size.units);
  config.set_word_size(size.word_size);
  config.set_vocabulary(size.vocabulary);
  config.set_batch_size(kBatch);
  config.set_test_sentences(1);
  config.set_updates(100'000'000);
  config.set_evaluation_interval(100'000'000);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).skip_thoughts();
}

SkipThoughtsData NoiseText(const Size& size) {
  constexpr std::uint32_t kSentences = 20'000;
  std::vector<std::string> words;
  for (int i = 2; i < size.vocabulary; ++i) {
    words.push_back(fmt::format("w{}", i));
  }
  SkipThoughtsData data{
      .vocabulary = data::Vocabulary(std::move(words)), .text = {}, .train = {}, .test = {1}, .transfer = {}};
  Rng rng(1, "bench/text");
  for (std::uint32_t i = 0; i < kSentences; ++i) {
    data.text.begin.push_back(i * kWords);
    for (int t = 0; t < kWords; ++t) {
      data.text.ids.push_back(
          static_cast<std::uint32_t>(2 + rng.Below(static_cast<std::uint64_t>(size.vocabulary - 2))));
    }
    if (i > 0 && i + 1 < kSentences) {
      data.train.push_back(i);
    }
  }
  data.text.begin.push_back(kSentences * kWords);
  return data;
}

// Forward, and the gradients of weights and inputs. A decoder's first input is zeros.
double StepFlops(const Size& size) {
  const double u = size.units, e = size.word_size, steps = kWords + 1, written = 2 * steps;
  const double recurrent = 3 * steps * 3 * u * u, input = (steps + 2 * kWords) * 3 * u * e;
  return 3.0 * 2.0 * kBatch * (recurrent + input + written * u * size.vocabulary);
}

void SkipThoughtsStep(benchmark::State& state, const Size& size, v1::NormKind norm) {
  PrepareThread();
  Updates updates(MakeSkipThoughts(Config(size, norm), 1, NoiseText(size)).value());
  for (auto _ : state) {
    updates.Next();
  }
  Rates(state, StepFlops(size));
}

// Vectors of noise that a plane divides, but for more noise: about three in four are told right, as in MR.
void NestedCrossValidationOfMr(benchmark::State& state) {
  constexpr std::size_t kSentences = 10'662;
  PrepareThread();
  const auto units = static_cast<std::size_t>(state.range(0));
  Rng rng(1, "bench/vectors");
  SentenceVectors vectors{.units = state.range(0), .values = std::vector<float>(kSentences * units)};
  std::vector<std::uint8_t> labels;
  for (std::size_t i = 0; i < kSentences; ++i) {
    double sum = 0.0;
    for (std::size_t k = 0; k < units; ++k) {
      const double value = rng.Normal() / std::sqrt(static_cast<double>(units));
      vectors.values[i * units + k] = static_cast<float>(value);
      sum += value;
    }
    labels.push_back(sum + rng.Normal() > 0.0 ? 1 : 0);
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(NestedCrossValidation(vectors, labels).Mean());
  }
}

}  // namespace

void RegisterSkipThoughts() {
  benchmark::RegisterBenchmark("NestedCrossValidationOfMr", NestedCrossValidationOfMr)
      ->Arg(128)
      ->Arg(256)
      ->Arg(2400)
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
  const std::pair<const char*, Size> sizes[] = {{"paper", {.units = 2400, .word_size = 620, .vocabulary = 20'000}},
                                                {"small", {.units = 256, .word_size = 128, .vocabulary = 5'000}}};
  for (const auto& [size_name, size] : sizes) {
    for (const auto& [norm_name, norm] :
         {std::pair{"none", v1::NORM_KIND_NONE}, std::pair{"layer", v1::NORM_KIND_LAYER}}) {
      benchmark::RegisterBenchmark(fmt::format("SkipThoughtsStep/{}/{}", size_name, norm_name).c_str(),
                                   SkipThoughtsStep, size, norm)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace normlab
