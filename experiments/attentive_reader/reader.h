// reader.h - the attentive reader (Hermann et al. 2015) as the paper trained it [LN sec 6.2]: two LSTMs read a passage and a
// question, attention by the question picks from the passage, and a softmax over all words answers.
//
//   e_t = dropout(E[w_t]);  d_t = LSTM_passage(e)_t;  q = LSTM_question(e)_last               H x B, unidirectional
//   s_t = (M d_t) . (M q)                                                                      1 x B
//   m_t = tanh(N(W_d d_t) + N(W_q q) + b + s_t)                                                s_t is added to every row
//   a   = softmax_t(v . m_t);  c = sum_t a_t d_t
//   g   = tanh(N(W_c c) + N(W_r q) + N(W_m mean_t d_t) + b')
//   p   = softmax(W_o dropout(g) + b_o) over all words;  loss = -log(p_answer + 1e-8), mean over the batch
//
// The LSTMs are those of [LN eq 17-19], or with a norm of [LN eq 20-22]; recurrent batch norm keeps statistics of each time step
// (Cooijmans et al. 2016). N is nothing but with a readout norm: their "BN-everywhere", whose statistics of W_d d_t are one for
// all steps, as in the released code. A step at which a sequence has no word counts in no statistic, sum or gradient.
//
// Parameters: "embedding.weight" [words x H]; "passage", "question" (nn/cells/lstm.h), each with "initial" [H], what h starts
// from; "similarity.weight"; "attention.passage|question.weight", "attention.bias", "attention.scores" (v);
// "readout.context|question|mean.weight", "readout.bias"; "output.weight" [words x H], "output.bias"; and those of the norms.
//
// Threads: one. Borrows the scope's store, which outlives it. Errors: nn::Error for shapes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "experiments/attentive_reader/reader_init.h"
#include "nn/cells/lstm.h"
#include "nn/layers/shared_linear.h"
#include "nn/layout.h"

namespace normlab {

struct ReaderSpec {
  nn::Index words = 0;  // that have a number
  nn::Index units = 240;
  nn::NormSpec norm = {};     // of the LSTMs; for batch norm, `passage_steps` and `question_steps` are its time steps
  bool norm_readout = false;  // and of the terms in the tanh of attention and readout
  nn::Index passage_steps = 2, question_steps = 2;  // the longest to train on
  bool similarity = true;                           // s_t
  bool mean_term = true;                            // W_m mean_t d_t
  bool learn_initial_state = true;                  // else h starts from 0
  bool bias_twice = true;                           // see nn::LstmSpec
  double dropout = 0.5;
  ReaderInit init = {};
};

// Passages and questions side by side, the first words of all, then the second. Borrowed until the tape's reset().
template <typename T>
struct ReaderBatch {
  nn::Index steps = 0, question_steps = 0, batch = 0;         // of the longest; B
  std::span<const std::int32_t> passage, question;            // numbers of words, T B; where a mask is 0, any number
  const T *passage_mask = nullptr, *question_mask = nullptr;  // 1 x (T B): 1 where a sequence has a word
};

template <typename T>
struct Reading {
  nn::BasicVar<T> attention;  // a, 1 x (T B)
  nn::BasicVar<T> readout;    // dropout(g), H x B
};

template <typename T>
class BasicReader {
 public:
  using Var = nn::BasicVar<T>;

  BasicReader(const nn::BasicScope<T>& scope, const ReaderSpec& spec);

  // In Mode::kTrain, `drop` says whether dropout leaves values out; step.time is not looked at.
  Reading<T> Read(nn::BasicTape<T>& tape, const ReaderBatch<T>& batch, const nn::Step& step, bool drop = true);
  // -log(p + 1e-8), mean over the batch: 1 x 1. A word for each example.
  Var Loss(const Reading<T>& reading, std::span<const std::int32_t> answers);
  // words x B.
  Var Logits(const Reading<T>& reading);

  // Sites of normalisation, for their statistics.
  const std::vector<nn::BasicNormalizer<T>*>& Sites() const { return sites_; }

 private:
  // A sequence to encode.
  struct Text {
    std::span<const std::int32_t> words;
    const T* mask;
    nn::SequenceLayout layout;
    std::string_view dropout;  // purpose
  };
  // h of every step, in hidden_.
  void Encode(nn::BasicTape<T>& tape, nn::BasicLstm<T>& lstm, nn::BasicParameter<T>* initial, const Text& text,
              const nn::Step& step, double rate);
  Var Attend(Var d, Var q, Var mask, Var padding, const nn::SequenceLayout& layout, const nn::Step& step);

  ReaderSpec spec_;
  nn::BasicParameter<T>& embedding_;
  nn::BasicLstm<T> passage_, question_;
  nn::BasicParameter<T>*passage_initial_ = nullptr, *question_initial_ = nullptr;
  std::unique_ptr<nn::BasicSharedLinear<T>> similarity_;  // if there is one
  nn::BasicSharedLinear<T> attention_passage_, attention_question_;
  nn::BasicParameter<T>&attention_bias_, &scores_;
  nn::BasicSharedLinear<T> readout_context_, readout_question_;
  std::unique_ptr<nn::BasicSharedLinear<T>> readout_mean_;  // if there is one
  nn::BasicParameter<T>&readout_bias_, &output_, &output_bias_;
  std::vector<nn::BasicNormalizer<T>*> sites_;
  std::vector<Var> hidden_;  // of a pass, by time step; kept for its memory
};

using Reader = BasicReader<float>;

extern template class BasicReader<float>;
extern template class BasicReader<double>;

}  // namespace normlab
