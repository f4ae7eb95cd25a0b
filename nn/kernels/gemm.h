// gemm.h - single-precision matrix products, the floor under every layer.
//
// All matrices are row-major with a leading dimension, in floats: element (i, j) of `a` is a[i * lda + j]. A matrix of
// nn is F x B column-major, which is the same memory as B rows of F floats; so with PyTorch's weight layout W [out x
// in]
//   forward   Y  [B x out]  = X  [B x in]    W^T    gemm(kNo,  kYes, B, out, in, X, in, W, in, Y, out)
//   backward  dX [B x in]   = dY [B x out]   W      gemm(kNo,  kNo,  B, in, out, dY, out, W, in, dX, in)
//             dW [out x in] = dY^T           X      gemm(kYes, kNo,  out, in, B, dY, out, X, in, dW, in)
//
// Determinism: the output is cut into tiles by shape alone and every element is summed over k in one fixed order, so
// any number of threads (base/parallel.h) gives the same bits. Bits may differ between instruction sets (AVX2, AVX-512,
// NEON), because the width of a vector and fused multiply-add decide the rounding; the instruction set is chosen at run
// time.
//
// Threads: every function may be called from any thread. Scratch memory is per thread, grows to the largest shape seen
// and is then reused: no heap allocation in steady state. Nothing is checked but by assert; shapes are the caller's
// contract. Operands must not overlap the output. A sum over k = 0 is zero.
#pragma once

#include "base/parallel.h"
#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

enum class Trans { kNo, kYes };

// C [m x n] = op(A) op(B), or C += op(A) op(B) with `accumulate`; op(A) is m x k, op(B) is k x n.
// Sums of few rows (m of 1 to 8, mini-batches) read B once and do not pack it.
void gemm(Trans ta, Trans tb, Index m, Index n, Index k, const float* a, Index lda, const float* b, Index ldb, float* c,
          Index ldc, bool accumulate = false);

// op(B) [k x n] of a product in the layout the inner loop reads, for a B that is used many times before it changes: the
// recurrent weights of one optimizer step. Owns its memory and keeps it while the size does not grow. Not shared
// between threads while pack() runs. Packed for the instruction set of this process: never stored or sent.
class PackedMatrix {
 public:
  void pack(Trans tb, Index k, Index n, const float* b, Index ldb);

  Index k() const { return k_; }
  Index n() const { return n_; }
  const float* data() const { return data_.data(); }

 private:
  Index k_ = 0, n_ = 0;
  AlignedBuffer data_;
};

// C [m x n] = op(A) B, or C += op(A) B with `accumulate`; gives the same bits whatever m is, row for row. `sweep` says which columns
// of B come first, for the same bits: a B that is larger than the cache and multiplied again and again is best swept to
// and fro, for then a sweep begins with what the last one left in the cache.
void gemm_packed(Trans ta, Index m, const float* a, Index lda, const PackedMatrix& b, float* c, Index ldc,
                 bool accumulate = false, Order sweep = Order::kForward);

}  // namespace normlab::nn::kernels
