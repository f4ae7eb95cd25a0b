// conv.cc - convolutions as products whose left operand is read in place, tap row by tap row. With an image padded,
// patches of neighbouring outputs start stride pixels apart:
//   y         rows are outputs, k runs over the taps of a patch, columns are the weights, packed.
//   dx        the same with dy for x and the taps the other way round. With a stride, every stride-th row and column of dx
//             sees the same taps, so each of these phases is a convolution of its own, without a stride.
//   dw        transposed: rows are the values of a tap row, k runs over outputs, columns are dy in place.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/conv.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>
#include <array>
#include <utility>

#include "base/parallel.h"
#include "nn/kernels/conv.h"
#include "nn/kernels/conv_border-inl.h"
#include "nn/kernels/gemm_blocks-inl.h"
#include "nn/kernels/workspace.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr Index kGroups = 8;          // of images at most, whose weight gradients are summed apart
constexpr Index kChunkOutputs = 128;  // so many columns of a panel stay in the first-level cache

// --- Tiles ---

// A sum over k = segments x depth. In a segment A and B are those of AddSteps, with strides lda and ldb; the next one
// begins a_segment and b_segment further on.
struct Walk {
  Index segments, depth;
  Index a_stride, a_segment;
  Index b_stride, b_segment;
};

template <Index kRows, Index kVectors, bool kAcross>
void TileOf(const Walk& walk, const float* a, const float* b, Index cols, const Output& out) {
  Sums<kRows, kVectors> sum;
  ClearTile<kRows, kVectors>(sum, out);
  for (Index i = 0; i < walk.segments; ++i) {
    AddSteps<kRows, kVectors, kAcross>(walk.depth, a + i * walk.a_segment, walk.a_stride, b + i * walk.b_segment,
                                       walk.b_stride, sum);
  }
  StoreTile<kRows, kVectors>(sum, cols, out);
}

using TileFunction = void (*)(const Walk&, const float*, const float*, Index, const Output&);

// For every height and width, [height - 1][vectors - 1].
template <bool kAcross, std::size_t... kI>
constexpr std::array<std::array<TileFunction, 2>, sizeof...(kI)> TilesOf(std::index_sequence<kI...>) {
  return {{{&TileOf<static_cast<Index>(kI) + 1, 1, kAcross>, &TileOf<static_cast<Index>(kI) + 1, 2, kAcross>}...}};
}

// C [height x cols] = or += the sum along `walk`, cols at most kTileCols; B is read in whole vectors.
template <bool kAcross>
void WalkTile(Index height, const Walk& walk, const float* a, const float* b, Index cols, const Output& out) {
  static constexpr auto kTiles = TilesOf<kAcross>(std::make_index_sequence<kTileRows>());
  kTiles[static_cast<std::size_t>(height - 1)][cols > kLanes ? 1 : 0](walk, a, b, cols, out);
}

// --- Convolution of one padded image ---

struct Correlation {
  Walk walk;                      // over the taps of one output; a_stride is from an output to the next in its row
  Index rows, columns;            // outputs
  Index first_row, row_step;      // of the source: where an output's taps begin, and from an output row to the next
  RowRange values;                // of the source: taps on other rows are left out
  Index target_row, target_step;  // from an output to the next, in the target
  Index out;                      // values per output
};

// Every tile passes by one panel of the weights before the next panel.
void Correlate(const Correlation& c, const float* source, const float* panels, float* target, bool accumulate) {
  for (Index j = 0; j < Panels(c.out); ++j, panels += c.walk.segments * c.walk.b_segment) {
    const Index n = std::min(kTileCols, c.out - j * kTileCols);
    for (Index y = 0; y < c.rows; ++y) {
      const Index top = c.first_row + y * c.row_step;
      const RowRange rows = RowRange{top, top + c.walk.segments}.within(c.values);
      Walk walk = c.walk;
      walk.segments = rows.count();
      const float* row = source + rows.begin * walk.a_segment;
      for (Index x = 0, h = 0; x < c.columns; x += h) {
        h = TileHeight(c.columns - x);
        WalkTile<false>(h, walk, row + x * walk.a_stride, panels + (rows.begin - top) * walk.b_segment, n,
                        {target + y * c.target_row + x * c.target_step + j * kTileCols, c.target_step, accumulate});
      }
    }
  }
}

void Forward(const ConvShape& s, const float* x, const float* w, float* y) {
  const Plane plane{s.height, s.width, s.in};
  const Index k = s.taps() * s.in, depth = s.kernel_width * s.in, row = s.padded_width() * s.in;
  const Index outputs = s.out_height() * s.out_width();
  float* panels = ThreadWorkspace().columns.reserve(Panels(s.out) * kTileCols * k);
  PackColumns({w, k, true}, k, s.out, panels);
  const Correlation c{.walk = {.segments = s.kernel_height,
                               .depth = depth,
                               .a_stride = s.stride * s.in,
                               .a_segment = row,
                               .b_stride = kTileCols,
                               .b_segment = depth * kTileCols},
                      .rows = s.out_height(),
                      .columns = s.out_width(),
                      .first_row = 0,
                      .row_step = s.stride,
                      .values = RowsOfValues(plane, s.mode, s.padding),
                      .target_row = s.out_width() * s.out,
                      .target_step = s.out,
                      .out = s.out};
  const Index padded = s.padded_height() * row;
  float* const scratch = ThreadWorkspace().pieces.reserve(Threads() * padded);
  parallel_for(s.batch, [&](Index b, int thread) HWY_ATTR {
    const float* source =
        Padded(x + b * plane.values(), plane, s.mode, s.padding, s.padding, scratch + thread * padded);
    Correlate(c, source, panels, y + b * outputs * s.out, false);
  });
}

// --- Gradient of the input ---

// Along one axis of a padded image: the pixels first, first + stride, ... see the taps phase, phase + stride, ... of the
// kernel, the first of them from `source` of dy on.
struct Phase {
  Index phase, taps, first, count, source;
};

// What the gradient is computed for: rows and columns [from, ...) of the padded image, and the border that dy needs.
struct Region {
  explicit Region(const ConvShape& s)
      : in_place(s.mode == Padding::kZero || s.padding == 0),
        from(in_place ? s.padding : 0),
        height(in_place ? s.height : s.padded_height()),
        width(in_place ? s.width : s.padded_width()),
        border_rows((s.kernel_height - 1) / s.stride),
        border_columns((s.kernel_width - 1) / s.stride) {}

  Index values(Index channels) const { return height * width * channels; }

  bool in_place;  // nothing flows to a border of zeros: the region is the image
  Index from, height, width, border_rows, border_columns;
};

// `outputs` of the kernel see no pixel beyond.
Phase PhaseOf(Index phase, Index kernel, Index stride, Index outputs, Index from, Index size, Index border) {
  const Index taps = phase < kernel ? (kernel - phase - 1) / stride + 1 : 0;
  const Index first = from + ((phase - from) % stride + stride) % stride;
  const Index end = std::min(from + size, stride * (outputs - 1) + kernel);
  const Index count = first < end ? (end - first - 1) / stride + 1 : 0;
  return {phase, taps, first, count, first / stride + border - (taps - 1)};
}

// Calls f(rows, columns, panels) for the phases of both axes; the panels of [taps x out, in] lie one after the other.
template <typename F>
void ForEachPhase(const ConvShape& s, const Region& region, float* panels, F&& f) {
  for (Index u = 0; u < std::min(s.stride, s.kernel_height); ++u) {
    const Phase rows =
        PhaseOf(u, s.kernel_height, s.stride, s.out_height(), region.from, region.height, region.border_rows);
    for (Index v = 0; v < std::min(s.stride, s.kernel_width); ++v) {
      const Phase columns =
          PhaseOf(v, s.kernel_width, s.stride, s.out_width(), region.from, region.width, region.border_columns);
      f(rows, columns, panels);
      panels += Panels(s.in) * kTileCols * rows.taps * columns.taps * s.out;
    }
  }
}

// The weights of one phase, last tap first.
void PackPhase(const ConvShape& s, const float* w, const Phase& rows, const Phase& columns, float* panels) {
  const Index k = s.taps() * s.in, depth = rows.taps * columns.taps * s.out;
  parallel_for(Panels(s.in), [&](Index j) HWY_ATTR {
    float* to = panels + j * depth * kTileCols;
    for (Index u = rows.taps - 1; u >= 0; --u) {
      for (Index v = columns.taps - 1; v >= 0; --v, to += s.out * kTileCols) {
        const Index tap = (rows.phase + u * s.stride) * s.kernel_width + columns.phase + v * s.stride;
        PackPanel({w + tap * s.in, k, false}, 0, s.out, j * kTileCols, std::min(kTileCols, s.in - j * kTileCols), to);
      }
    }
  });
}

// Adds what flows back to one phase of `region` from a dy with its border.
void CorrelatePhase(const ConvShape& s, const Region& region, const Phase& rows, const Phase& columns,
                    const float* panels, const float* dy, float* dx) {
  const Index dy_row = (s.out_width() + 2 * region.border_columns) * s.out, dx_row = region.width * s.in;
  const Index depth = columns.taps * s.out;
  const Correlation c{.walk = {.segments = rows.taps,
                               .depth = depth,
                               .a_stride = s.out,
                               .a_segment = dy_row,
                               .b_stride = kTileCols,
                               .b_segment = depth * kTileCols},
                      .rows = rows.count,
                      .columns = columns.count,
                      .first_row = rows.source,
                      .row_step = 1,
                      .values = {region.border_rows, region.border_rows + s.out_height()},
                      .target_row = s.stride * dx_row,
                      .target_step = s.stride * s.in,
                      .out = s.in};
  Correlate(c, dy + columns.source * s.out, panels,
            dx + (rows.first - region.from) * dx_row + (columns.first - region.from) * s.in, true);
}

void InputGradient(const ConvShape& s, const float* dy, const float* w, float* dx, bool accumulate) {
  const Plane image{s.height, s.width, s.in}, outputs{s.out_height(), s.out_width(), s.out};
  const Region region(s);
  float* const panels = ThreadWorkspace().columns.reserve(Panels(s.in) * kTileCols * s.taps() * s.out);
  ForEachPhase(s, region, panels, [&](const Phase& rows, const Phase& columns, float* to) HWY_ATTR {
    PackPhase(s, w, rows, columns, to);
  });
  const Index padded = outputs.padded(region.border_rows, region.border_columns).values();
  const Index scratch_size = padded + (region.in_place ? 0 : region.values(s.in));
  float* const scratch = ThreadWorkspace().pieces.reserve(Threads() * scratch_size);
  parallel_for(s.batch, [&](Index b, int thread) HWY_ATTR {
    float* const mine = scratch + thread * scratch_size;
    float* const image_gradient = dx + b * image.values();
    float* const target = region.in_place ? image_gradient : mine + padded;
    if (!accumulate) {
      std::fill_n(image_gradient, image.values(), 0.0f);
    }
    if (!region.in_place) {
      std::fill_n(target, region.values(s.in), 0.0f);
    }
    const float* source =
        Padded(dy + b * outputs.values(), outputs, Padding::kZero, region.border_rows, region.border_columns, mine);
    ForEachPhase(s, region, panels, [&](const Phase& rows, const Phase& columns, const float* weights) HWY_ATTR {
      CorrelatePhase(s, region, rows, columns, weights, source, target);
    });
    if (!region.in_place) {
      AddUnpadded(target, image, s.mode, s.padding, image_gradient);
    }
  });
}

// --- Gradient of the weights ---

// dy of one image with rows of whole vectors: in place if they are, else in `scratch`.
const float* WholeVectors(const float* dy, Index outputs, Index out, Index ld, float* scratch) {
  if (ld == out) {
    return dy;
  }
  for (Index p = 0; p < outputs; ++p) {
    std::copy_n(dy + p * out, out, scratch + p * ld);
    std::fill_n(scratch + p * ld + out, ld - out, 0.0f);
  }
  return scratch;
}

// The rows of outputs whose tap row i lies on `values` of the padded image.
RowRange OutputRows(const RowRange& values, Index i, Index stride) {
  return {values.begin > i ? (values.begin - i - 1) / stride + 1 : 0,
          values.end > i ? (values.end - i - 1) / stride + 1 : 0};
}

// dw^T [taps x in, out] = or += what one image gives, by chunks of its outputs.
void AddImage(const ConvShape& s, const float* source, const float* dy, Index ld, float* dwt, bool accumulate) {
  const Index row = s.padded_width() * s.in, tap_row = s.kernel_width * s.in, width = s.out_width();
  const RowRange values = RowsOfValues({s.height, s.width, s.in}, s.mode, s.padding);
  const Index chunk = std::max<Index>(1, kChunkOutputs / width);
  for (Index y = 0; y < s.out_height(); y += chunk) {
    const RowRange chunk_rows{y, std::min(y + chunk, s.out_height())};
    for (Index j = 0; j < s.out; j += kTileCols) {
      for (Index i = 0; i < s.kernel_height; ++i) {
        const RowRange rows = chunk_rows.within(OutputRows(values, i, s.stride));
        const Walk walk{.segments = rows.count(),
                        .depth = width,
                        .a_stride = s.stride * s.in,
                        .a_segment = s.stride * row,
                        .b_stride = ld,
                        .b_segment = width * ld};
        const float* taps = source + (rows.begin * s.stride + i) * row;
        for (Index r = 0, h = 0; r < tap_row; r += h) {
          h = TileHeight(tap_row - r);
          WalkTile<true>(h, walk, taps + r, dy + rows.begin * width * ld + j, std::min(kTileCols, s.out - j),
                         {dwt + (i * tap_row + r) * s.out + j, s.out, accumulate || y > 0});
        }
      }
    }
  }
}

void WeightGradient(const ConvShape& s, const float* x, const float* dy, float* dw, bool accumulate) {
  const Plane image{s.height, s.width, s.in};
  const Index k = s.taps() * s.in, size = k * s.out, outputs = s.out_height() * s.out_width();
  const Index ld = (s.out + kLanes - 1) / kLanes * kLanes, groups = std::min(s.batch, kGroups);
  const Index padded = image.padded(s.padding, s.padding).values();
  const Index scratch_size = padded + (ld == s.out ? 0 : outputs * ld);
  float* const partial = ThreadWorkspace().rows.reserve(groups * size);
  float* const scratch = ThreadWorkspace().pieces.reserve(Threads() * scratch_size);
  parallel_for(groups, [&](Index g, int thread) HWY_ATTR {
    float* const mine = scratch + thread * scratch_size;
    const Index begin = g * s.batch / groups, end = (g + 1) * s.batch / groups;
    for (Index b = begin; b < end; ++b) {
      const float* source = Padded(x + b * image.values(), image, s.mode, s.padding, s.padding, mine);
      const float* gradient = WholeVectors(dy + b * outputs * s.out, outputs, s.out, ld, mine + padded);
      AddImage(s, source, gradient, ld, partial + g * size, b > begin);
    }
  });
  parallel_ranges(k, RowGrain(s.out), [&](Index begin, Index end) HWY_ATTR {
    float* const sum = partial + begin * s.out;
    for (Index g = 1; g < groups; ++g) {
      Add((end - begin) * s.out, sum + g * size, sum);
    }
    Transpose(sum, s.out, end - begin, s.out, dw + begin, k, accumulate);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(Forward);
HWY_EXPORT(InputGradient);
HWY_EXPORT(WeightGradient);

void conv2d_forward(const ConvShape& shape, const float* x, const float* w, float* y) {
  HWY_DYNAMIC_DISPATCH(Forward)(shape, x, w, y);
}

void conv2d_input_gradient(const ConvShape& shape, const float* dy, const float* w, float* dx, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(InputGradient)(shape, dy, w, dx, accumulate);
}

void conv2d_weight_gradient(const ConvShape& shape, const float* x, const float* dy, float* dw, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(WeightGradient)(shape, x, dy, dw, accumulate);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
