// attention.h - products of every column of a batch of sequences with a vector of its example, and the softmax over
// time that comes between them.
//
// Columns lie as a SequenceLayout says; f floats each. `b` is the example of column c. Each column, or each example, is
// computed by one thread in one order: the bits do not depend on the team.
#pragma once

#include "nn/kernels/aligned.h"
#include "nn/layout.h"

namespace normlab::nn::kernels {

// s_c = q_b . k_c, or adds it. q: f x batch, k: f x cols, s: cols.
void sequence_dots(const SequenceLayout& layout, Index f, const float* q, const float* k, float* s, bool accumulate);
// y_b = sum over t of a_c v_c, in the order of time, or adds it. Columns with a_c = 0 are not read.
void sequence_sums(const SequenceLayout& layout, Index f, const float* a, const float* v, float* y, bool accumulate);
// v_c = a_c q_b, or adds it.
void sequence_outer(const SequenceLayout& layout, Index f, const float* a, const float* q, float* v, bool accumulate);

// a_c = exp(s_c) / sum over t of exp(s_c), among the columns whose mask is not 0; 0 for the others, which are not used.
// An example without a column of its own gets zeros. `mask` may be null: all columns count. a may be s.
void sequence_softmax(const SequenceLayout& layout, const float* mask, const float* s, float* a);
// ds_c = a_c (da_c - sum over t of a_c da_c), or adds it. Where a_c = 0, da_c is not used.
void sequence_softmax_backward(const SequenceLayout& layout, const float* a, const float* da, float* ds,
                               bool accumulate);

}  // namespace normlab::nn::kernels
