// Training steps of the order embedding at the paper's sizes on images of noise and captions of chance words, batches of 128, on
// one thread; and the ranking of a fold, 5,000 captions by 1,000 images.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/rng.h"
#include "bench/experiments/measure.h"
#include "experiments/order_embedding/order_embedding_training.h"
#include "experiments/order_embedding/retrieval.h"
#include "nn/ops/domain/order_violation.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr int kBatch = 128, kUnits = 1024, kWordSize = 300, kFeatures = 4096, kWords = 12000;
// Words of a caption, its end included: all alike, as many as the longest of a batch of COCO's has.
constexpr int kSteps = 20;

data::FeatureRows Noise(std::int64_t rows, std::int64_t columns) {
  const auto memory = std::make_shared<std::vector<float>>(static_cast<std::size_t>(rows * columns));
  Rng rng(1, "noise");
  std::generate(memory->begin(), memory->end(), [&] { return static_cast<float>(rng.Uniform()) / 32.0f; });
  return {.data = memory->data(), .rows = rows, .columns = columns, .owner = memory};
}

PairSplit ChanceCaptions(std::int64_t images) {
  PairSplit split{.features = Noise(images, kFeatures), .captions = {.ids = {}, .begin = {0}}};
  Rng rng(2, "words");
  for (std::int64_t caption = 0; caption < data::kCaptionsPerImage * images; ++caption) {
    for (int t = 0; t + 1 < kSteps; ++t) {
      split.captions.ids.push_back(static_cast<std::uint32_t>(data::kFirstWord + rng.Below(kWords - data::kFirstWord)));
    }
    split.captions.begin.push_back(split.captions.ids.size());
  }
  return split;
}

v1::OrderEmbeddingConfig Config(v1::NormKind norm) {
  v1::JobSpec spec;
  spec.mutable_order_embedding()->set_norm(norm);
  spec.mutable_order_embedding()->set_evaluation_interval(1'000'000'000);
  spec.mutable_order_embedding()->set_evaluation_images(2);
  spec.mutable_order_embedding()->set_test_folds(1);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).order_embedding();
}

void OrderStep(benchmark::State& state, v1::NormKind norm) {
  PrepareThread();
  PairData data{.train = ChanceCaptions(4 * kBatch),
                .validation = ChanceCaptions(2),
                .test = ChanceCaptions(2),
                .words = kWords,
                .validation_texts = {},
                .validation_scenes = {},
                .sha256 = ""};
  Updates updates(MakeOrderEmbedding(Config(norm), 1, std::move(data)).value());
  for (auto _ : state) {
    updates.Next();
  }
  // Forward, and the gradients of weights and inputs; of the images' features none.
  constexpr double kGru = 3.0 * kUnits * (kWordSize + kUnits) * kSteps, kImage = 1.0 * kUnits * kFeatures;
  Rates(state, 2.0 * kBatch * (3.0 * kGru + 2.0 * kImage));
}

void OrderRanking(benchmark::State& state) {
  PrepareThread();
  constexpr std::int64_t kImages = 1000, kCaptions = data::kCaptionsPerImage * kImages;
  const data::FeatureRows captions = Noise(kCaptions, kUnits), images = Noise(kImages, kUnits);
  nn::Tape tape(nn::Recording::kOff);
  for (auto _ : state) {
    tape.reset();
    const nn::Var penalties = nn::order_violation(tape.input("captions", captions.data, kUnits, kCaptions),
                                                  tape.input("images", images.data, kUnits, kImages));
    benchmark::DoNotOptimize(Rank(penalties.data(), kImages));
  }
}

}  // namespace

void RegisterOrderEmbedding() {
  const std::pair<const char*, v1::NormKind> norms[] = {
      {"none", v1::NORM_KIND_NONE}, {"layer", v1::NORM_KIND_LAYER}, {"rms", v1::NORM_KIND_RMS}};
  for (const auto& [name, norm] : norms) {
    benchmark::RegisterBenchmark(("OrderStep/" + std::string(name)).c_str(), OrderStep, norm)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark("OrderRanking", OrderRanking)->Unit(benchmark::kMillisecond);
}

}  // namespace normlab
