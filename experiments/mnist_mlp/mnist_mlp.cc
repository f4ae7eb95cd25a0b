#include "experiments/mnist_mlp/mnist_mlp.h"

#include "experiments/engine.h"
#include "nn/ops/activation.h"

namespace normlab {
namespace {

constexpr nn::Index kClasses = 10;

// "For the small batch the unbiased estimator" [LN sec 6.6]: the paper's batches are 4 and 128, so the line between
// them is ours to draw.
constexpr int kLargestSmallBatch = 16;

nn::BatchVariance VarianceOf(const v1::MnistMlpConfig& config) {
  const bool unbiased =
      config.batch_norm_variance() == v1::BATCH_VARIANCE_UNBIASED ||
      (config.batch_norm_variance() == v1::BATCH_VARIANCE_AUTO && config.batch_size() <= kLargestSmallBatch);
  return unbiased ? nn::BatchVariance::kUnbiased : nn::BatchVariance::kBiased;
}

nn::NormSpec HiddenNorm(const v1::MnistMlpConfig& config) {
  return {.kind = NormKindOf(config.norm(),
                             {.value = config.norm_eps(), .placement = EpsPlacementOf(config.norm_eps_placement())},
                             {.variance = VarianceOf(config),
                              .statistics = config.batch_norm_statistics() == v1::BATCH_STATISTICS_POPULATION
                                                ? nn::BatchStatistics::kPopulation
                                                : nn::BatchStatistics::kRunning,
                              .decay = config.batch_norm_decay()})};
}

nn::NormSpec OutputNorm(const v1::MnistMlpConfig& config) {
  const bool normalised = config.norm() == v1::NORM_KIND_BATCH && config.batch_norm_logits();
  return normalised ? HiddenNorm(config) : nn::NormSpec{};
}

}  // namespace

MnistMlp::MnistMlp(const nn::Scope& scope, const v1::MnistMlpConfig& config, nn::Index pixels)
    : hidden1_(scope / "hidden1", pixels, config.hidden_units(), HiddenNorm(config), InitializerOf(config.init())),
      hidden2_(scope / "hidden2", config.hidden_units(), config.hidden_units(), HiddenNorm(config),
               InitializerOf(config.init())),
      output_(scope / "output", config.hidden_units(), kClasses, OutputNorm(config), InitializerOf(config.init())) {}

// A layer computes a = W h [LN eq 1], then its normaliser N: g (a - mean) / sd + b with the statistics of each unit
// over the batch [LN eq 2] or of each example over the units [LN eq 3]; without one, a + b.
nn::Var MnistMlp::Logits(nn::Var x, const nn::Step& step) {
  nn::Var h1 = nn::relu(hidden1_(x, step));   // H x B
  nn::Var h2 = nn::relu(hidden2_(h1, step));  // H x B
  return output_(h2, step);                   // 10 x B
}

std::array<nn::Normalizer*, 3> MnistMlp::Sites() {
  return {&hidden1_.normalizer(), &hidden2_.normalizer(), &output_.normalizer()};
}

}  // namespace normlab
