#include "nn/ops/gemm.h"

#include <Eigen/Core>

namespace normlab::nn {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Stride = Eigen::OuterStride<>;

// op(x), which is rows x cols.
Matrix operand(Trans trans, Index rows, Index cols, const double* x, Index ld) {
  if (trans == Trans::kYes) {
    return Eigen::Map<const Matrix, 0, Stride>(x, cols, rows, Stride(ld)).transpose();
  }
  return Eigen::Map<const Matrix, 0, Stride>(x, rows, cols, Stride(ld));
}

}  // namespace

void gemm(Trans ta, Trans tb, Index m, Index n, Index k, const double* a, Index lda, const double* b, Index ldb,
          double* c, Index ldc, bool accumulate) {
  Eigen::Map<Matrix, 0, Stride> result(c, m, n, Stride(ldc));
  const Matrix product = operand(ta, m, k, a, lda) * operand(tb, k, n, b, ldb);
  if (accumulate) {
    result += product;
  } else {
    result = product;
  }
}

}  // namespace normlab::nn
