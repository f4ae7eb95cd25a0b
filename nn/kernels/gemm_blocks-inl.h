// gemm_blocks-inl.h - how gemm walks over its tiles: which block of which operand stays in which cache.
//
// Innermost to outermost: a panel of B [depth x kTileCols] stays in the first-level cache while the strips of a row
// block of A [kRowBlock x depth], which stays in the second-level cache, pass by; then the next panel; then the next
// row block; then the next block of k. Pieces of parallel work are groups of columns or row blocks: never a part of k.
// Included inside foreach_target, once per instruction set.
#if defined(NORMLAB_NN_KERNELS_GEMM_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_GEMM_BLOCKS_INL_H_
#undef NORMLAB_NN_KERNELS_GEMM_BLOCKS_INL_H_
#else
#define NORMLAB_NN_KERNELS_GEMM_BLOCKS_INL_H_
#endif

#include <algorithm>

#include "base/parallel.h"
#include "nn/kernels/gemm_pack-inl.h"
#include "nn/kernels/workspace.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

constexpr Index kDepth = 384;               // a panel of 16 columns is then 24 of the 32 KiB of a first-level cache
constexpr Index kRowBlock = 8 * kTileRows;  // rows of A that pass by one panel

// The left operand as tiles read it: rows in place, k contiguous, or packed strips.
struct Rows {
  const float* data;
  Index ld;
  Index k;
  bool packed;
};

// The right operand: panel j at data + j * panel_stride, its row p at + p * ld.
struct Columns {
  const float* data;
  Index panel_stride, ld;
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

// Rows [i0, i1) of m, k in [p0, p0 + depth), columns of panels [j0, j1) of n, where `b` starts at (p0, j0).
inline void Block(const Rows& a, Index i0, Index i1, Index m, Index p0, Index depth, const Columns& b, Index j0,
                  Index j1, Index n, const Output& out) {
  const bool add = out.accumulate || p0 > 0;
  for (Index j = j0; j < j1; ++j) {
    const Index cols = std::min(kTileCols, n - j * kTileCols);
    const float* panel = b.data + (j - j0) * b.panel_stride;
    for (Index i = i0; i < i1;) {
      const Index h = TileHeight(m - i);
      const TileOut tile = out.at(i, j * kTileCols, add);
      const auto at = static_cast<std::size_t>(h - 1);
      if (a.packed) {
        kTilesPacked[at](depth, a.data + i * a.k + p0 * h, 0, panel, b.ld, cols, tile);
      } else {
        kTilesDirect[at](depth, a.data + i * a.ld + p0, a.ld, panel, b.ld, cols, tile);
      }
      i += h;
    }
  }
}

// C = rows x columns where the columns are ready to be read: packed before, or a row-major B in place.
inline void MultiplyReady(const Rows& a, const Columns& b, Index m, Index n, Index group, Index max_depth,
                          const Output& out) {
  const DepthBlocks blocks(a.k, max_depth);
  parallel_ranges(Panels(n), group, [&](Index j0, Index j1) HWY_ATTR {
    for (Index p = 0; p < a.k; p = blocks.end(p)) {
      const Columns part{b.data + j0 * b.panel_stride + p * b.ld, b.panel_stride, b.ld};
      for (Index i = 0; i < m; i = RowBlockEnd(i, m)) {
        Block(a, i, RowBlockEnd(i, m), m, p, blocks.end(p) - p, part, j0, j1, n, out);
      }
    }
  });
}

// The same with every piece packing the columns it needs just before, so that they are still in the cache.
inline void MultiplyPacking(const Rows& a, const Operand& b, Index m, Index n, Index group, const Output& out) {
  const DepthBlocks blocks(a.k, kDepth);
  parallel_ranges(Panels(n), group, [&](Index j0, Index j1) HWY_ATTR {
    float* panels = ThreadWorkspace().piece.reserve(group * kTileCols * blocks.size);
    for (Index p = 0; p < a.k; p = blocks.end(p)) {
      const Index depth = blocks.end(p) - p, stride = depth * kTileCols;
      for (Index j = j0; j < j1; ++j) {
        PackPanel(b, p, depth, j * kTileCols, std::min(kTileCols, n - j * kTileCols), panels + (j - j0) * stride);
      }
      for (Index i = 0; i < m; i = RowBlockEnd(i, m)) {
        Block(a, i, RowBlockEnd(i, m), m, p, depth, {panels, stride, kTileCols}, j0, j1, n, out);
      }
    }
  });
}

// Few, packed columns and many rows in place: pieces are row blocks.
inline void MultiplyByRows(const Rows& a, const Columns& b, Index m, Index n, const Output& out) {
  const DepthBlocks blocks(a.k, kDepth);
  parallel_for(RowBlocks(m), [&](Index piece) HWY_ATTR {
    const Index i = piece * kRowBlock;
    for (Index p = 0; p < a.k; p = blocks.end(p)) {
      const Columns part{b.data + p * b.ld, b.panel_stride, b.ld};
      Block(a, i, RowBlockEnd(i, m), m, p, blocks.end(p) - p, part, 0, Panels(n), n, out);
    }
  });
}

// All of b [k x n] into panels.
inline void PackColumns(const Operand& b, Index k, Index n, float* panels) {
  parallel_for(Panels(n), [&](Index j) HWY_ATTR {
    PackPanel(b, 0, k, j * kTileCols, std::min(kTileCols, n - j * kTileCols), panels + j * k * kTileCols);
  });
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
