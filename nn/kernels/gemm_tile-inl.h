// gemm_tile-inl.h - the inner loop of gemm: a tile of C that lives in registers while k runs by.
//
// A tile is kTileRows x kTileCols: as many rows as leave registers for two vectors of B and a broadcast of A, and two
// vectors wide. Two vectors need few loads per multiply-add (6 + 2 for 12), and let a batch of 128, the usual width
// when operands are swapped, be a whole number of tiles at every vector length. Included inside foreach_target, once
// per instruction set.
#if defined(NORMLAB_NN_KERNELS_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_GEMM_TILE_INL_H_
#undef NORMLAB_NN_KERNELS_GEMM_TILE_INL_H_
#else
#define NORMLAB_NN_KERNELS_GEMM_TILE_INL_H_
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <array>
#include <utility>

#include "nn/kernels/gemm_operands.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

constexpr Index kLanes = static_cast<Index>(hn::MaxLanes(Full()));
constexpr Index kTileCols = 2 * kLanes;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr Index kTileRows = 12;  // 32 vector registers
#else
constexpr Index kTileRows = 6;  // 16 vector registers
#endif

// Rows of the tile that starts where `left` rows remain. The last two tiles share what is left evenly: a tile of one or
// two rows has too few independent sums to hide the latency of a multiply-add.
HWY_INLINE constexpr Index TileHeight(Index left) {
  return left >= 2 * kTileRows ? kTileRows : left > kTileRows ? (left + 1) / 2 : left;
}

// dst[c * dst_stride + r] = or += src[r * src_stride + c] for 4 x 4 floats.
HWY_INLINE void Transpose4x4(const float* src, Index src_stride, float* dst, Index dst_stride, bool add) {
#if HWY_TARGET == HWY_SCALAR
  for (Index r = 0; r < 4; ++r) {
    for (Index c = 0; c < 4; ++c) {
      StoreOrAdd(Full(), hn::Set(Full(), src[r * src_stride + c]), dst, c * dst_stride + r, add);
    }
  }
#else
  const hn::CappedTag<float, 4> d;
  const auto r0 = hn::LoadU(d, src), r1 = hn::LoadU(d, src + src_stride);
  const auto r2 = hn::LoadU(d, src + 2 * src_stride), r3 = hn::LoadU(d, src + 3 * src_stride);
  const auto low01 = hn::InterleaveLower(d, r0, r1), low23 = hn::InterleaveLower(d, r2, r3);
  const auto high01 = hn::InterleaveUpper(d, r0, r1), high23 = hn::InterleaveUpper(d, r2, r3);
  StoreOrAdd(d, hn::ConcatLowerLower(d, low23, low01), dst, 0, add);
  StoreOrAdd(d, hn::ConcatUpperUpper(d, low23, low01), dst, dst_stride, add);
  StoreOrAdd(d, hn::ConcatLowerLower(d, high23, high01), dst, 2 * dst_stride, add);
  StoreOrAdd(d, hn::ConcatUpperUpper(d, high23, high01), dst, 3 * dst_stride, add);
#endif
}

// dst[c * dst_stride + r] = or += src[r * src_stride + c] for rows x cols floats.
HWY_INLINE void Transpose(const float* src, Index src_stride, Index rows, Index cols, float* dst, Index dst_stride,
                          bool add = false) {
  const Index rows4 = rows / 4 * 4, cols4 = cols / 4 * 4;
  for (Index r = 0; r < rows4; r += 4) {
    for (Index c = 0; c < cols4; c += 4) {
      Transpose4x4(src + r * src_stride + c, src_stride, dst + c * dst_stride + r, dst_stride, add);
    }
  }
  for (Index r = 0; r < rows; ++r) {
    for (Index c = r < rows4 ? cols4 : 0; c < cols; ++c) {
      float& to = dst[c * dst_stride + r];
      to = add ? to + src[r * src_stride + c] : src[r * src_stride + c];
    }
  }
}

// Columns of C at the right edge that are no whole vectors take the way over memory.
template <Index kRows>
HWY_NOINLINE void StoreNarrowTile(const float* tile, Index cols, const Output& out) {
  for (Index i = 0; i < kRows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      float& c = out.c[i * out.ldc + j];
      c = out.accumulate ? c + tile[i * kTileCols + j] : tile[i * kTileCols + j];
    }
  }
}

// Rows ahead of the one being multiplied for which a panel of B asks: the processor's own prefetching ends with a page,
// which 32 rows fill (AVX-512).
constexpr Index kAhead = 16;

template <Index kRows, Index kVectors>
using Sums = hn::Vec<Full>[kRows][kVectors];

template <Index kRows, Index kVectors>
HWY_INLINE void ClearTile(Sums<kRows, kVectors>& sum, const Output& out) {
#pragma GCC unroll 12
  for (Index i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (Index v = 0; v < kVectors; ++v) {
      sum[i][v] = hn::Zero(Full());
      // C is written when the sums are done, and asked for now: its rows lie far apart, which no processor foresees.
      hwy::Prefetch(out.c + i * out.ldc + v * kLanes);
    }
  }
}

// sum += A [kRows x k] B [k x kVectors vectors]. Row i of A at step p is a[i * lda + p], or a[p * lda + i] with kAcross; B
// at step p starts at b + p * ldb.
template <Index kRows, Index kVectors, bool kAcross>
HWY_INLINE void AddSteps(Index k, const float* HWY_RESTRICT a, Index lda, const float* HWY_RESTRICT b, Index ldb,
                         Sums<kRows, kVectors>& sum) {
  const Full d;
  hn::Vec<Full> row[kVectors];
  // Two pointers and the strides between six rows address a whole tile: a pointer for every row would not fit the
  // registers, and fetching one back costs a slot of the multiply-adds.
  const float* a6 = a + (kRows > 6 ? 6 * lda : 0);
  for (Index p = 0; p < k; ++p, b += ldb, a += kAcross ? lda : 1, ++a6) {
#pragma GCC unroll 2
    for (Index v = 0; v < kVectors; ++v) {
      hwy::Prefetch(b + kAhead * ldb + v * kLanes);
      row[v] = hn::LoadU(d, b + v * kLanes);
    }
#pragma GCC unroll 12
    for (Index i = 0; i < kRows; ++i) {
      const auto ai = hn::Set(d, kAcross ? a[i] : i < 6 ? a[i * lda] : a6[(i - 6) * lda]);
#pragma GCC unroll 2
      for (Index v = 0; v < kVectors; ++v) {
        sum[i][v] = hn::MulAdd(ai, row[v], sum[i][v]);
      }
    }
  }
}

template <Index kRows, Index kVectors>
HWY_INLINE void StoreTile(const Sums<kRows, kVectors>& sum, Index cols, const Output& out) {
  const Full d;
  if (cols == kVectors * kLanes) {
#pragma GCC unroll 12
    for (Index i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
      for (Index v = 0; v < kVectors; ++v) {
        StoreOrAdd(d, sum[i][v], out.c, i * out.ldc + v * kLanes, out.accumulate);
      }
    }
    return;
  }
  HWY_ALIGN float tile[kRows * kTileCols];
#pragma GCC unroll 12
  for (Index i = 0; i < kRows; ++i) {
#pragma GCC unroll 2
    for (Index v = 0; v < kVectors; ++v) {
      hn::Store(sum[i][v], d, tile + i * kTileCols + v * kLanes);
    }
  }
  StoreNarrowTile<kRows>(tile, cols, out);
}

// C tile [kRows x cols] = or += A [kRows x k] B [k x cols], cols at most kVectors whole ones. Row i of A at step p is
// a[i * lda + p], or a[p * kRows + i] when packed; B at step p starts at b + p * ldb and may be read kVectors wide also
// when cols is less.
template <Index kRows, Index kVectors, bool kPackedA>
HWY_INLINE void Tile(Index k, const float* HWY_RESTRICT a, Index lda, const float* HWY_RESTRICT b, Index ldb,
                     Index cols, const Output& out) {
  Sums<kRows, kVectors> sum;
  ClearTile<kRows, kVectors>(sum, out);
  AddSteps<kRows, kVectors, kPackedA>(k, a, kPackedA ? kRows : lda, b, ldb, sum);
  StoreTile<kRows, kVectors>(sum, cols, out);
}

// The tiles of one strip of A side by side, over the first n columns of b; one call, because a tile of few steps takes
// no longer than calling it.
template <Index kRows, bool kPackedA>
void TileRow(Index k, const float* a, Index lda, const Columns& b, Index n, const Output& out) {
  for (Index j = 0; j < n; j += kTileCols) {
    const float* panel = b.data + j / kTileCols * b.panel_stride;
    const Output tile = out.at(0, j, out.accumulate);
    if (n - j <= kLanes) {
      Tile<kRows, 1, kPackedA>(k, a, lda, panel, b.ld, n - j, tile);
    } else {
      Tile<kRows, 2, kPackedA>(k, a, lda, panel, b.ld, std::min(kTileCols, n - j), tile);
    }
  }
}

using TileRowFunction = void (*)(Index, const float*, Index, const Columns&, Index, const Output&);

// For every height, [height - 1].
template <bool kPackedA, std::size_t... kI>
constexpr std::array<TileRowFunction, sizeof...(kI)> TileRowsOf(std::index_sequence<kI...>) {
  return {&TileRow<static_cast<Index>(kI) + 1, kPackedA>...};
}
constexpr auto kTileRowsDirect = TileRowsOf<false>(std::make_index_sequence<kTileRows>());
constexpr auto kTileRowsPacked = TileRowsOf<true>(std::make_index_sequence<kTileRows>());

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_GEMM_TILE_INL_H_
