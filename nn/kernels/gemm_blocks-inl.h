// gemm_blocks-inl.h - how gemm walks over its tiles: which block of which operand stays in which cache.
//
// Innermost to outermost: the strips of a row block of A [kRowBlock x depth] pass by one panel of B [depth x
// kTileCols]; both stay in the second-level cache; then the next panel, the next row block, the next block of k. Pieces
// of parallel work are groups of panels or row blocks: never a part of k. Included inside foreach_target, once per
// instruction set.
#if defined(NORMLAB_NN_KERNELS_GEMM_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_GEMM_BLOCKS_INL_H_
#undef NORMLAB_NN_KERNELS_GEMM_BLOCKS_INL_H_
#else
#define NORMLAB_NN_KERNELS_GEMM_BLOCKS_INL_H_
#endif

#include <algorithm>

#include "base/parallel.h"
#include "nn/kernels/gemm.h"
#include "nn/kernels/gemm_pack-inl.h"
#include "nn/kernels/workspace.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

// k is cut into blocks of at most this: a panel of 16 columns is then 64 KiB and streams from the second-level cache,
// which costs less than reading and writing C once more.
constexpr Index kDepth = 1024;
constexpr Index kGroup = 4;  // panels per piece at most: runs of 256 bytes of B and C
// Rows of A that pass by one panel: 384 or 192 KiB at full depth, for second-level caches of a megabyte, as beside AVX-512, and
// of half of one.
constexpr Index kRowBlock = kTileRows > 6 ? 96 : 48;
static_assert(kRowBlock % kTileRows == 0);

// The left operand as tiles read it: rows in place, k contiguous, or packed strips.
struct Rows {
  const float* data;
  Index ld;
  Index k;
  bool packed;
};

// Blocks of k of nearly equal depth.
struct DepthBlocks {
  DepthBlocks(Index k, Index depth) : k(k), size((k + (k + depth - 1) / depth - 1) / ((k + depth - 1) / depth)) {}
  Index end(Index begin) const { return std::min(begin + size, k); }
  Index k, size;
};

// Row blocks start at multiples of kRowBlock; the last one takes in a rest shorter than a tile, because the height of
// the last two tiles is decided together.
HWY_INLINE Index RowBlocks(Index m) { return m < kTileRows ? 1 : (m - kTileRows) / kRowBlock + 1; }
HWY_INLINE Index RowBlockEnd(Index begin, Index m) {
  return m - (begin + kRowBlock) < kTileRows ? m : begin + kRowBlock;
}

// A part of the product: k in [p, p + depth), where the columns given start, of m rows and n columns.
struct Part {
  Index p, depth, m, n;
};

// Rows [i0, i1) and panels [j0, j1), where `b` starts at panel j0, in runs of `run` panels: every run over all rows
// before the next. A run of one keeps the panel in the cache; all panels in one run write C in order. `out` is where
// the block goes.
inline void Block(const Rows& a, Index i0, Index i1, const Columns& b, Index j0, Index j1, Index run, const Part& part,
                  const Output& out) {
  for (Index j = j0; j < j1; j += run) {
    const Columns columns{b.data + (j - j0) * b.panel_stride, b.panel_stride, b.ld};
    const Index n = std::min(std::min(j + run, j1) * kTileCols, part.n) - j * kTileCols;
    for (Index i = i0, h = 0; i < i1; i += h) {
      h = TileHeight(part.m - i);
      const auto at = static_cast<std::size_t>(h - 1);
      const Output tiles = out.at(i - i0, (j - j0) * kTileCols, out.accumulate);
      if (a.packed) {
        kTileRowsPacked[at](part.depth, a.data + i * a.k + part.p * h, 0, columns, n, tiles);
      } else {
        kTileRowsDirect[at](part.depth, a.data + i * a.ld + part.p, a.ld, columns, n, tiles);
      }
    }
  }
}

// C = rows x columns where the columns are ready to be read: packed before, or a row-major B in place. All columns pass by one
// block of k before the next, so that few rows stay in the second-level cache meanwhile.
inline void MultiplyReady(const Rows& a, const Columns& b, Index m, Index n, Index group, Index max_depth,
                          const Output& out, Order sweep = Order::kForward) {
  const DepthBlocks blocks(a.k, max_depth);
  for (Index p = 0; p < a.k; p = blocks.end(p)) {
    const auto multiply = [&](Index piece) HWY_ATTR {
      const Index j0 = piece * group, j1 = std::min(j0 + group, Panels(n));
      const Columns part{b.data + j0 * b.panel_stride + p * b.ld, b.panel_stride, b.ld};
      for (Index i = 0; i < m; i = RowBlockEnd(i, m)) {
        Block(a, i, RowBlockEnd(i, m), part, j0, j1, 1, {p, blocks.end(p) - p, m, n},
              out.at(i, j0 * kTileCols, out.accumulate || p > 0));
      }
    };
    parallel_for((Panels(n) + group - 1) / group, multiply, sweep);
  }
}

// The same with every piece packing the columns it needs just before, so that they are still in the cache.
inline void MultiplyPacking(const Rows& a, const Operand& b, Index m, Index n, const Output& out) {
  const Index stride = a.k * kTileCols;
  float* const scratch = ThreadWorkspace().pieces.reserve(Threads() * kGroup * stride);
  parallel_ranges(Panels(n), kGroup, [&](Index j0, Index j1, int thread) HWY_ATTR {
    float* panels = scratch + thread * kGroup * stride;
    PackPanels(b, 0, a.k, n, j0, j1, panels);
    for (Index i = 0; i < m; i = RowBlockEnd(i, m)) {
      Block(a, i, RowBlockEnd(i, m), {panels, stride, kTileCols}, j0, j1, 1, {0, a.k, m, n},
            out.at(i, j0 * kTileCols, out.accumulate));
    }
  });
}

// Packed columns that stay in the second-level cache: pieces are row blocks, C is written in order.
inline void MultiplyByRows(const Rows& a, const Columns& b, Index m, Index n, const Output& out) {
  const DepthBlocks blocks(a.k, kDepth);
  parallel_for(RowBlocks(m), [&](Index piece) HWY_ATTR {
    const Index i = piece * kRowBlock;
    for (Index p = 0; p < a.k; p = blocks.end(p)) {
      const Columns columns{b.data + p * b.ld, b.panel_stride, b.ld};
      Block(a, i, RowBlockEnd(i, m), columns, 0, Panels(n), Panels(n), {p, blocks.end(p) - p, m, n},
            out.at(i, 0, out.accumulate || p > 0));
    }
  });
}

// The product is written transposed, C [n x m]: by way of a buffer of one panel, because 24 bytes here and there, in
// rows whose addresses often differ by a power of two, would throw each other out of the cache.
inline void MultiplyTransposed(const Rows& a, const Columns& b, Index m, Index n, const Output& out) {
  const DepthBlocks blocks(a.k, kDepth);
  parallel_for(RowBlocks(m), [&](Index piece) HWY_ATTR {
    HWY_ALIGN float buffer[(kRowBlock + kTileRows) * kTileCols];
    const Index i = piece * kRowBlock, end = RowBlockEnd(i, m);
    for (Index p = 0; p < a.k; p = blocks.end(p)) {
      const Part part{p, blocks.end(p) - p, m, Panels(n) * kTileCols};
      for (Index j = 0; j < Panels(n); ++j) {
        const Columns panel{b.data + j * b.panel_stride + p * b.ld, b.panel_stride, b.ld};
        Block(a, i, end, panel, j, j + 1, 1, part, {buffer, kTileCols, false});
        Transpose(buffer, kTileCols, end - i, std::min(kTileCols, n - j * kTileCols),
                  out.c + j * kTileCols * out.ldc + i, out.ldc, out.accumulate || p > 0);
      }
    }
  });
}

// All of b [k x n] into panels.
inline void PackColumns(const Operand& b, Index k, Index n, float* panels) {
  parallel_ranges(Panels(n), kGroup,
                  [&](Index j0, Index j1) HWY_ATTR { PackPanels(b, 0, k, n, j0, j1, panels + j0 * k * kTileCols); });
}

// All of a [m x k] into strips.
inline void PackRows(const Operand& a, Index m, Index k, float* strips) {
  parallel_for(RowBlocks(m), [&](Index piece) HWY_ATTR {
    const Index begin = piece * kRowBlock, end = RowBlockEnd(begin, m);
    for (Index i = begin; i < end;) {
      const Index h = TileHeight(m - i);
      PackStrip(a, i, h, k, strips + i * k);
      i += h;
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_GEMM_BLOCKS_INL_H_
