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

#include <cstring>

#include "nn/kernels/gemm_operands.h"
#include "nn/kernels/gemm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

HWY_INLINE constexpr Index Panels(Index n) { return (n + kTileCols - 1) / kTileCols; }

// Columns [j, j + cols) and rows [p, p + k) of b into one panel.
HWY_INLINE void PackPanel(const Operand& b, Index p, Index k, Index j, Index cols, float* HWY_RESTRICT panel) {
  if (cols < kTileCols) {
    std::memset(panel, 0, static_cast<std::size_t>(k * kTileCols) * sizeof(float));
  }
  if (b.transposed) {
    Transpose(b.at(p, j), b.ld, cols, k, panel, kTileCols);
    return;
  }
  const Full d;
  for (Index q = 0; q < k; ++q) {
    const float* row = b.at(p + q, j);
    if (cols == kTileCols) {
      hn::Store(hn::LoadU(d, row), d, panel + q * kTileCols);
      hn::Store(hn::LoadU(d, row + kLanes), d, panel + q * kTileCols + kLanes);
    } else {
      std::memcpy(panel + q * kTileCols, row, static_cast<std::size_t>(cols) * sizeof(float));
    }
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
