// norm.h - the functions of kernels/norm.h as plain serial loops over any scalar, with every choice of eps.
//
// They serve double, that is gradient checks, and the choices in float that are too rare for a vector kernel. Contracts
// are those of kernels/norm.h; here dx may be null when not wanted.
#pragma once

#include "nn/aligned_array.h"
#include "nn/kernels/norm.h"

namespace normlab::nn::plain {

using kernels::EpsPlace;

// 1 / sqrt(variance + eps), or 1 / (sqrt(variance) + eps).
template <typename T>
T inverse_deviation(T variance, T eps, EpsPlace place);

// Layer norm with `center`; without, the mean is taken as 0: root-mean-square norm.
template <typename T>
void row_norm_forward(bool center, Index rows, Index f, const T* x, const T* gain, const T* bias, T eps, EpsPlace place,
                      T* y, T* mean, T* inv_s);
template <typename T>
void row_norm_backward(bool center, Index rows, Index f, const T* dy, const T* x, const T* mean, const T* inv_s,
                       const T* gain, T eps, EpsPlace place, T* dx, bool accumulate, T* dgain, T* dbias);

template <typename T>
void group_norm_forward(const kernels::GroupShape& shape, bool center, const T* x, const T* gain, const T* bias, T eps,
                        EpsPlace place, T* y, T* mean, T* inv_s);
template <typename T>
void group_norm_backward(const kernels::GroupShape& shape, bool center, const T* dy, const T* x, const T* mean,
                         const T* inv_s, const T* gain, T eps, EpsPlace place, T* dx, bool accumulate, T* dot, T* sum);

template <typename T>
void column_moments(Index rows, Index f, const T* x, T* mean, T* variance);
template <typename T>
void batch_norm_apply(Index rows, Index f, const T* x, const T* mean, const T* inv_s, const T* gain, const T* bias,
                      T* y);
// `divisor_ratio`: rows over the divisor of the variance; 0 if mean and inv_s are constants.
template <typename T>
void batch_norm_backward(Index rows, Index f, const T* dy, const T* x, const T* mean, const T* inv_s, const T* gain,
                         T eps, EpsPlace place, T divisor_ratio, T* dx, bool accumulate, T* dgain, T* dbias);

}  // namespace normlab::nn::plain
