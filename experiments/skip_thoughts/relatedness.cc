#include "experiments/skip_thoughts/relatedness.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "experiments/skip_thoughts/correlation.h"
#include "nn/ops/linear.h"
#include "nn/optim/optimizer.h"
#include "nn/parameter.h"

namespace normlab {
namespace {

constexpr std::size_t kScores = 5;
constexpr std::size_t kBatch = 128;
constexpr int kPassesAtATime = 100, kMostTimes = 100;

using Scores = std::array<double, kScores>;

Scores Softmax(const float* logits) {
  Scores p{};
  const auto top = static_cast<double>(*std::max_element(logits, logits + kScores));
  std::transform(logits, logits + kScores, p.begin(),
                 [top](float z) { return std::exp(static_cast<double>(z) - top); });
  double sum = 0.0;
  for (const double e : p) {
    sum += e;
  }
  std::transform(p.begin(), p.end(), p.begin(), [sum](double e) { return e / sum; });
  return p;
}

class Regression {
 public:
  Regression(std::int64_t units, std::uint64_t seed)
      : store_(seed),
        weight_(nn::Scope(store_).matrix("weight", kScores, 2 * units, nn::init::glorot_uniform())),
        bias_(nn::Scope(store_).vector("bias", kScores, nn::init::zeros())),
        adam_(nn::make_optimizer(store_, nn::OptimizerSpec{}, {})) {}

  // One pass over the pairs in batches.
  void Train(const RatedPairs& pairs) {
    for (std::size_t begin = 0; begin < pairs.relatedness.size(); begin += kBatch) {
      const std::size_t end = std::min(begin + kBatch, pairs.relatedness.size());
      const nn::Var logits = Logits(pairs, begin, end);
      error_.resize((end - begin) * kScores);
      for (std::size_t i = begin; i < end; ++i) {
        const Scores p = Softmax(logits.data() + (i - begin) * kScores),
                     target = RelatednessTarget(pairs.relatedness[i]);
        for (std::size_t k = 0; k < kScores; ++k) {
          error_[(i - begin) * kScores + k] = static_cast<float>((p[k] - target[k]) / static_cast<double>(end - begin));
        }
      }
      tape_.backward(logits, error_.data());
      adam_->step(update_++);
    }
  }

  std::vector<double> Predict(const RatedPairs& pairs) {
    std::vector<double> predicted;
    for (std::size_t begin = 0; begin < pairs.relatedness.size(); begin += kBatch) {
      const std::size_t end = std::min(begin + kBatch, pairs.relatedness.size());
      const nn::Var logits = Logits(pairs, begin, end);
      for (std::size_t i = 0; i < end - begin; ++i) {
        const Scores p = Softmax(logits.data() + i * kScores);
        double expected = 0.0;
        for (std::size_t k = 0; k < kScores; ++k) {
          expected += static_cast<double>(k + 1) * p[k];
        }
        predicted.push_back(expected);
      }
    }
    return predicted;
  }

 private:
  // 5 x (end - begin)
  nn::Var Logits(const RatedPairs& pairs, std::size_t begin, std::size_t end) {
    const std::int64_t units = pairs.u.units;
    features_.resize((end - begin) * static_cast<std::size_t>(2 * units));
    for (std::size_t i = begin; i < end; ++i) {
      const std::span<const float> u = pairs.u.Vector(i), v = pairs.v.Vector(i);
      float* const x = features_.data() + static_cast<std::int64_t>(i - begin) * 2 * units;
      std::transform(u.begin(), u.end(), v.begin(), x, [](float a, float b) { return std::abs(a - b); });
      std::transform(u.begin(), u.end(), v.begin(), x + units, std::multiplies<>());
    }
    tape_.reset();
    const nn::Var x = tape_.input("pairs", features_.data(), 2 * units, static_cast<nn::Index>(end - begin));
    return nn::add_bias(nn::linear(tape_.parameter(weight_), x), tape_.parameter(bias_));
  }

  nn::ParameterStore store_;
  nn::Parameter& weight_;
  nn::Parameter& bias_;
  std::unique_ptr<nn::Optimizer> adam_;
  nn::Tape tape_;
  std::vector<float> features_, error_;
  std::uint64_t update_ = 0;
};

}  // namespace

std::array<double, 5> RelatednessTarget(double relatedness) {
  Scores target{};
  const double low = std::clamp(std::floor(relatedness), 1.0, static_cast<double>(kScores));
  const auto at = static_cast<std::size_t>(low) - 1;
  target[at] = 1.0 - (relatedness - low);
  if (at + 1 < kScores) {
    target[at + 1] = relatedness - low;
  }
  return target;
}

Relatedness MeasureRelatedness(const RatedPairs& train, const RatedPairs& development, const RatedPairs& test,
                               std::uint64_t seed) {
  Regression regression(train.u.units, seed);
  Relatedness best{.development = -1.0};
  for (int times = 0; times < kMostTimes; ++times) {
    for (int pass = 0; pass < kPassesAtATime; ++pass) {
      regression.Train(train);
    }
    const double pearson = Pearson(regression.Predict(development), development.relatedness);
    if (!(pearson > best.development)) {
      break;
    }
    const std::vector<double> predicted = regression.Predict(test);
    best = {.pearson = Pearson(predicted, test.relatedness),
            .spearman = Spearman(predicted, test.relatedness),
            .mse = MeanSquaredError(predicted, test.relatedness),
            .development = pearson};
  }
  return best;
}

}  // namespace normlab
