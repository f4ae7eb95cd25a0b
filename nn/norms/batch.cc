#include "nn/norms/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "nn/error.h"
#include "nn/ops/batch_norm.h"
#include "nn/ops/check.h"
#include "nn/ops/columns.h"

namespace normlab::nn {
namespace {

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
class BatchNormalizer final : public BasicNormalizer<T> {
 public:
  BatchNormalizer(const BatchNorm& spec, const AffineSpec& affine, const BasicScope<T>& scope, const Site& site)
      : BasicNormalizer<T>(affine, site),
        spec_(spec),
        affine_(affine, scope, site.units),
        mean_((scope / "norm").buffer("mean", spec.time_steps * site.units, T{0})),
        variance_((scope / "norm").buffer("variance", spec.time_steps * site.units, T{1})),
        trained_steps_(spec.time_steps > 1 ? &(scope / "norm").buffer("trained_steps", 1, T{0}) : nullptr) {}

  // While a population is counted the values themselves are wanted.
  bool has_batch_form() const override {
    return affine_.own() && !counting_ && spec_.eps.placement == EpsPlacement::kInsideSqrt;
  }
  std::optional<BatchNormForm<T>> batch_form(BasicTape<T>& tape, const Step& step, Index columns) override {
    if (!has_batch_form()) {
      return std::nullopt;
    }
    BatchNormForm<T> form{.eps = static_cast<T>(spec_.eps.value),
                          .gain = affine_.gain(tape),
                          .bias = affine_.bias(tape),
                          .unbiased = spec_.variance == BatchVariance::kUnbiased};
    if (!by_own_statistics(step, columns)) {
      const Index offset = evaluated_step(step.time) * units();
      form.given_mean = mean_.data.data() + offset;
      form.given_variance = variance_.data.data() + offset;
    }
    return form;
  }
  void keep_batch(const Step& step, const T* mean, const T* variance) override {
    if (averaging_) {
      const auto batches = static_cast<T>(++averaged_batches_[static_cast<std::size_t>(slot(step.time))]);
      average(mean_, step.time, batches, mean);
      average(variance_, step.time, batches, variance);
    } else if (spec_.statistics == BatchStatistics::kRunning) {
      follow(mean_, step.time, mean);
      follow(variance_, step.time, variance);
    } else {
      return;
    }
    keep_longest(step.time);
  }

  bool wants_population() const override { return spec_.statistics == BatchStatistics::kPopulation; }

  void begin_population() override {
    population_.resize(static_cast<std::size_t>(spec_.time_steps));
    for (PopulationMoments& moments : population_) {
      moments.clear(units());
    }
    counting_ = true;
  }

  void end_population() override {
    counting_ = false;
    if (population_.empty() || population_.front().examples() == 0) {
      throw Error(
          "batch norm: end_population() without an example since begin_population(); evaluate the data between");
    }
    const auto n = static_cast<std::size_t>(units());
    for (std::size_t i = 0; i < mean_.data.size(); ++i) {
      const PopulationMoments& moments = population_[i / n];
      if (moments.examples() > 0) {
        mean_.data[i] = static_cast<T>(moments.mean(i % n));
        variance_.data[i] = static_cast<T>(moments.variance(i % n));
      }
    }
  }

  bool wants_averages() const override { return spec_.statistics == BatchStatistics::kAverages; }

  void begin_averages() override {
    averaged_batches_.assign(static_cast<std::size_t>(spec_.time_steps), 0);
    if (trained_steps_ != nullptr) {
      trained_steps_->data.front() = T{0};
    }
    averaging_ = true;
  }

  void end_averages() override {
    averaging_ = false;
    if (averaged_batches_.empty() || averaged_batches_.front() == 0) {
      throw Error("batch norm: end_averages() without a batch since begin_averages(); train on some between");
    }
  }

 private:
  Index units() const { return this->site().units; }

  BasicVar<T> normalize(BasicVar<T> a, const Step& step, BasicVar<T> mask) override {
    return mask ? unpack_columns(mask, normalize_all(pack_columns(mask, a), step)) : normalize_all(a, step);
  }

  BasicVar<T> normalize_all(BasicVar<T> a, const Step& step) {
    const BasicVar<T> gain = affine_.gain(a.tape()), bias = affine_.bias(a.tape());
    if (by_own_statistics(step, a.cols())) {
      const auto [y, batch] = batch_norm(a, gain, bias, spec_.variance == BatchVariance::kUnbiased, spec_.eps);
      keep_batch(step, batch.mean, batch.variance);
      return y;
    }
    if (counting_ && step.time < spec_.time_steps) {
      require_shape(a.rows() == units(), "population statistics", a, "as many rows as the site has units");
      population_[static_cast<std::size_t>(step.time)].add(a);
      keep_longest(step.time);
    }
    const Index offset = evaluated_step(step.time) * units();
    return batch_norm_with<T>({mean_.data.data() + offset, variance_.data.data() + offset}, a, gain, bias, spec_.eps);
  }

  // Whether a step is normalised by the statistics of its own columns. Outside of sequences one example is the caller's
  // mistake or wish, which batch_norm() judges.
  bool by_own_statistics(const Step& step, Index columns) const {
    if (step.mode != Mode::kTrain || (spec_.time_steps > 1 && columns == 1)) {
      return false;
    }
    require_time(step.time);
    return true;
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
    T* now = running.data.data() + slot(time) * units();
    std::transform(now, now + units(), batch, now, [=](T old, T latest) { return keep * old + take * latest; });
  }

  // The mean of `batches` values, of which this is the last.
  void average(BasicBuffer<T>& mean, Index time, T batches, const T* batch) const {
    T* now = mean.data.data() + slot(time) * units();
    std::transform(now, now + units(), batch, now,
                   [=](T old, T latest) { return batches == T{1} ? latest : old + (latest - old) / batches; });
  }

  BatchNorm spec_;
  Affine<T> affine_;
  BasicBuffer<T>& mean_;  // time_steps blocks of one value per unit
  BasicBuffer<T>& variance_;
  BasicBuffer<T>* trained_steps_;  // one value, how many steps have statistics; null outside of sequences
  std::vector<PopulationMoments> population_;
  bool counting_ = false;
  std::vector<Index> averaged_batches_;  // by step
  bool averaging_ = false;
};

}  // namespace

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const BatchNorm& norm, const AffineSpec& affine,
                                              const BasicScope<T>& scope, const Site& site) {
  return std::make_unique<BatchNormalizer<T>>(norm, affine, scope, site);
}

template std::unique_ptr<BasicNormalizer<float>> make_norm(const BatchNorm&, const AffineSpec&,
                                                           const BasicScope<float>&, const Site&);
template std::unique_ptr<BasicNormalizer<double>> make_norm(const BatchNorm&, const AffineSpec&,
                                                            const BasicScope<double>&, const Site&);

}  // namespace normlab::nn
