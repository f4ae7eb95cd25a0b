// base.h - what every kind of norm gives to layers and cells: BasicNormalizer. normalizer.h says how to make one.
#pragma once

#include <memory>
#include <optional>

#include "nn/norms/affine.h"
#include "nn/norms/site.h"
#include "nn/ops/norm_options.h"
#include "nn/step.h"

namespace normlab::nn {

// What a site does to each column alone: gain (a - mean) / s + bias with mean and s over the units.
template <typename T>
struct RowNormForm {
  bool normalize = false;  // false: the site gives `a` itself, and nothing below means anything
  bool center = true;      // false: the mean counts as 0, s is the root mean square
  NormEps eps;
  BasicVar<T> gain, bias;  // F x 1
};

// What a site does to each unit over the columns of a batch at one step: gain (a - mean) / sqrt(variance + eps) + bias.
template <typename T>
struct BatchNormForm {
  T eps;
  BasicVar<T> gain, bias;         // F x 1
  bool unbiased = false;          // whether the batch's variance is divided by one less than its columns
  const T* given_mean = nullptr;  // constants to normalise with; null: the batch's own, see keep_batch()
  const T* given_variance = nullptr;
};

template <typename T>
class BasicNormalizer {
 public:
  BasicNormalizer(const AffineSpec& affine, const Site& site)
      : outside_(affine.source == AffineSource::kOutside), site_(site) {}
  virtual ~BasicNormalizer() = default;

  // Whether the affine part comes from outside.
  bool outside() const { return outside_; }

  // What stands in for the weight w (in x out). Call once per step and share the result between time steps.
  virtual BasicVar<T> weight(BasicVar<T> w) { return w; }
  // a: units x (positions B) summed inputs -> the same shape. In training, batch norm updates its running statistics
  // here. `outside` belongs to a site whose affine part comes from outside, and to no other.
  BasicVar<T> sums(BasicVar<T> a, const Step& step, OutsideAffine<T> outside = {}) {
    return masked_sums(a, step, {}, outside);
  }
  // The same where only the columns whose mask (1 x columns) is not 0 have this step: no other counts in a statistic,
  // and what the others get means nothing. An empty mask: all have it.
  BasicVar<T> masked_sums(BasicVar<T> a, const Step& step, BasicVar<T> mask, OutsideAffine<T> outside = {});
  // The same as numbers, for ops that normalise while they do more; nullopt if it is of another form, which
  // has_row_form() tells beforehand.
  virtual std::optional<RowNormForm<T>> row_form(BasicTape<T>&) { return std::nullopt; }
  virtual bool has_row_form() const { return false; }

  // The same for sites that normalise over a batch: what they do at a step to so many columns that count. Who computes
  // a batch's statistics for them then says what they were.
  virtual std::optional<BatchNormForm<T>> batch_form(BasicTape<T>&, const Step&, Index /*columns*/) {
    return std::nullopt;
  }
  virtual bool has_batch_form() const { return false; }
  virtual void keep_batch(const Step&, const T* /*mean*/, const T* /*variance*/) {}

  // Exact statistics over a data set, for sites that evaluate with them; see recompute_population. Between begin and
  // end, sums() in Mode::kEvaluate counts the columns it is given, in double and whatever the cut into batches; end
  // makes what was counted the statistics to evaluate with.
  virtual bool wants_population() const { return false; }
  virtual void begin_population() {}
  virtual void end_population() {}

  // Averages over batches that are normalised by themselves, for sites that evaluate with them; see average_statistics.
  // Between begin and end, sums() in Mode::kTrain counts each batch's mean and variance once; end makes their averages the
  // statistics to evaluate with.
  virtual bool wants_averages() const { return false; }
  virtual void begin_averages() {}
  virtual void end_averages() {}

 protected:
  // masked_sums() but for an affine part from outside.
  virtual BasicVar<T> normalize(BasicVar<T> a, const Step& step, BasicVar<T> mask) = 0;
  const Site& site() const { return site_; }

 private:
  bool outside_;
  Site site_;
};

extern template class BasicNormalizer<float>;
extern template class BasicNormalizer<double>;

}  // namespace normlab::nn
