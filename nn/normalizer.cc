#include "nn/normalizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "nn/error.h"
#include "nn/ops/batch_norm.h"
#include "nn/ops/check.h"
#include "nn/ops/columns.h"
#include "nn/ops/layer_norm.h"
#include "nn/ops/linear.h"
#include "nn/ops/weight_norm.h"

namespace normlab::nn {

NormSpec recurrent_batch_norm(Index time_steps) {
  return {.kind = NormKind::kBatch, .gain_init = 0.1, .time_steps = time_steps};
}

namespace {

template <typename T>
class Identity final : public BasicNormalizer<T> {
 public:
  BasicVar<T> masked_sums(BasicVar<T> a, const Step&, BasicVar<T>) override { return a; }
  std::optional<RowNormForm<T>> row_form(BasicTape<T>&) override { return RowNormForm<T>{}; }
  bool has_row_form() const override { return true; }
};

template <typename T>
class Bias final : public BasicNormalizer<T> {
 public:
  Bias(const BasicScope<T>& scope, Index features) : bias_(scope.vector("bias", features, init::zeros())) {}

  BasicVar<T> masked_sums(BasicVar<T> a, const Step&, BasicVar<T>) override {
    return add_bias(a, a.tape().parameter(bias_));
  }

 private:
  BasicParameter<T>& bias_;
};

// A bias or nothing.
template <typename T>
std::unique_ptr<BasicNormalizer<T>> plain_site(bool bias, const BasicScope<T>& scope, Index features) {
  if (bias) {
    return std::make_unique<Bias<T>>(scope, features);
  }
  return std::make_unique<Identity<T>>();
}

template <typename T>
class WeightNorm final : public BasicNormalizer<T> {
 public:
  WeightNorm(const NormSpec& spec, const BasicScope<T>& scope, Index features)
      : gain_((scope / "norm").vector("gain", features, init::constant(spec.gain_init))),
        bias_(plain_site(spec.bias, scope, features)) {}

  BasicVar<T> weight(BasicVar<T> v) override { return weight_norm(v, v.tape().parameter(gain_)); }
  BasicVar<T> masked_sums(BasicVar<T> a, const Step& step, BasicVar<T> mask) override {
    return bias_->masked_sums(a, step, mask);
  }
  std::optional<RowNormForm<T>> row_form(BasicTape<T>& tape) override { return bias_->row_form(tape); }
  bool has_row_form() const override { return bias_->has_row_form(); }

 private:
  BasicParameter<T>& gain_;
  std::unique_ptr<BasicNormalizer<T>> bias_;
};

// The gain and bias of the kinds that normalise summed inputs.
template <typename T>
class Affine {
 public:
  Affine(const NormSpec& spec, const BasicScope<T>& scope, Index features)
      : gain_((scope / "norm").vector("gain", features, init::constant(spec.gain_init))),
        bias_(spec.bias ? &(scope / "norm").vector("bias", features, init::zeros()) : nullptr),
        no_bias_(static_cast<std::size_t>(spec.bias ? 0 : features)) {}

  BasicVar<T> gain(BasicTape<T>& tape) const { return tape.parameter(gain_); }
  // A constant 0 where there is none.
  BasicVar<T> bias(BasicTape<T>& tape) const {
    return bias_ != nullptr ? tape.parameter(*bias_) : tape.input("no bias", no_bias_.data(), gain_.size(), 1);
  }
  Index units() const { return gain_.size(); }

 private:
  BasicParameter<T>& gain_;
  BasicParameter<T>* bias_;
  std::vector<T> no_bias_;
};

// Layer norm and root-mean-square norm.
template <typename T>
class RowNorm final : public BasicNormalizer<T> {
 public:
  RowNorm(const NormSpec& spec, const BasicScope<T>& scope, Index features)
      : center_(spec.kind == NormKind::kLayer), eps_(spec.eps), affine_(spec, scope, features) {}

  BasicVar<T> masked_sums(BasicVar<T> a, const Step&, BasicVar<T>) override {
    const auto op = center_ ? &layer_norm<T> : &rms_norm<T>;
    return op(a, affine_.gain(a.tape()), affine_.bias(a.tape()), eps_);
  }
  bool has_row_form() const override { return true; }
  std::optional<RowNormForm<T>> row_form(BasicTape<T>& tape) override {
    return RowNormForm<T>{true, center_, eps_, affine_.gain(tape), affine_.bias(tape)};
  }

 private:
  bool center_;
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
        mean_((scope / "norm").buffer("mean", spec.time_steps * features, T{0})),
        variance_((scope / "norm").buffer("variance", spec.time_steps * features, T{1})),
        trained_steps_(spec.time_steps > 1 ? &(scope / "norm").buffer("trained_steps", 1, T{0}) : nullptr) {}

  BasicVar<T> masked_sums(BasicVar<T> a, const Step& step, BasicVar<T> mask) override {
    return mask ? unpack_columns(mask, normalize(pack_columns(mask, a), step)) : normalize(a, step);
  }

  bool wants_population() const override { return spec_.statistics == BatchStatistics::kPopulation; }

  void begin_population() override {
    population_.resize(static_cast<std::size_t>(spec_.time_steps));
    for (PopulationMoments& moments : population_) {
      moments.clear(affine_.units());
    }
    counting_ = true;
  }

  void end_population() override {
    counting_ = false;
    if (population_.empty() || population_.front().examples() == 0) {
      throw Error(
          "batch norm: end_population() without an example since begin_population(); evaluate the data between");
    }
    const auto units = static_cast<std::size_t>(affine_.units());
    for (std::size_t i = 0; i < mean_.data.size(); ++i) {
      const PopulationMoments& moments = population_[i / units];
      if (moments.examples() > 0) {
        mean_.data[i] = static_cast<T>(moments.mean(i % units));
        variance_.data[i] = static_cast<T>(moments.variance(i % units));
      }
    }
  }

 private:
  BasicVar<T> normalize(BasicVar<T> a, const Step& step) {
    const BasicVar<T> gain = affine_.gain(a.tape()), bias = affine_.bias(a.tape());
    // Outside of sequences one example is the caller's mistake or wish, which batch_norm() judges.
    const bool too_few = spec_.time_steps > 1 && a.cols() == 1;
    if (step.mode == Mode::kTrain && !too_few) {
      require_time(step.time);
      const auto [y, batch] = batch_norm(a, gain, bias, spec_.variance == BatchVariance::kUnbiased, spec_.eps);
      if (!wants_population()) {
        follow(mean_, step.time, batch.mean);
        follow(variance_, step.time, batch.variance);
        keep_longest(step.time);
      }
      return y;
    }
    if (counting_ && step.time < spec_.time_steps) {
      require_vector("population statistics", a, gain);
      population_[static_cast<std::size_t>(step.time)].add(a);
      keep_longest(step.time);
    }
    const Index offset = evaluated_step(step.time) * affine_.units();
    return batch_norm_with<T>({mean_.data.data() + offset, variance_.data.data() + offset}, a, gain, bias, spec_.eps);
  }

  // One site outside of sequences serves every step.
  Index slot(Index time) const { return spec_.time_steps == 1 ? 0 : time; }

  void require_time(Index time) const {
    if (slot(time) >= spec_.time_steps) {
      throw Error(fmt::format("batch norm: training at time step {} with statistics for {} steps; raise time_steps",
                              time, spec_.time_steps));
    }
  }

  // The statistics of the last step trained on stand for all that follow.
  Index evaluated_step(Index time) const {
    const Index trained = trained_steps_ != nullptr ? static_cast<Index>(trained_steps_->data.front()) : 1;
    return std::min(slot(time), std::max<Index>(trained - 1, 0));
  }

  void keep_longest(Index time) const {
    if (trained_steps_ != nullptr) {
      T& longest = trained_steps_->data.front();
      longest = std::max(longest, static_cast<T>(time + 1));
    }
  }

  void follow(BasicBuffer<T>& running, Index time, const T* batch) const {
    const T keep = static_cast<T>(spec_.decay), take = static_cast<T>(1.0 - spec_.decay);
    T* now = running.data.data() + slot(time) * affine_.units();
    std::transform(now, now + affine_.units(), batch, now, [=](T old, T latest) { return keep * old + take * latest; });
  }

  NormSpec spec_;
  Affine<T> affine_;
  BasicBuffer<T>& mean_;  // time_steps blocks of one value per unit
  BasicBuffer<T>& variance_;
  BasicBuffer<T>* trained_steps_;  // one value, how many steps have statistics; null outside of sequences
  std::vector<PopulationMoments> population_;
  bool counting_ = false;
};

}  // namespace

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_normalizer(const NormSpec& spec, const BasicScope<T>& scope, Index features) {
  switch (spec.kind) {
    case NormKind::kNone:
      return plain_site(spec.bias, scope, features);
    case NormKind::kBatch:
      return std::make_unique<BatchNorm<T>>(spec, scope, features);
    case NormKind::kWeight:
      return std::make_unique<WeightNorm<T>>(spec, scope, features);
    case NormKind::kLayer:
    case NormKind::kRms:
      return std::make_unique<RowNorm<T>>(spec, scope, features);
  }
  throw Error("make_normalizer: unknown kind of normalizer");
}

template std::unique_ptr<BasicNormalizer<float>> make_normalizer(const NormSpec&, const BasicScope<float>&, Index);
template std::unique_ptr<BasicNormalizer<double>> make_normalizer(const NormSpec&, const BasicScope<double>&, Index);

}  // namespace normlab::nn
