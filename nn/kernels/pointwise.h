// pointwise.h - activations, biases and softmax over contiguous floats.
//
// n floats, or `rows` rows of `f` floats. Outputs may be the input itself unless said otherwise. NaN in gives NaN out,
// so that a diverged run shows. Accuracy of exp, tanh and sigmoid: 4 units in the last place of float or better.
#pragma once

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

// y = x + bias in every row.
void add_bias(Index rows, Index f, const float* x, const float* bias, float* y);
// y = max(x + bias, 0) in every row; bias may be null. NaN stays NaN.
void bias_relu(Index rows, Index f, const float* x, const float* bias, float* y);
// dx = dy where y > 0, else 0; or adds it to dx with `accumulate`. y is bias_relu's output.
void relu_backward(Index n, const float* dy, const float* y, float* dx, bool accumulate);
// y = x where x >= 0, else slope x; slope in [0, 1].
void leaky_relu(Index n, float slope, const float* x, float* y);
// dx = dy where y > 0, else slope dy; or adds it. y is leaky_relu's output.
void leaky_relu_backward(Index n, float slope, const float* dy, const float* y, float* dx, bool accumulate);
// dx = dy y (1 - y), or adds it; y is sigmoid's output.
void sigmoid_backward(Index n, const float* dy, const float* y, float* dx, bool accumulate);
// dx = dy (1 - y^2), or adds it; y is tanh's output.
void tanh_backward(Index n, const float* dy, const float* y, float* dx, bool accumulate);
// out[j] += the sum of column j over the rows, in row order or, of very many, by fixed pieces: the gradient of a bias.
void add_column_sums(Index rows, Index f, const float* x, float* out);

// y = x - log(sum exp(x)) over each row, shifted by the row's maximum. f >= 1.
void log_softmax_rows(Index rows, Index f, const float* x, float* y);

void exp(Index n, const float* x, float* y);
void sigmoid(Index n, const float* x, float* y);
void tanh(Index n, const float* x, float* y);

}  // namespace normlab::nn::kernels
