// normalizer.h - how one site of a network normalises its summed inputs. The experiment picks the kind by a NormSpec;
// layers and cells call weight() and sums(), and where they must know more they ask what it can do, never which kind it is.
//
//   kind    sums(a) gives                                   trained                       kept
//   none    a + b                                           bias                          -
//   batch   g (a - mean) / sd + b over the batch [LN eq 2]  norm.gain, norm.bias          norm.mean, norm.variance
//   layer   g (a - mean) / sd + b over the units [LN eq 3]  norm.gain, norm.bias          -
//   rms     g a / rms(a) + b over the units                 norm.gain, norm.bias          -
//   weight  a + b, with weight(v) = g v / |v| [LN sec 5.1]  norm.gain, bias               -
//
// b starts at 0 and g at gain_init, for weight norm too: a unit's weights start with norm 1, whatever the initializer's
// scale. No kind has a second bias; with `bias` false there is none, and b counts as 0.
//
// In a recurrent network the gain and bias are shared over time, and so are the statistics of layer and rms, which are
// each example's own. Batch norm keeps separate statistics for each of `time_steps` steps (Cooijmans et al. 2016) and
// evaluates steps beyond the longest sequence it was trained on with the last step's. So does it train a step that only
// one example of a batch has, which gives no statistics.
//
// Threads: one. Owns nothing but references into the store, which outlives it.
// Errors: nn::Error for shapes, and for statistics that one example cannot give.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "nn/ops/norm_options.h"
#include "nn/parameter.h"
#include "nn/step.h"
#include "nn/tape.h"

namespace normlab::nn {

enum class NormKind { kNone, kBatch, kLayer, kWeight, kRms };

// What the training variance of batch norm is divided by, for a batch of m.
enum class BatchVariance {
  kBiased,    // m
  kUnbiased,  // m - 1; the paper's choice for small batches
};

// What batch norm evaluates with; the paper does not say.
enum class BatchStatistics {
  kRunning,     // averages kept while training
  kPopulation,  // exact statistics of a data set, see recompute_population
};

struct NormSpec {
  NormKind kind = NormKind::kNone;
  NormEps eps = {};        // of batch, layer and rms
  double gain_init = 1.0;  // 0.1 for recurrent batch norm (Cooijmans et al. 2016)
  bool bias = true;        // whether the site has a bias of its own
  // Of batch alone:
  BatchVariance variance = BatchVariance::kBiased;
  BatchStatistics statistics = BatchStatistics::kRunning;
  double decay = 0.9;    // running = decay * running + (1 - decay) * batch, starting from mean 0, variance 1
  Index time_steps = 1;  // the longest sequence to train on; Step::time is below it in training

  bool on_weights() const { return kind == NormKind::kWeight; }
  bool on_sums() const { return kind != NormKind::kNone && kind != NormKind::kWeight; }
  bool per_example() const { return kind == NormKind::kLayer || kind == NormKind::kRms; }
  // The same norm without what it does to sums: weight norm, or none.
  NormSpec without_sums() const {
    NormSpec rest = *this;
    rest.kind = on_sums() ? NormKind::kNone : kind;
    return rest;
  }
  // The same norm without what it does to weights.
  NormSpec without_weights() const {
    NormSpec rest = *this;
    rest.kind = on_weights() ? NormKind::kNone : kind;
    return rest;
  }
};

// Recurrent batch norm after Cooijmans et al. 2016: gain 0.1, statistics of each time step.
NormSpec recurrent_batch_norm(Index time_steps);

// What a site does to each example alone: gain (a - mean) / s + bias with mean and s over the units.
template <typename T>
struct RowNormForm {
  bool normalize = false;  // false: the site gives `a` itself, and nothing below means anything
  bool center = true;      // false: the mean counts as 0, s is the root mean square
  NormEps eps;
  BasicVar<T> gain, bias;  // F x 1
};

template <typename T>
class BasicNormalizer {
 public:
  virtual ~BasicNormalizer() = default;

  // What stands in for the weight w (in x out). Call once per step and share the result between time steps.
  virtual BasicVar<T> weight(BasicVar<T> w) { return w; }
  // a: F x B summed inputs -> F x B. In training, batch norm updates its running statistics here.
  BasicVar<T> sums(BasicVar<T> a, const Step& step) { return masked_sums(a, step, {}); }
  // The same where only the examples whose mask (1 x B) is not 0 have this step: no other counts in a statistic, and
  // what the others get means nothing. An empty mask: all have it.
  virtual BasicVar<T> masked_sums(BasicVar<T> a, const Step& step, BasicVar<T> mask) = 0;
  // The same as numbers, for ops that normalise while they do more; nullopt if it is of another form, which
  // has_row_form() tells beforehand.
  virtual std::optional<RowNormForm<T>> row_form(BasicTape<T>&) { return std::nullopt; }
  virtual bool has_row_form() const { return false; }

  // Exact statistics over a data set, for sites that evaluate with them; see recompute_population. Between begin and
  // end, sums() in Mode::kEvaluate counts the examples it is given, in double and whatever the cut into batches; end
  // makes what was counted the statistics to evaluate with.
  virtual bool wants_population() const { return false; }
  virtual void begin_population() {}
  virtual void end_population() {}
};

// Adds the parameters the kind needs under `scope`, the scope of the layer that holds the site.
template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_normalizer(const NormSpec& spec, const BasicScope<T>& scope, Index features);

// Recomputes the population statistics of `sites`, given from input to output. A site's inputs depend on the sites
// below, so each takes a pass of its own: pass(i) must run the model in Mode::kEvaluate over the whole data set at
// least up to sites[i]. Does nothing for sites that want none.
template <typename T>
void recompute_population(std::span<BasicNormalizer<T>* const> sites, const std::function<void(std::size_t)>& pass) {
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (sites[i]->wants_population()) {
      sites[i]->begin_population();
      pass(i);
      sites[i]->end_population();
    }
  }
}

using Normalizer = BasicNormalizer<float>;

}  // namespace normlab::nn
