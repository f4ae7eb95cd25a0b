// normalizer.h - how one site of a network normalises its summed inputs. The experiment picks the kind by a NormSpec;
// layers and cells call weight() and sums(), and where they must know more they ask what it can do, never which kind it
// is. A kind is a file of norms/, with its options, its capabilities and what it computes, and a name in NormKind.
//
//   kind      sums(a) gives                                   statistics over                      kept beside g and b
//   none      a + b                                           -                                    -
//   batch     g (a - mean) / sd + b [LN eq 2]                 examples and positions, by unit      mean, variance
//   layer     g (a - mean) / sd + b [LN eq 3]                 units and positions, by example      -
//                                                             units, or positions, alone (over)
//   rms       g a / rms(a) + b                                as layer                             -
//   group     g (a - mean) / sd + b                           positions and a group of units       -
//   instance  g (a - mean) / sd + b                           positions, by unit and example       -
//   weight    a + b, with weight(v) = g v / |v| [LN sec 5.1]  the weights of a unit                -
//
// A site has `units` at each of `positions` (norms/site.h): 1 in a fully connected layer, the H x W of an image in a
// convolution, where g and b are those of a channel.
//
// g and b are the site's affine part (norms/affine.h): parameters of its own, "norm.gain" and "norm.bias" ("bias" where
// the sums are not normalised), none, or from outside. No kind has a second bias. In a recurrent network they are shared
// over time, and so are the statistics of the kinds that take each example's own; batch norm keeps those of each time
// step (norms/batch.h).
//
// Threads: one. Owns nothing but references into the store, which outlives it.
// Errors: nn::Error for shapes, for statistics that one example cannot give, and for an affine part from outside that
// is missing or not asked for.
#pragma once

#include <functional>
#include <span>
#include <variant>

#include "nn/norms/batch.h"
#include "nn/norms/group.h"
#include "nn/norms/instance.h"
#include "nn/norms/layer.h"
#include "nn/norms/none.h"
#include "nn/norms/rms.h"
#include "nn/norms/weight.h"

namespace normlab::nn {

using NormKind = std::variant<NoNorm, BatchNorm, LayerNorm, WeightNorm, RmsNorm, GroupNorm, InstanceNorm>;

struct NormSpec {
  NormKind kind = NoNorm{};
  AffineSpec affine = {};

  bool on_weights() const { return traits().on_weights; }
  bool on_sums() const { return traits().on_sums; }
  bool per_example() const { return traits().per_example; }
  // The same norm without what it does to sums: weight norm, or none.
  NormSpec without_sums() const { return on_sums() ? NormSpec{.affine = affine} : *this; }
  // The same norm without what it does to weights.
  NormSpec without_weights() const { return on_weights() ? NormSpec{.affine = affine} : *this; }

 private:
  NormTraits traits() const {
    return std::visit([](const auto& norm) { return norm.kTraits; }, kind);
  }
};

// Recurrent batch norm after Cooijmans et al. 2016: gain 0.1, statistics of each time step.
inline NormSpec recurrent_batch_norm(Index time_steps) {
  return {.kind = BatchNorm{.time_steps = time_steps}, .affine = {.gain_init = 0.1}};
}

// Adds the parameters the kind needs under `scope`, the scope of the layer that holds the site.
template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_normalizer(const NormSpec& spec, const BasicScope<T>& scope,
                                                    const Site& site) {
  return std::visit([&](const auto& norm) { return make_norm(norm, spec.affine, scope, site); }, spec.kind);
}

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

// Averages the statistics of batches, for the sites that evaluate with them (Cooijmans et al. 2016). pass() must run the
// model over some batches in Mode::kTrain; as each is normalised by itself, one pass serves all sites. Does nothing if no
// site wants it.
template <typename T>
void average_statistics(std::span<BasicNormalizer<T>* const> sites, const std::function<void()>& pass) {
  bool wanted = false;
  for (BasicNormalizer<T>* site : sites) {
    if (site->wants_averages()) {
      wanted = true;
      site->begin_averages();
    }
  }
  if (!wanted) {
    return;
  }
  pass();
  for (BasicNormalizer<T>* site : sites) {
    if (site->wants_averages()) {
      site->end_averages();
    }
  }
}

using Normalizer = BasicNormalizer<float>;

}  // namespace normlab::nn
