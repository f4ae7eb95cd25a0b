// norm.h - layer, root-mean-square, group and batch normalization of `rows` contiguous rows of `f` floats, with their
// gradients.
//
// rows is the batch B, f the features F: the memory of an F x B column-major matrix. gain and bias are of f floats and
// may be null (1 and 0). Statistics come back to the caller, who passes them on to the backward function. Variances are
// biased (divided by the count) and two-pass: exact to float rounding also when the mean is large against the
// deviation. The gradients of gain and bias are added to what is there; dx is overwritten, or added to with
// `accumulate`. dgain and dbias may be null when not wanted. dx must not be dy, y must not be x. Threads share the work
// by fixed rows or columns; sums over rows run in row order, over very many by fixed pieces: same bits for any thread
// count.
#pragma once

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// Where eps is added: 1 / sqrt(var + eps), or 1 / (sqrt(var) + eps) as in the paper's released Torch code.
enum class EpsPlace { kInsideSqrt, kOutsideSqrt };

// 1 / s for a variance, as the functions below compute it.
float inverse_deviation(float variance, float eps, EpsPlace place);

// y = gain (x - mean) inv_s + bias, mean and variance over each row [LN eq 3]; writes mean and inv_s of each row.
void layer_norm_forward(Index rows, Index f, const float* x, const float* gain, const float* bias, float eps,
                        EpsPlace place, float* y, float* mean, float* inv_s);

// dx = inv_s (dn - average(dn) - n c average(dn n)) with n = (x - mean) inv_s and dn = gain dy, averages over the row.
// c is 1 with eps inside the root; outside, the slope of the deviation brings c = s / (s - eps), and 0 for a row
// without variance, where the deviation has no slope and the exact formula would be 0 / 0.
void layer_norm_backward(Index rows, Index f, const float* dy, const float* x, const float* mean, const float* inv_s,
                         const float* gain, float eps, EpsPlace place, float* dx, bool accumulate, float* dgain,
                         float* dbias);

// y = gain x inv_r + bias with 1 / inv_r = sqrt(average(x^2) + eps) over each row; writes inv_r of each row.
void rms_norm_forward(Index rows, Index f, const float* x, const float* gain, const float* bias, float eps, float* y,
                      float* inv_r);

// dx = inv_r (dn - n average(dn n)) with n = x inv_r and dn = gain dy.
void rms_norm_backward(Index rows, Index f, const float* dy, const float* x, const float* inv_r, const float* gain,
                       float* dx, bool accumulate, float* dgain, float* dbias);

// Mean and biased variance of each column over the rows. rows >= 1.
void column_moments(Index rows, Index f, const float* x, float* mean, float* variance);

// y = gain (x - mean) inv_s + bias with mean and inv_s of each column, from the batch or from the population [LN eq 2].
void batch_norm_apply(Index rows, Index f, const float* x, const float* mean, const float* inv_s, const float* gain,
                      const float* bias, float* y);

// Gradient through the batch's own statistics, biased or unbiased:
// dx = inv_s (dn - average(dn) - n c average(dn n)) over each column; c is 1 for eps inside the root and a biased
// variance, rows / (rows - 1) for an unbiased one. For population statistics, which are constants, pass c = 0 and
// `batch_statistics` false: dx = inv_s dn.
struct BatchNormGradient {
  bool batch_statistics = true;
  float c = 1.0f;
};
void batch_norm_backward(Index rows, Index f, const float* dy, const float* x, const float* mean, const float* inv_s,
                         const float* gain, BatchNormGradient how, float* dx, bool accumulate, float* dgain,
                         float* dbias);

// Examples of `positions` rows of f channels, cut into `groups` equal runs of channels: one mean and one deviation for
// the f / groups channels of a group over all positions of an example.
struct GroupShape {
  Index examples, positions, f, groups;
  Index rows() const { return examples * positions; }
  Index group_channels() const { return f / groups; }
  Index group_values() const { return positions * group_channels(); }
};

// y = gain (x - mean) inv_s + bias; writes mean and inv_s of each example's groups. Without `center` the mean counts as
// 0 and s is the root mean square. gain and bias are of f floats.
void group_norm_forward(const GroupShape& shape, bool center, const float* x, const float* gain, const float* bias,
                        float eps, EpsPlace place, float* y, float* mean, float* inv_s);

// dx as layer_norm_backward's, averages over a group. Writes, for each channel of each example, the sums over the
// positions of dy n and of dy: [examples][f], whose sums over the examples are the gradients of gain and bias. Here dx may be dy.
void group_norm_backward(const GroupShape& shape, bool center, const float* dy, const float* x, const float* mean,
                         const float* inv_s, const float* gain, float eps, EpsPlace place, float* dx, bool accumulate,
                         float* dot, float* sum);

// w = gain v / |v| for each of `units` rows, the weights of one unit; writes 1 / |v| of each row.
void weight_norm_forward(Index units, Index f, const float* v, const float* gain, float* w, float* inv_length);

// along = dw . v / |v|, which is the gradient of gain, written; dv = (gain / |v|) (dw - along v / |v|), unless dv is
// null.
void weight_norm_backward(Index units, Index f, const float* dw, const float* v, const float* inv_length,
                          const float* gain, float* dv, bool accumulate, float* along);

}  // namespace normlab::nn::kernels
