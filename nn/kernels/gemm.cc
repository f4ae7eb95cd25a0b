#include "nn/kernels/gemm.h"

#include <Eigen/Core>

namespace normlab::nn::kernels {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<const RowMajor, 0, Eigen::OuterStride<>>;

}  // namespace

void gemm(Trans ta, Trans tb, Index m, Index n, Index k, const float* a, Index lda, const float* b, Index ldb, float* c,
          Index ldc, bool accumulate) {
  const bool at = ta == Trans::kYes, bt = tb == Trans::kYes;
  const View av(a, at ? k : m, at ? m : k, Eigen::OuterStride<>(lda));
  const View bv(b, bt ? n : k, bt ? k : n, Eigen::OuterStride<>(ldb));
  Eigen::Map<RowMajor, 0, Eigen::OuterStride<>> cv(c, m, n, Eigen::OuterStride<>(ldc));
  if (!accumulate) {
    cv.setZero();
  }
  if (at && bt) {
    cv.noalias() += av.transpose() * bv.transpose();
  } else if (at) {
    cv.noalias() += av.transpose() * bv;
  } else if (bt) {
    cv.noalias() += av * bv.transpose();
  } else {
    cv.noalias() += av * bv;
  }
}

void PackedMatrix::pack(Trans tb, Index k, Index n, const float* b, Index ldb) {
  k_ = k;
  n_ = n;
  float* out = data_.reserve(k * n);
  for (Index p = 0; p < k; ++p) {
    for (Index j = 0; j < n; ++j) {
      out[p * n + j] = tb == Trans::kYes ? b[j * ldb + p] : b[p * ldb + j];
    }
  }
}

void gemm_packed(Trans ta, Index m, const float* a, Index lda, const PackedMatrix& b, float* c, Index ldc,
                 bool accumulate) {
  gemm(ta, Trans::kNo, m, b.n(), b.k(), a, lda, b.data(), b.n(), c, ldc, accumulate);
}

}  // namespace normlab::nn::kernels
