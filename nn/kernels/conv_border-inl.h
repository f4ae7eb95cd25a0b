// conv_border-inl.h - images with a border around them, and the way back. Included inside foreach_target, once per
// instruction set.
#if defined(NORMLAB_NN_KERNELS_CONV_BORDER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NORMLAB_NN_KERNELS_CONV_BORDER_INL_H_
#undef NORMLAB_NN_KERNELS_CONV_BORDER_INL_H_
#else
#define NORMLAB_NN_KERNELS_CONV_BORDER_INL_H_
#endif

#include <algorithm>

#include "nn/kernels/conv.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {

// One image, `channels` contiguous values per pixel.
struct Plane {
  Index height, width, channels;

  Index row() const { return width * channels; }
  Index values() const { return height * row(); }
  Plane padded(Index rows, Index columns) const { return {height + 2 * rows, width + 2 * columns, channels}; }
};

// Rows [begin, end), none if they are the other way round.
struct RowRange {
  Index begin, end;

  Index count() const { return std::max<Index>(end - begin, 0); }
  RowRange within(const RowRange& other) const { return {std::max(begin, other.begin), std::min(end, other.end)}; }
};

// Of an image with a border: those that are not zeros throughout.
inline RowRange RowsOfValues(const Plane& plane, Padding mode, Index border) {
  return mode == Padding::kZero ? RowRange{border, border + plane.height} : RowRange{0, plane.height + 2 * border};
}

// `count` pixels of padding left or right, starting at column x of an image row.
inline void PadColumns(const float* row, const Plane& plane, Padding mode, Index x, Index count, float* out) {
  for (Index i = 0; i < count; ++i, out += plane.channels) {
    const Index from = unpadded(mode, x + i, plane.width);
    if (from < 0) {
      std::fill_n(out, plane.channels, 0.0f);
    } else {
      std::copy_n(row + from * plane.channels, plane.channels, out);
    }
  }
}

// The image with a border of so many rows and columns on every side: in `scratch`, or where it is if there is none.
inline const float* Padded(const float* image, const Plane& plane, Padding mode, Index rows, Index columns,
                           float* scratch) {
  if (rows == 0 && columns == 0) {
    return image;
  }
  float* out = scratch;
  const Index border = columns * plane.channels;
  for (Index y = -rows; y < plane.height + rows; ++y, out += plane.row() + 2 * border) {
    const Index from = unpadded(mode, y, plane.height);
    if (from < 0) {
      std::fill_n(out, plane.row() + 2 * border, 0.0f);
      continue;
    }
    const float* row = image + from * plane.row();
    PadColumns(row, plane, mode, -columns, columns, out);
    std::copy_n(row, plane.row(), out + border);
    PadColumns(row, plane, mode, plane.width, columns, out + border + plane.row());
  }
  return scratch;
}

inline void Add(Index n, const float* x, float* y) {
  ForRange(0, n, [&](auto d, Index i) HWY_ATTR { StoreOrAdd(d, hn::LoadU(d, x + i), y, i, true); });
}

// The adjoint of Padded: every pixel of `padded` is added to the one of the image that it is a copy of.
inline void AddUnpadded(const float* padded, const Plane& plane, Padding mode, Index padding, float* image) {
  const Index channels = plane.channels;
  for (Index y = -padding; y < plane.height + padding; ++y) {
    float* row = image + unpadded(mode, y, plane.height) * plane.row();
    for (Index x = -padding; x < plane.width + padding; ++x, padded += channels) {
      Add(channels, padded, row + unpadded(mode, x, plane.width) * channels);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#endif  // NORMLAB_NN_KERNELS_CONV_BORDER_INL_H_
