#include "nn/normalizer.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "nn/error.h"
#include "nn/ops/batch_norm.h"
#include "nn/ops/check.h"
#include "nn/ops/layer_norm.h"
#include "nn/ops/linear.h"
#include "nn/ops/weight_norm.h"

namespace normlab::nn {
namespace {

template <typename T>
class Bias final : public BasicNormalizer<T> {
 public:
  Bias(const BasicScope<T>& scope, Index features) : bias_(scope.vector("bias", features, init::zeros())) {}

  BasicVar<T> sums(BasicVar<T> a, const Step&) override { return add_bias(a, a.tape().parameter(bias_)); }

 private:
  BasicParameter<T>& bias_;
};

template <typename T>
class WeightNorm final : public BasicNormalizer<T> {
 public:
  WeightNorm(const NormSpec& spec, const BasicScope<T>& scope, Index features)
      : gain_((scope / "norm").vector("gain", features, init::constant(spec.gain_init))), bias_(scope, features) {}

  BasicVar<T> weight(BasicVar<T> v) override { return weight_norm(v, v.tape().parameter(gain_)); }
  BasicVar<T> sums(BasicVar<T> a, const Step& step) override { return bias_.sums(a, step); }

 private:
  BasicParameter<T>& gain_;
  Bias<T> bias_;
};

// The gain and bias of the kinds that normalise summed inputs.
template <typename T>
struct Affine {
  BasicParameter<T>& gain;
  BasicParameter<T>& bias;

  Affine(const NormSpec& spec, const BasicScope<T>& scope, Index features)
      : gain((scope / "norm").vector("gain", features, init::constant(spec.gain_init))),
        bias((scope / "norm").vector("bias", features, init::zeros())) {}
};

// Layer norm and root-mean-square norm.
template <typename T>
class RowNorm final : public BasicNormalizer<T> {
 public:
  using Op = BasicVar<T> (*)(BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps);
  RowNorm(Op op, const NormSpec& spec, const BasicScope<T>& scope, Index features)
      : op_(op), eps_(spec.eps), affine_(spec, scope, features) {}

  BasicVar<T> sums(BasicVar<T> a, const Step&) override {
    return op_(a, a.tape().parameter(affine_.gain), a.tape().parameter(affine_.bias), eps_);
  }

 private:
  Op op_;
  NormEps eps_;
  Affine<T> affine_;
};

// Mean and sum of squared deviations of each unit over many batches, combined by Chan's rule in double: exact however
// large the mean is against the deviation, and whatever the number of examples.
class PopulationMoments {
 public:
  void clear(Index units) {
    examples_ = 0;
    mean_.assign(static_cast<std::size_t>(units), 0.0);
    squares_.assign(static_cast<std::size_t>(units), 0.0);
  }

  template <typename T>
  void add(BasicVar<T> a) {
    const Index batch = a.cols(), total = examples_ + batch;
    const double share = static_cast<double>(batch) / static_cast<double>(total);
    parallel_ranges(a.rows(), 64, [&](Index begin, Index end) {
      for (Index j = begin; j < end; ++j) {
        double mean = 0.0, squares = 0.0;
        for (Index b = 0; b < batch; ++b) {
          mean += static_cast<double>(a.data()[b * a.rows() + j]) / static_cast<double>(batch);
        }
        for (Index b = 0; b < batch; ++b) {
          const double d = static_cast<double>(a.data()[b * a.rows() + j]) - mean;
          squares += d * d;
        }
        const auto u = static_cast<std::size_t>(j);
        const double shift = mean - mean_[u];
        mean_[u] += shift * share;
        squares_[u] += squares + shift * shift * static_cast<double>(examples_) * share;
      }
    });
    examples_ = total;
  }

  Index examples() const { return examples_; }
  double mean(std::size_t unit) const { return mean_[unit]; }
  double variance(std::size_t unit) const { return squares_[unit] / static_cast<double>(examples_); }

 private:
  Index examples_ = 0;
  std::vector<double> mean_, squares_;
};

template <typename T>
class BatchNorm final : public BasicNormalizer<T> {
 public:
  BatchNorm(const NormSpec& spec, const BasicScope<T>& scope, Index features)
      : spec_(spec),
        affine_(spec, scope, features),
        mean_((scope / "norm").buffer("mean", features, T{0})),
        variance_((scope / "norm").buffer("variance", features, T{1})) {}

  BasicVar<T> sums(BasicVar<T> a, const Step& step) override {
    const BasicVar<T> gain = a.tape().parameter(affine_.gain), bias = a.tape().parameter(affine_.bias);
    if (step.mode == Mode::kTrain) {
      const auto [y, batch] = batch_norm(a, gain, bias, spec_.variance == BatchVariance::kUnbiased, spec_.eps);
      if (!wants_population()) {
        follow(mean_, batch.mean);
        follow(variance_, batch.variance);
      }
      return y;
    }
    if (counting_) {
      require_vector("population statistics", a, gain);
      population_.add(a);
    }
    return batch_norm_with<T>({mean_.data.data(), variance_.data.data()}, a, gain, bias, spec_.eps);
  }

  bool wants_population() const override { return spec_.statistics == BatchStatistics::kPopulation; }

  void begin_population() override {
    population_.clear(affine_.gain.size());
    counting_ = true;
  }

  void end_population() override {
    counting_ = false;
    if (population_.examples() == 0) {
      throw Error(
          "batch norm: end_population() without an example since begin_population(); evaluate the data between");
    }
    for (std::size_t unit = 0; unit < mean_.data.size(); ++unit) {
      mean_.data[unit] = static_cast<T>(population_.mean(unit));
      variance_.data[unit] = static_cast<T>(population_.variance(unit));
    }
  }

 private:
  void follow(BasicBuffer<T>& running, const T* batch) const {
    const T keep = static_cast<T>(spec_.decay), take = static_cast<T>(1.0 - spec_.decay);
    std::transform(running.data.begin(), running.data.end(), batch, running.data.begin(),
                   [=](T old, T now) { return keep * old + take * now; });
  }

  NormSpec spec_;
  Affine<T> affine_;
  BasicBuffer<T>& mean_;
  BasicBuffer<T>& variance_;
  PopulationMoments population_;
  bool counting_ = false;
};

}  // namespace

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_normalizer(const NormSpec& spec, const BasicScope<T>& scope, Index features) {
  switch (spec.kind) {
    case NormKind::kNone:
      return std::make_unique<Bias<T>>(scope, features);
    case NormKind::kBatch:
      return std::make_unique<BatchNorm<T>>(spec, scope, features);
    case NormKind::kLayer:
      return std::make_unique<RowNorm<T>>(&layer_norm<T>, spec, scope, features);
    case NormKind::kWeight:
      return std::make_unique<WeightNorm<T>>(spec, scope, features);
    case NormKind::kRms:
      return std::make_unique<RowNorm<T>>(&rms_norm<T>, spec, scope, features);
  }
  throw Error("make_normalizer: unknown kind of normalizer");
}

template std::unique_ptr<BasicNormalizer<float>> make_normalizer(const NormSpec&, const BasicScope<float>&, Index);
template std::unique_ptr<BasicNormalizer<double>> make_normalizer(const NormSpec&, const BasicScope<double>&, Index);

}  // namespace normlab::nn
