// order_violation.h - how far vectors violate an order, E(s, x) = sum over i of max(0, s_i - x_i)^2, for all pairs of two sets.
//
// s: `rows` vectors and x: `cols` vectors of f contiguous values each. The value of a pair depends on the pair alone, and on
// nothing else that is computed beside it. Pieces are cut by size: same bits for any number of threads. Nothing is
// allocated; outputs must not overlap inputs.
#pragma once

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

template <typename T>
struct OrderPairs {
  Index f, rows, cols;
  const T* s;
  const T* x;
};

// e[j * rows + i] = E(s_i, x_j). NaN in a vector is in all its pairs.
void order_violation(const OrderPairs<float>& pairs, float* e);

// ds_i = sum over j of de[j * rows + i] dE(s_i, x_j)/ds_i, or adds it. Pairs with de = 0 are not looked at.
void order_violation_backward_s(const OrderPairs<float>& pairs, const float* de, float* ds, bool accumulate);
// dx_j likewise, summed over i.
void order_violation_backward_x(const OrderPairs<float>& pairs, const float* de, float* dx, bool accumulate);

}  // namespace normlab::nn::kernels
