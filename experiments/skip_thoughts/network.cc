#include "experiments/skip_thoughts/network.h"

#include <algorithm>

#include "nn/ops/columns.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/gather.h"
#include "nn/ops/linear_cross_entropy.h"

namespace normlab {
namespace {

constexpr double kFloor = 1e-8;  // of a word's probability

// As released: U(-0.1, 0.1) for what is read, orthogonal for what recurs.
nn::Initializer InputInit() { return nn::init::uniform(0.1); }

nn::GruSpec GruOf(const SkipThoughtsShape& shape) {
  return {.inputs = shape.word_size,
          .units = shape.units,
          .norm = shape.norm,
          .placement = nn::GruPlacement::kTerms,
          .input_init = InputInit(),
          .recurrent_init = nn::init::orthogonal()};
}

// A product without norm on what it gives, and without bias.
nn::NormSpec ProductNorm(const SkipThoughtsShape& shape) {
  nn::NormSpec norm = shape.norm.without_sums();
  norm.affine.bias = false;
  return norm;
}

template <typename T>
nn::BasicVar<T> MaskAt(nn::BasicTape<T>& tape, const SentenceBatch<T>& sentences, nn::Index t) {
  const T* mask = sentences.mask + t * sentences.batch;
  const bool padded = std::find(mask, mask + sentences.batch, T{0}) != mask + sentences.batch;
  return padded ? tape.input("mask", mask, 1, sentences.batch) : nn::BasicVar<T>();
}

}  // namespace

template <typename T>
BasicSkipThoughts<T>::Decoder::Decoder(const nn::BasicScope<T>& scope, const SkipThoughtsShape& shape)
    : gru(scope, GruOf(shape)) {
  if (shape.conditioning == Conditioning::kEveryStep) {
    condition.emplace(scope / "condition", shape.units, 3 * shape.units, ProductNorm(shape), InputInit());
  }
}

template <typename T>
BasicSkipThoughts<T>::BasicSkipThoughts(const nn::BasicScope<T>& scope, const SkipThoughtsShape& shape)
    : shape_(shape),
      embedding_((scope / "embedding").matrix("weight", shape.words, shape.word_size, InputInit())),
      encoder_(scope / "encoder", GruOf(shape)),
      next_(scope / "next", shape),
      previous_(scope / "previous", shape),
      output_bias_((scope / "output").vector("bias", shape.words, nn::init::zeros())) {
  const nn::BasicScope<T> output = scope / "output";
  if (shape.tied) {
    projection_.emplace(output / "projection", shape.units, shape.word_size, ProductNorm(shape), InputInit());
  } else {
    output_ = &output.matrix("weight", shape.words, shape.units, InputInit());
  }
}

template <typename T>
nn::BasicVar<T> BasicSkipThoughts<T>::Embed(nn::BasicTape<T>& tape, std::span<const std::int32_t> ids) {
  return nn::gather(tape.parameter(embedding_), ids);
}

template <typename T>
nn::BasicVar<T> BasicSkipThoughts<T>::Encode(nn::BasicTape<T>& tape, const SentenceBatch<T>& sentences, nn::Mode mode) {
  const auto sums = nn::split_columns(encoder_.input_sums(Embed(tape, sentences.ids)), sentences.steps);
  Var h = encoder_.zero_state(tape, sentences.batch);
  for (nn::Index t = 0; t < sentences.steps; ++t) {
    h = encoder_.step(sums[static_cast<std::size_t>(t)], h, {mode, t}, MaskAt(tape, sentences, t));
  }
  return h;
}

template <typename T>
void BasicSkipThoughts<T>::Decode(Decoder& decoder, Var thought, const SentenceBatch<T>& sentences, nn::Mode mode) {
  nn::BasicTape<T>& tape = thought.tape();
  // The last word is nobody's input, and the first input is zeros: W 0 = 0.
  const nn::Index read = sentences.steps - 1;
  std::span<const Var> sums;
  if (read > 0) {
    const auto ids = sentences.ids.first(static_cast<std::size_t>(read * sentences.batch));
    sums = nn::split_columns(decoder.gru.input_sums(Embed(tape, ids)), read);
  }
  const Var condition = decoder.condition ? decoder.condition->product(thought) : Var();
  Var d = thought;
  for (nn::Index t = 0; t < sentences.steps; ++t) {
    Var input = t > 0 ? sums[static_cast<std::size_t>(t - 1)] : tape.zeros(3 * shape_.units, sentences.batch);
    input = condition ? input + condition : input;
    d = decoder.gru.step(input, d, {mode, t}, MaskAt(tape, sentences, t));
    states_.push_back(d);
  }
}

template <typename T>
nn::BasicVar<T> BasicSkipThoughts<T>::Loss(nn::BasicTape<T>& tape, const TripletBatch<T>& triplets, nn::Mode mode) {
  const SentenceBatch<T>&next = triplets.next, &previous = triplets.previous;
  const Var thought = Encode(tape, triplets.sentence, mode);
  states_.clear();
  Decode(next_, thought, next, mode);
  Decode(previous_, thought, previous, mode);
  const Var d = nn::join_columns<T>(states_);
  const std::span<const std::int32_t> words(next.ids.data(), next.ids.size() + previous.ids.size());
  const Var counts = tape.input("words", next.mask, 1, d.cols());
  const Var bias = tape.parameter(output_bias_);
  return projection_ ? nn::linear_cross_entropy(tape.parameter(embedding_), bias, projection_->product(d), words,
                                                counts, kFloor)
                     : nn::linear_cross_entropy(tape.parameter(*output_), bias, d, words, counts, kFloor);
}

template class BasicSkipThoughts<float>;
template class BasicSkipThoughts<double>;

}  // namespace normlab
