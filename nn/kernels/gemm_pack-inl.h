// gemm_pack-inl.h - copies of the operands of gemm in the order the tiles read them.
//
// Panels hold B: kTileCols columns of k rows, element (p, j) at p * kTileCols + j; the last panel is filled with zeros.
// Strips hold A: h rows as TileHeight cuts them, element (i, p) at p * h + i; the strip of row i0 starts at i0 * k.
// Included inside foreach_target, once per instruction set.
#if defined(NORMLAB_NN_KERNELS_GEMM_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_GEMM_PACK_INL_H_
#undef NORMLAB_NN_KERNELS_GEMM_PACK_INL_H_
#else
#define NORMLAB_NN_KERNELS_GEMM_PACK_INL_H_
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <cstring>

#include "nn/kernels/gemm_operands.h"
#include "nn/kernels/gemm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

HWY_INLINE constexpr Index Panels(Index n) { return (n + kTileCols - 1) / kTileCols; }

// Rows of B ahead of the one being copied that are asked for: their pages follow no pattern the processor foresees.
constexpr Index kPackAhead = 12;

// `count` whole panels of a B whose rows lie in memory, row by row so that every row is touched once.
HWY_INLINE void PackWholePanels(const float* b, Index ld, Index k, Index count, float* HWY_RESTRICT panels) {
  const Full d;
  for (Index p = 0; p < k; ++p) {
    const float* row = b + p * ld;
    const float* ahead = b + std::min(p + kPackAhead, k - 1) * ld;
    for (Index j = 0; j < count; ++j) {
      hwy::Prefetch(ahead + j * kTileCols);
      float* to = panels + (j * k + p) * kTileCols;
      hn::Store(hn::LoadU(d, row + j * kTileCols), d, to);
      hn::Store(hn::LoadU(d, row + j * kTileCols + kLanes), d, to + kLanes);
    }
  }
}

// Columns [j * kTileCols, j + cols) and rows [p, p + k) of b into one panel.
HWY_INLINE void PackPanel(const Operand& b, Index p, Index k, Index j, Index cols, float* HWY_RESTRICT panel) {
  if (cols < kTileCols) {
    std::fill_n(panel, k * kTileCols, 0.0f);
  }
  if (b.transposed) {
    Transpose(b.at(p, j), b.ld, cols, k, panel, kTileCols);
    return;
  }
  for (Index q = 0; q < k; ++q) {
    std::memcpy(panel + q * kTileCols, b.at(p + q, j), static_cast<std::size_t>(cols) * sizeof(float));
  }
}

// Panels [j0, j1) of n columns, rows [p, p + k) of b, one after the other.
HWY_INLINE void PackPanels(const Operand& b, Index p, Index k, Index n, Index j0, Index j1,
                           float* HWY_RESTRICT panels) {
  Index j = j0;
  if (!b.transposed) {
    j = std::min(j1, n / kTileCols);
    PackWholePanels(b.at(p, j0 * kTileCols), b.ld, k, j - j0, panels);
  }
  for (; j < j1; ++j) {
    const Index cols = std::min(kTileCols, n - j * kTileCols);
    PackPanel(b, p, k, j * kTileCols, cols, panels + (j - j0) * k * kTileCols);
  }
}

// Rows [i, i + h) of a, all of k, into one strip.
HWY_INLINE void PackStrip(const Operand& a, Index i, Index h, Index k, float* HWY_RESTRICT strip) {
  if (!a.transposed) {
    Transpose(a.at(i, 0), a.ld, h, k, strip, h);
  } else if (h == kTileRows) {
    for (Index p = 0; p < k; ++p) {
      std::memcpy(strip + p * kTileRows, a.at(i, p), kTileRows * sizeof(float));
    }
  } else {
    for (Index p = 0; p < k; ++p) {
      std::memcpy(strip + p * h, a.at(i, p), static_cast<std::size_t>(h) * sizeof(float));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_GEMM_PACK_INL_H_
