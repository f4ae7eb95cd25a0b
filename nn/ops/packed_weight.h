// packed_weight.h - the right operand of products that are repeated before it changes, by scalar type: float is packed
// once for the vector kernels, double only remembers where it lies. For layers that apply one weight at many time
// steps.
//
// Not thread-safe. Allocates when it grows, only.
#pragma once

#include <algorithm>

#include "nn/ops/gemm.h"

namespace normlab::nn {

template <typename T>
class PackedWeight;

template <>
class PackedWeight<float> {
 public:
  // op(B) is k x n, rows ldb apart in memory. The values are copied.
  void pack(Trans tb, Index k, Index n, const float* b, Index ldb) { packed_.pack(tb, k, n, b, ldb); }

  // C [m x n] = A op(B), or C += A op(B); A is m x k, row-major, rows side by side, and so is C.
  void multiply(Index m, const float* a, float* c, bool accumulate) {
    const Index k = packed_.k(), n = packed_.n();
    for (Index row = 0; row < m; row += kRows) {
      sweep_ = sweep_ == Order::kForward ? Order::kBackward : Order::kForward;
      kernels::gemm_packed(Trans::kNo, std::min(kRows, m - row), a + row * k, k, packed_, c + row * n, n, accumulate,
                           sweep_);
    }
  }
  // The same for some rows, by one of several threads that each take a part.
  void multiply_part(Index m, const float* a, float* c, bool accumulate) const {
    kernels::gemm_packed(Trans::kNo, m, a, packed_.k(), packed_, c, packed_.n(), accumulate);
  }

 private:
  // A whole sequence has thousands of rows, which a product reads again for every group of columns: blocks that stay in
  // the second-level cache are 10 to 20 % faster at 5600 x 460 x 1600, and give the same bits.
  static constexpr Index kRows = 128;

  kernels::PackedMatrix packed_;
  Order sweep_ = Order::kForward;  // of the last product: the next begins where it ended
};

template <>
class PackedWeight<double> {
 public:
  // Borrows b until the next pack().
  void pack(Trans tb, Index k, Index n, const double* b, Index ldb) {
    tb_ = tb;
    k_ = k;
    n_ = n;
    b_ = b;
    ldb_ = ldb;
  }

  void multiply(Index m, const double* a, double* c, bool accumulate) { multiply_part(m, a, c, accumulate); }
  void multiply_part(Index m, const double* a, double* c, bool accumulate) const {
    gemm(Trans::kNo, tb_, m, n_, k_, a, k_, b_, ldb_, c, n_, accumulate);
  }

 private:
  Trans tb_ = Trans::kNo;
  Index k_ = 0, n_ = 0, ldb_ = 0;
  const double* b_ = nullptr;
};

}  // namespace normlab::nn
