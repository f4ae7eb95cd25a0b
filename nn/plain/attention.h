// attention.h - the functions of kernels/attention.h as plain serial loops, for double. Contracts are those.
#pragma once

#include "nn/layout.h"

namespace normlab::nn::plain {

void sequence_dots(const SequenceLayout& layout, Index f, const double* q, const double* k, double* s, bool accumulate);
void sequence_sums(const SequenceLayout& layout, Index f, const double* a, const double* v, double* y, bool accumulate);
void sequence_outer(const SequenceLayout& layout, Index f, const double* a, const double* q, double* v,
                    bool accumulate);
void sequence_softmax(const SequenceLayout& layout, const double* mask, const double* s, double* a);
void sequence_softmax_backward(const SequenceLayout& layout, const double* a, const double* da, double* ds,
                               bool accumulate);

}  // namespace normlab::nn::plain
