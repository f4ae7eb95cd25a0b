// Training steps of the attentive reader at the paper's sizes, on passages of noise: 64 of 40 to 200 words, questions of 8 to 24
// words, 65,830 words in all, on one thread.
#include <benchmark/benchmark.h>

#include <string>

#include "base/rng.h"
#include "bench/experiments/measure.h"
#include "experiments/attentive_reader/reader_training.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr std::uint32_t kWords = 65830, kNames = 500;
constexpr int kBatch = 64, kUnits = 240, kLongest = 200, kLongestQuestion = 24;

data::ClozeData Noise(int questions) {
  data::ClozeData data{
      .train = {}, .valid = {}, .test = {}, .words = std::vector<std::string>(kWords), .names = kNames, .sha256 = ""};
  Rng rng(1, "clozes");
  const auto words = [&rng](std::uint64_t count) {
    std::vector<std::uint32_t> some(count);
    for (std::uint32_t& word : some) {
      word = static_cast<std::uint32_t>(rng.Below(kWords));
    }
    return some;
  };
  for (int i = 0; i < questions; ++i) {  // the first of each batch is the longest
    const bool longest = i % kBatch == 0;
    data.train.Add(words(longest ? kLongest : 40 + rng.Below(kLongest - 40)),
                   words(longest ? kLongestQuestion : 8 + rng.Below(kLongestQuestion - 8)),
                   1 + static_cast<std::uint32_t>(rng.Below(kNames)));
  }
  data.valid.Add(words(40), words(8), 1);
  return data;
}

v1::AttentiveReaderConfig Config(v1::NormKind norm, bool norm_readout) {
  v1::JobSpec spec;
  spec.mutable_attentive_reader()->set_norm(norm);
  spec.mutable_attentive_reader()->set_norm_readout(norm_readout);
  spec.mutable_attentive_reader()->set_evaluation_interval(1'000'000'000);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).attentive_reader();
}

// Of an update: forward, and the gradients of weights and inputs. Of 4 H x 2 H a step in both LSTMs, M and W_d.
double StepFlops() {
  const double h = kUnits, steps = kBatch * (kLongest + kLongestQuestion), passage = kBatch * kLongest;
  return 3.0 * 2.0 * (steps * 8 * h * h + passage * 2 * h * h + kBatch * (5 * h * h + kWords * h));
}

void ReaderStep(benchmark::State& state, v1::NormKind norm, bool norm_readout) {
  PrepareThread();
  Updates updates(MakeAttentiveReader(Config(norm, norm_readout), 1, Noise(4 * kBatch)).value());
  for (auto _ : state) {
    updates.Next();
  }
  Rates(state, StepFlops());
}

}  // namespace

void RegisterReader() {
  const std::tuple<const char*, v1::NormKind, bool> norms[] = {{"none", v1::NORM_KIND_NONE, false},
                                                               {"batch", v1::NORM_KIND_BATCH, false},
                                                               {"batch_everywhere", v1::NORM_KIND_BATCH, true},
                                                               {"layer", v1::NORM_KIND_LAYER, false},
                                                               {"rms", v1::NORM_KIND_RMS, false}};
  for (const auto& [name, norm, norm_readout] : norms) {
    benchmark::RegisterBenchmark(("ReaderStep/" + std::string(name)).c_str(), ReaderStep, norm, norm_readout)
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace normlab
