// gemm.h - matrix products by scalar type: float goes to the project's kernels, double to Eigen. For the ops' own use.
#pragma once

#include "nn/aligned_array.h"
#include "nn/kernels/gemm.h"
#include "nn/kernels/gemm_sparse.h"

namespace normlab::nn {

using kernels::gemm;
using kernels::gemm_sparse;
using kernels::mostly_zero;
using kernels::Trans;

// The same contract as kernels::gemm, in double on one thread; it serves gradient checks and may allocate.
void gemm(Trans ta, Trans tb, Index m, Index n, Index k, const double* a, Index lda, const double* b, Index ldb,
          double* c, Index ldc, bool accumulate = false);

// Zeros are multiplied like other numbers in double.
inline bool mostly_zero(Index, Index, const double*) { return false; }

}  // namespace normlab::nn
