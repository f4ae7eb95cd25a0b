// gemm_sparse.h - matrix products whose left operand is mostly zeros, as images of digits are: four fifths of MNIST's
// pixels are black, and only the others are multiplied.
//
// Layout, threads and memory as in gemm.h; any number of threads gives the same bits. A zero times an infinite or NaN
// value counts as zero here, which a dense product would carry on as NaN.
#pragma once

#include "nn/kernels/gemm.h"

namespace normlab::nn::kernels {

// Whether gemm_sparse beats gemm for S [rows x cols], contiguous: enough rows, and enough zeros.
bool mostly_zero(Index rows, Index cols, const float* s);

// C [m x n] = or += op(S) op(B); op(S) is m x k, op(B) is k x n. With tc the product is written transposed, C [n x m].
// Of a layer with input X:  Y = X W^T     gemm_sparse(kNo,  kYes, kNo,  B, out, in, X, in, W, in, Y, out)
//                           dW = dY^T X   gemm_sparse(kYes, kNo,  kYes, in, out, B, X, in, dY, out, dW, in)
void gemm_sparse(Trans ts, Trans tb, Trans tc, Index m, Index n, Index k, const float* s, Index lds, const float* b,
                 Index ldb, float* c, Index ldc, bool accumulate = false);

}  // namespace normlab::nn::kernels
