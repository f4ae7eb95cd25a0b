// gemm.cc - which way a product goes; chosen by shape alone. The ways are in gemm_blocks-inl.h, gemm_dot-inl.h and
// gemm_sweep-inl.h.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/gemm.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <cassert>

#include "nn/kernels/gemm.h"
#include "nn/kernels/gemm_blocks-inl.h"
#include "nn/kernels/gemm_dot-inl.h"
#include "nn/kernels/gemm_sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr Index kFewRows = kMostSweepRows;  // up to here B is read once and not packed
constexpr Index kSmallColumns = 1 << 17;    // floats: about a second-level cache, read once per tile of rows
constexpr Index kCopyPays = 3;              // panels of B: as many repay a copy of the rows of A

// Rows whole pages apart meet in one set of the first-level cache, which has room for eight or twelve lines: those of a
// high tile throw each other out. A copy with a gap between rows costs less where enough panels read it.
constexpr Index kPage = 4096 / sizeof(float);
bool RowsCollide(const Operand& a, Index m, Index n) {
  return kTileRows > 8 && a.ld % kPage == 0 && m >= kTileRows && n >= kCopyPays * kTileCols;
}

// A in the form tiles of n columns read: in place when k is contiguous, unless rows collide.
Rows ReadyRows(const Operand& a, Index m, Index n, Index k) {
  if (a.transposed) {
    float* strips = ThreadWorkspace().rows.reserve(m * k);
    PackRows(a, m, k, strips);
    return {strips, 0, k, true};
  }
  if (!RowsCollide(a, m, n)) {
    return {a.data, a.ld, k, false};
  }
  const Index ld = k + kLanes;
  float* rows = ThreadWorkspace().rows.reserve(m * ld);
  parallel_ranges(m, kTileRows, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      std::copy_n(a.at(i, 0), k, rows + i * ld);
    }
  });
  return {rows, ld, k, false};
}

// A B^T as the transpose of B A^T: the rows of B, the weights, are broadcast as they lie, and only A is packed.
void MultiplySwapped(const Operand& a, const Operand& b, Index m, Index n, Index k, const Output& out) {
  float* panels = ThreadWorkspace().columns.reserve(Panels(m) * kTileCols * k);
  PackColumns({a.data, a.ld, true}, k, m, panels);
  MultiplyTransposed({b.data, b.ld, k, false}, {panels, k * kTileCols, kTileCols}, n, m, out);
}

// A small B, packed as a whole; rows of C are written in order, because C is what costs when k is small.
void MultiplySmallColumns(const Operand& a, const Operand& b, Index m, Index n, Index k, const Output& out) {
  float* panels = ThreadWorkspace().columns.reserve(Panels(n) * kTileCols * k);
  PackColumns(b, k, n, panels);
  MultiplyByRows(ReadyRows(a, m, n, k), {panels, k * kTileCols, kTileCols}, m, n, out);
}

// Large operands. A long sum is made block by block of k, each over all of C: what is packed of A then stays in the
// cache while the columns of B pass by.
void MultiplyLarge(const Operand& a, const Operand& b, Index m, Index n, Index k, const Output& out) {
  const DepthBlocks blocks(k, kDepth);
  for (Index p = 0; p < k; p = blocks.end(p)) {
    MultiplyPacking(ReadyRows(a.from(0, p), m, n, blocks.end(p) - p), b.from(p, 0), m, n,
                    out.at(0, 0, out.accumulate || p > 0));
  }
}

void Gemm(const Operand& a, const Operand& b, Index m, Index n, Index k, const Output& out) {
  const bool both_along_k = !a.transposed && b.transposed;
  if (both_along_k && m <= kFewRows) {
    MultiplyDots({k, a.data, a.ld, b.data, b.ld, out.c, out.ldc, 1, out.accumulate}, m, n);
  } else if (both_along_k && n <= kFewRows) {
    MultiplyDots({k, b.data, b.ld, a.data, a.ld, out.c, 1, out.ldc, out.accumulate}, n, m);
  } else if (both_along_k && m <= n) {
    MultiplySwapped(a, b, m, n, k, out);
  } else if (m > kRowBlock && k * n <= kSmallColumns) {
    MultiplySmallColumns(a, b, m, n, k, out);
  } else if (!b.transposed && m <= kFewRows) {
    MultiplySweeping(a, b, m, n, k, out);
  } else {
    MultiplyLarge(a, b, m, n, k, out);
  }
}

void Pack(const Operand& b, Index k, Index n, AlignedBuffer& buffer) {
  PackColumns(b, k, n, buffer.reserve(Panels(n) * kTileCols * k));
}

void GemmPacked(const Operand& a, const float* panels, Index m, Index n, Index k, const Output& out, Order sweep) {
  constexpr Index kPiece = 1 << 18;  // multiply-adds: some microseconds
  const Index group = std::clamp(kPiece / (m * k * kTileCols), Index{1}, kGroup);
  MultiplyReady(ReadyRows(a, m, n, k), {panels, k * kTileCols, kTileCols}, m, n, group, kDepth, out, sweep);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(Gemm);
HWY_EXPORT(Pack);
HWY_EXPORT(GemmPacked);

namespace {

// A sum over nothing. True if there is nothing else to do.
bool Trivial(Index m, Index n, Index k, float* c, Index ldc, bool accumulate) {
  if (m == 0 || n == 0) {
    return true;
  }
  if (k > 0) {
    return false;
  }
  for (Index i = 0; !accumulate && i < m; ++i) {
    std::fill_n(c + i * ldc, n, 0.0f);
  }
  return true;
}

}  // namespace

void gemm(Trans ta, Trans tb, Index m, Index n, Index k, const float* a, Index lda, const float* b, Index ldb, float* c,
          Index ldc, bool accumulate) {
  assert(lda >= (ta == Trans::kYes ? m : k) && ldb >= (tb == Trans::kYes ? k : n) && ldc >= n);
  if (!Trivial(m, n, k, c, ldc, accumulate)) {
    HWY_DYNAMIC_DISPATCH(Gemm)
    ({a, lda, ta == Trans::kYes}, {b, ldb, tb == Trans::kYes}, m, n, k, {c, ldc, accumulate});
  }
}

void PackedMatrix::pack(Trans tb, Index k, Index n, const float* b, Index ldb) {
  assert(ldb >= (tb == Trans::kYes ? k : n));
  k_ = k;
  n_ = n;
  HWY_DYNAMIC_DISPATCH(Pack)({b, ldb, tb == Trans::kYes}, k, n, data_);
}

void gemm_packed(Trans ta, Index m, const float* a, Index lda, const PackedMatrix& b, float* c, Index ldc,
                 bool accumulate, Order sweep) {
  assert(lda >= (ta == Trans::kYes ? m : b.k()) && ldc >= b.n());
  if (!Trivial(m, b.n(), b.k(), c, ldc, accumulate)) {
    HWY_DYNAMIC_DISPATCH(GemmPacked)
    ({a, lda, ta == Trans::kYes}, b.data(), m, b.n(), b.k(), {c, ldc, accumulate}, sweep);
  }
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
