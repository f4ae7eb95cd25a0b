#include "experiments/attentive_reader/reader.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "nn/ops/activation.h"
#include "nn/ops/attention.h"
#include "nn/ops/columns.h"
#include "nn/ops/dropout.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/gather.h"
#include "nn/ops/linear.h"
#include "nn/ops/linear_cross_entropy.h"

namespace normlab {
namespace {

constexpr double kLeastProbability = 1e-8;

// With statistics of each of so many steps, if it keeps any.
nn::NormSpec OverTime(nn::NormSpec norm, nn::Index steps) {
  if (auto* batch = std::get_if<nn::BatchNorm>(&norm.kind)) {
    batch->time_steps = std::max<nn::Index>(steps, 2);
  }
  return norm;
}

nn::LstmSpec EncoderSpec(const ReaderSpec& spec, nn::Index steps) {
  return {.inputs = spec.units,
          .units = spec.units,
          .norm = OverTime(spec.norm, steps),
          .placement = nn::LstmPlacement::kTermsAndCell,
          .input_init = spec.init.input,
          .recurrent_init = spec.init.recurrent,
          .bias_twice = spec.bias_twice};
}

// Of a term beside others: its bias is that of all.
nn::NormSpec TermNorm(const ReaderSpec& spec) {
  nn::NormSpec norm = spec.norm_readout ? spec.norm : nn::NormSpec{};
  norm.affine.bias = false;
  return norm;
}

constexpr nn::NormSpec kNoBias{.affine = {.bias = false}};

}  // namespace

template <typename T>
BasicReader<T>::BasicReader(const nn::BasicScope<T>& scope, const ReaderSpec& spec)
    : spec_(spec),
      embedding_((scope / "embedding").matrix("weight", spec.words, spec.units, spec.init.embedding)),
      passage_(scope / "passage", EncoderSpec(spec, spec.passage_steps)),
      question_(scope / "question", EncoderSpec(spec, spec.question_steps)),
      attention_passage_(scope / "attention" / "passage", spec.units, spec.units, TermNorm(spec),
                         spec.init.attention_passage),
      attention_question_(scope / "attention" / "question", spec.units, spec.units, TermNorm(spec), spec.init.others),
      attention_bias_((scope / "attention").vector("bias", spec.units, nn::init::zeros())),
      scores_((scope / "attention")
                  .vector("scores", spec.units, nn::init::uniform(1.0 / std::sqrt(static_cast<double>(spec.units))))),
      readout_context_(scope / "readout" / "context", spec.units, spec.units, TermNorm(spec), spec.init.others),
      readout_question_(scope / "readout" / "question", spec.units, spec.units, TermNorm(spec), spec.init.others),
      readout_bias_((scope / "readout").vector("bias", spec.units, nn::init::zeros())),
      output_((scope / "output").matrix("weight", spec.words, spec.units, spec.init.output)),
      output_bias_((scope / "output").vector("bias", spec.words, nn::init::zeros())),
      sites_(passage_.sites()) {
  const auto add = [&](const nn::BasicScope<T>& where, const nn::NormSpec& norm, const nn::Initializer& init) {
    return std::make_unique<nn::BasicSharedLinear<T>>(where, spec.units, spec.units, norm, init);
  };
  if (spec.similarity) {
    similarity_ = add(scope / "similarity", kNoBias, spec.init.similarity);
  }
  if (spec.mean_term) {
    readout_mean_ = add(scope / "readout" / "mean", TermNorm(spec), spec.init.others);
  }
  if (spec.learn_initial_state) {
    passage_initial_ = &(scope / "passage").vector("initial", spec.units, nn::init::zeros());
    question_initial_ = &(scope / "question").vector("initial", spec.units, nn::init::zeros());
  }
  const std::vector<nn::BasicNormalizer<T>*> more = question_.sites();
  sites_.insert(sites_.end(), more.begin(), more.end());
  for (nn::BasicSharedLinear<T>* layer :
       {&attention_passage_, &attention_question_, &readout_context_, &readout_question_, readout_mean_.get()}) {
    if (layer != nullptr) {
      sites_.push_back(&layer->normalizer());
    }
  }
  hidden_.reserve(static_cast<std::size_t>(std::max(spec.passage_steps, spec.question_steps)));
}

template <typename T>
void BasicReader<T>::Encode(nn::BasicTape<T>& tape, nn::BasicLstm<T>& lstm, nn::BasicParameter<T>* initial,
                            const Text& text, const nn::Step& step, double rate) {
  const nn::Index steps = text.layout.steps, batch = text.layout.batch;
  const Var words = nn::dropout(nn::gather(tape.parameter(embedding_), text.words), rate, step, text.dropout);
  const std::span<const Var> sums = nn::split_columns(lstm.input_sums(words), steps);
  nn::BasicLstmState<T> state = lstm.zero_state(tape, batch);
  if (initial != nullptr) {
    state.h = nn::repeat_over_time(tape.parameter(*initial), {.steps = batch, .batch = 1});
  }
  hidden_.clear();
  for (nn::Index t = 0; t < steps; ++t) {
    const T* mask = text.mask + t * batch;
    const bool padded = std::find(mask, mask + batch, T{0}) != mask + batch;
    state = lstm.step(sums[static_cast<std::size_t>(t)], state, {.mode = step.mode, .time = t},
                      padded ? tape.input("mask", mask, 1, batch) : Var{});
    hidden_.push_back(state.h);
  }
}

// a, the attention. `padding` is the mask where it leaves anything out.
template <typename T>
nn::BasicVar<T> BasicReader<T>::Attend(Var d, Var q, Var mask, Var padding, const nn::SequenceLayout& layout,
                                       const nn::Step& step) {
  nn::BasicTape<T>& tape = d.tape();
  const Var keys = attention_passage_.normalizer().masked_sums(attention_passage_.product(d), step, padding);
  const Var query = nn::add_bias(attention_question_(q, step), tape.parameter(attention_bias_));
  const Var s =
      similarity_ != nullptr ? nn::attention_scores(similarity_->product(q), similarity_->product(d), layout) : Var{};
  const Var m = nn::attention_hidden(keys, query, s, layout);
  return nn::masked_softmax(nn::linear(tape.parameter(scores_), m), mask, layout);
}

template <typename T>
Reading<T> BasicReader<T>::Read(nn::BasicTape<T>& tape, const ReaderBatch<T>& batch, const nn::Step& step, bool drop) {
  const nn::Step once{.mode = step.mode, .key = step.key};
  const double rate = drop ? spec_.dropout : 0.0;
  const nn::SequenceLayout layout{.steps = batch.steps, .batch = batch.batch};
  Encode(
      tape, question_, question_initial_,
      {batch.question, batch.question_mask, {.steps = batch.question_steps, .batch = batch.batch}, "dropout/question"},
      once, rate);
  const Var q = hidden_.back();
  Encode(tape, passage_, passage_initial_, {batch.passage, batch.passage_mask, layout, "dropout/passage"}, once, rate);
  const Var d = nn::join_columns<T>(hidden_);

  const Var mask = tape.input("mask", batch.passage_mask, 1, layout.cols());
  const bool padded = std::find(mask.data(), mask.data() + mask.cols(), T{0}) != mask.data() + mask.cols();
  const Var a = Attend(d, q, mask, padded ? mask : Var{}, layout, once);
  Var sums = readout_context_(nn::attention_context(a, d, layout), once) + readout_question_(q, once);
  if (readout_mean_ != nullptr) {
    sums = sums + (*readout_mean_)(nn::masked_mean(d, mask, layout), once);
  }
  const Var g = nn::tanh(nn::add_bias(sums, tape.parameter(readout_bias_)));
  return {.attention = a, .readout = nn::dropout(g, rate, once, "dropout/readout")};
}

template <typename T>
nn::BasicVar<T> BasicReader<T>::Loss(const Reading<T>& reading, std::span<const std::int32_t> answers) {
  nn::BasicTape<T>& tape = reading.readout.tape();
  return nn::linear_cross_entropy<T>(tape.parameter(output_), tape.parameter(output_bias_), reading.readout, answers,
                                     {}, kLeastProbability);
}

template <typename T>
nn::BasicVar<T> BasicReader<T>::Logits(const Reading<T>& reading) {
  nn::BasicTape<T>& tape = reading.readout.tape();
  return nn::add_bias(nn::linear(tape.parameter(output_), reading.readout), tape.parameter(output_bias_));
}

template class BasicReader<float>;
template class BasicReader<double>;

}  // namespace normlab
