#include "experiments/order_embedding/network.h"

#include <algorithm>

#include "nn/ops/activation.h"
#include "nn/ops/columns.h"
#include "nn/ops/domain/order_violation.h"
#include "nn/ops/domain/ranking_hinge.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/gather.h"
#include "nn/ops/linear.h"
#include "nn/ops/weight_norm.h"

namespace normlab {
namespace {

// Every column over its length, which is what weight normalisation does to a weight with gain 1.
template <typename T>
nn::BasicVar<T> unit_columns(nn::BasicVar<T> x) {
  T* const ones = x.tape().scratch(x.cols());
  std::fill_n(ones, x.cols(), T{1});
  return nn::weight_norm(x, x.tape().input("ones", ones, x.cols(), 1));
}

}  // namespace

template <typename T>
BasicOrderEmbedding<T>::BasicOrderEmbedding(const nn::BasicScope<T>& scope, const OrderEmbeddingSpec& spec)
    : spec_(spec),
      words_(scope.matrix("words", spec.words, spec.word_size, nn::init::uniform(spec.init_range))),
      gru_(scope / "gru", {.inputs = spec.word_size,
                           .units = spec.units,
                           .norm = spec.norm,
                           .input_init = nn::init::uniform(spec.init_range),
                           .recurrent_init = nn::init::orthogonal()}),
      image_(scope / "image", spec.features, spec.units, {}, nn::init::glorot_uniform()) {}

template <typename T>
nn::BasicVar<T> BasicOrderEmbedding<T>::ToPoint(Var x) const {
  const Var unit = unit_columns(x);
  return spec_.score == PairScore::kOrder ? nn::abs(unit) : unit;
}

template <typename T>
nn::BasicVar<T> BasicOrderEmbedding<T>::Captions(nn::BasicTape<T>& tape, const CaptionBatch<T>& captions,
                                                 const nn::Step& step) {
  const Var x = nn::gather(tape.parameter(words_), captions.words);
  const auto sums = nn::split_columns(gru_.input_sums(x), captions.steps);
  Var h = gru_.zero_state(tape, captions.batch);
  for (nn::Index t = 0; t < captions.steps; ++t) {
    const T* const mask = captions.mask + t * captions.batch;
    const bool padded = std::find(mask, mask + captions.batch, T{0}) != mask + captions.batch;
    h = gru_.step(sums[static_cast<std::size_t>(t)], h, {.mode = step.mode, .time = t, .key = step.key},
                  padded ? tape.input("mask", mask, 1, captions.batch) : Var{});
  }
  return ToPoint(h);
}

template <typename T>
nn::BasicVar<T> BasicOrderEmbedding<T>::Images(Var features, const nn::Step& step) {
  return ToPoint(image_(features, step));
}

template <typename T>
nn::BasicVar<T> BasicOrderEmbedding<T>::Penalties(Var captions, Var images) const {
  if (spec_.score == PairScore::kOrder) {
    return nn::order_violation(captions, images);
  }
  const Var similarity = nn::linear(captions, images);
  return similarity.tape().zeros(similarity.rows(), similarity.cols()) - similarity;
}

template <typename T>
nn::BasicVar<T> BasicOrderEmbedding<T>::Loss(Var captions, Var images) const {
  return nn::ranking_hinge(Penalties(captions, images), spec_.margin);
}

template class BasicOrderEmbedding<float>;
template class BasicOrderEmbedding<double>;

}  // namespace normlab
