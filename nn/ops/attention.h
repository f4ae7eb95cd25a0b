// attention.h - attention by content over the steps of padded sequences: scores, their softmax, and the weighted mean.
//
//   const Var a = masked_softmax(attention_scores(query, states, layout), mask, layout);
//   const Var context = attention_context(a, states, layout);
//
// Sequences are F x (steps * batch), in either order of `layout`: neither is copied. A mask is 1 x (steps * batch), a
// constant, not 0 for the steps that an example has. What stands at the others may be anything, NaN too.
#pragma once

#include "nn/layout.h"
#include "nn/tape.h"

namespace normlab::nn {

// q_b . k_tb for every step t of every example b: 1 x (steps * batch). q: F x batch, k: F x (steps * batch).
template <typename T>
BasicVar<T> attention_scores(BasicVar<T> q, BasicVar<T> k, const SequenceLayout& layout);

// tanh(k_tb + q_b + s_tb) at every step: the hidden layer of additive attention (Bahdanau et al. 2015), whose product with a
// vector are its scores (ops/linear.h). k: F x (steps * batch), q: F x batch; s, 1 x (steps * batch), is added to every row
// and may be left out.
template <typename T>
BasicVar<T> attention_hidden(BasicVar<T> k, BasicVar<T> q, BasicVar<T> s, const SequenceLayout& layout);

// The softmax of each example's scores over its steps, 0 elsewhere; an example without steps has zeros alone. `mask` may
// be left out: all steps count.
template <typename T>
BasicVar<T> masked_softmax(BasicVar<T> scores, BasicVar<T> mask, const SequenceLayout& layout);

// sum over t of a_tb v_tb: F x batch. a: 1 x (steps * batch), v: F x (steps * batch); where a is 0, v is not read.
template <typename T>
BasicVar<T> attention_context(BasicVar<T> a, BasicVar<T> v, const SequenceLayout& layout);

// q_b at every step of example b: F x (steps * batch). q: F x batch.
template <typename T>
BasicVar<T> repeat_over_time(BasicVar<T> q, const SequenceLayout& layout);

// The mean of each example's own steps, F x batch; zeros for an example without steps.
template <typename T>
BasicVar<T> masked_mean(BasicVar<T> v, BasicVar<T> mask, const SequenceLayout& layout);

}  // namespace normlab::nn
