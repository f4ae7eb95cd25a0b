#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/domain/image_attention.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "base/parallel.h"
#include "nn/kernels/domain/image_attention.h"
#include "nn/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Examples per piece of parallel work: tens of microseconds.
constexpr Index kExamples = 16;

// All lanes of a vector.
template <class D>
struct Whole {
  D d;
  HWY_INLINE auto Load(const hn::TFromD<D>* p) const { return hn::LoadU(d, p); }
  HWY_INLINE void Store(hn::Vec<D> v, hn::TFromD<D>* p) const { hn::StoreU(v, d, p); }
  HWY_INLINE auto Keep(hn::Vec<D> v) const { return v; }
};

// The first lanes of a vector: the rest is neither read nor written, and 0 where it is kept.
template <class D>
struct Front {
  D d;
  hn::Mask<D> mask;
  HWY_INLINE auto Load(const hn::TFromD<D>* p) const { return hn::MaskedLoad(mask, d, p); }
  HWY_INLINE void Store(hn::Vec<D> v, hn::TFromD<D>* p) const { hn::BlendedStore(v, mask, d, p); }
  HWY_INLINE auto Keep(hn::Vec<D> v) const { return hn::IfThenElseZero(mask, v); }
};

// body(lanes, i) over [0, n): whole vectors, then what is left of a row. Rows have 28 pixels: one vector of AVX-512 and
// twelve lanes of a second, which masks cost nothing to cut; elsewhere three vectors of eight and one of four.
template <typename T, typename Body>
HWY_INLINE void ForRow(Index n, Body&& body) {
  using Wide = hn::ScalableTag<T>;
  const Wide full;
  const auto wide = static_cast<Index>(hn::Lanes(full));
  Index i = 0;
  for (; i + wide <= n; i += wide) {
    body(Whole<Wide>{full}, i);
  }
#if HWY_TARGET == HWY_AVX3
  if (i < n) {
    body(Front<Wide>{full, hn::FirstN(full, static_cast<std::size_t>(n - i))}, i);
  }
#else
  using Four = hn::CappedTag<T, 4>;
  for (const auto narrow = static_cast<Index>(hn::Lanes(Four())); i + narrow <= n; i += narrow) {
    body(Whole<Four>{}, i);
  }
  for (; i < n; ++i) {
    body(Whole<hn::CappedTag<T, 1> >{}, i);
  }
#endif
}

// The sum of term(lanes, i) over [0, n).
template <typename T, typename Term>
HWY_INLINE T SumRow(Index n, Term&& term) {
  using Wide = hn::ScalableTag<T>;
  auto sum = hn::Zero(Wide());
  T rest{0};
  ForRow<T>(n, [&](auto lanes, Index i) HWY_ATTR {
    if constexpr (std::is_same_v<decltype(lanes.d), Wide>) {
      sum = hn::Add(sum, lanes.Keep(term(lanes, i)));
    } else {
      rest += hn::GetLane(hn::SumOfLanes(lanes.d, term(lanes, i)));
    }
  });
  return hn::GetLane(hn::SumOfLanes(Wide(), sum)) + rest;
}

template <typename T>
HWY_INLINE T Dot(Index n, const T* a, const T* b) {
  return SumRow<T>(n, [=](auto lanes, Index i) HWY_ATTR { return hn::Mul(lanes.Load(a + i), lanes.Load(b + i)); });
}

// out = base + factor sum_k coefficients[k * stride] rows[k], each row of n values; a null base is 0.
template <typename T>
HWY_INLINE void Combine(Index n, Index count, const T* coefficients, Index stride, const T* rows, T factor,
                        const std::type_identity_t<T>* base, T* out) {
  ForRow<T>(n, [=](auto lanes, Index i) HWY_ATTR {
    const auto d = lanes.d;
    auto sum = hn::Zero(d);
    for (Index k = 0; k < count; ++k) {
      sum = hn::MulAdd(hn::Set(d, coefficients[k * stride]), lanes.Load(rows + k * n + i), sum);
    }
    sum = hn::Mul(hn::Set(d, factor), sum);
    lanes.Store(base ? hn::Add(lanes.Load(base + i), sum) : sum, out + i);
  });
}

#if HWY_TARGET != HWY_SCALAR
// Adds up the blocks of 128 bits of a vector.
template <class D>
HWY_INLINE void StoreSumOfBlocks(D d, hn::Vec<D> v, hn::TFromD<D>* out) {
  if constexpr (hn::MaxLanes(d) * sizeof(hn::TFromD<D>) > 16) {
    const hn::Half<D> half;
    StoreSumOfBlocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), out);
  } else {
    hn::StoreU(v, d, out);
  }
}
#endif

// out[r] = the sum of the lanes of v[r].
template <class D>
HWY_INLINE void FourSums(D d, const hn::Vec<D> (&v)[4], hn::TFromD<D>* out) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    // Blocks of 128 bits are turned all at once, then added up.
    const hn::Repartition<std::uint64_t, D> pairs;
    const auto v01 = hn::Add(hn::InterleaveLower(d, v[0], v[1]), hn::InterleaveUpper(d, v[0], v[1]));
    const auto v23 = hn::Add(hn::InterleaveLower(d, v[2], v[3]), hn::InterleaveUpper(d, v[2], v[3]));
    const auto p01 = hn::BitCast(pairs, v01), p23 = hn::BitCast(pairs, v23);
    const auto blocks = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, p01, p23)),
                                hn::BitCast(d, hn::InterleaveUpper(pairs, p01, p23)));
    StoreSumOfBlocks(d, blocks, out);
    return;
  }
#endif
  for (int r = 0; r < 4; ++r) {
    out[r] = hn::GetLane(hn::SumOfLanes(d, v[r]));
  }
}

// out[r] = a . b[r] for four rows of b: their lanes are summed together, which costs less than one by one.
template <typename T>
HWY_INLINE void FourDots(Index n, const T* a, const T* b, T (&out)[4]) {
  using Wide = hn::ScalableTag<T>;
  hn::Vec<Wide> sums[4] = {hn::Zero(Wide()), hn::Zero(Wide()), hn::Zero(Wide()), hn::Zero(Wide())};
  T rest[4] = {};
  ForRow<T>(n, [&](auto lanes, Index i) HWY_ATTR {
    const auto ai = lanes.Load(a + i);
    for (Index r = 0; r < 4; ++r) {
      const auto bi = lanes.Load(b + r * n + i);
      if constexpr (std::is_same_v<decltype(lanes.d), Wide>) {
        sums[r] = hn::MulAdd(ai, bi, sums[r]);
      } else {
        rest[r] += hn::GetLane(hn::SumOfLanes(lanes.d, hn::Mul(ai, bi)));
      }
    }
  });
  FourSums(Wide(), sums, out);
  for (Index r = 0; r < 4; ++r) {
    out[r] += rest[r];
  }
}

// out[k][y] += factor sum_x rows[k][x] image[y][x].
template <typename T>
HWY_INLINE void AddProjections(const WindowGrid& g, const T* rows, const T* image, T factor, T* out) {
  Index y = 0;
  for (; y + 4 <= g.height; y += 4) {
    for (Index k = 0; k < g.n; ++k) {
      T dots[4];
      FourDots(g.width, rows + k * g.width, image + y * g.width, dots);
      for (Index r = 0; r < 4; ++r) {
        out[k * g.height + y + r] += factor * dots[r];
      }
    }
  }
  for (; y < g.height; ++y) {
    for (Index k = 0; k < g.n; ++k) {
      out[k * g.height + y] += factor * Dot(g.width, rows + k * g.width, image + y * g.width);
    }
  }
}

template <typename Body>
HWY_INLINE void ForExamples(Index batch, Body&& body) {
  parallel_ranges(batch, kExamples, [&](Index begin, Index end) HWY_ATTR {
    for (Index b = begin; b < end; ++b) {
      body(b);
    }
  });
}

// Where the parts of an example's window stand.
template <typename T>
struct Parts {
  T* fx;
  T* fy;
  T* gamma;
  Parts(const WindowGrid& g, T* window) : fx(window), fy(fx + g.n * g.width), gamma(fy + g.n * g.height) {}
};

// The geometry of an example's window, in pixels; the first pixel of a row is number 1.
template <typename T>
struct Geometry {
  T gx, gy, delta, precision;  // precision = 1 / sigma^2

  Geometry(const WindowGrid& g, const T* p)
      : gx(static_cast<T>(g.width + 1) / 2 * (p[0] + 1)),
        gy(static_cast<T>(g.height + 1) / 2 * (p[1] + 1)),
        delta(static_cast<T>(std::max(g.width, g.height) - 1) / static_cast<T>(g.n - 1) * std::exp(p[3])),
        precision(std::exp(-p[2])) {}

  // How many strides filter i, counted from 0, stands right of the centre: (i + 1) - n / 2 - 0.5.
  static T Strides(const WindowGrid& g, Index i) {
    return static_cast<T>(i) + static_cast<T>(0.5) - static_cast<T>(g.n) / 2;
  }
};

// The pixel nearest to a filter's mean, from which the others are measured: a mean far outside of the image has a square that
// is no number, and distances to it that lose the pixels.
template <typename T>
struct Nearest {
  T pixel, mean;

  Nearest(Index size, T mu) : pixel(std::clamp(std::nearbyint(mu), T{1}, static_cast<T>(size))), mean(mu) {}

  // a - pixel, of the pixels from a + 1 on.
  template <class D>
  HWY_INLINE hn::Vec<D> Offset(D d, Index a) const {
    return hn::Sub(hn::Iota(d, static_cast<T>(a + 1)), hn::Set(d, pixel));
  }
  // (a - mean)^2 - (pixel - mean)^2 = (a - pixel) (a - mean + pixel - mean).
  template <class D>
  HWY_INLINE hn::Vec<D> Excess(D d, Index a) const {
    const auto distance = hn::Sub(hn::Iota(d, static_cast<T>(a + 1)), hn::Set(d, mean));
    return hn::Mul(Offset(d, a), hn::Add(distance, hn::Set(d, pixel - mean)));
  }
};

// One filter over `size` pixels: exp(-(a - mean)^2 / 2 sigma^2) for a = 1 .. size, over its sum. The exponents are
// taken relative to the nearest pixel's, so that a window that left the image keeps a sum above 0.
template <typename T>
HWY_INLINE void Filter(Index size, T mean, T precision, T* f) {
  const Nearest<T> nearest(size, mean);
  const T half = precision / 2;
  const T scale = T{1} / SumRow<T>(size, [=](auto lanes, Index a) HWY_ATTR {
                    const auto d = lanes.d;
                    const auto value = hn::Exp(d, hn::Neg(hn::Mul(nearest.Excess(d, a), hn::Set(d, half))));
                    lanes.Store(value, f + a);
                    return value;
                  });
  ForRow<T>(size, [=](auto lanes, Index a)
                      HWY_ATTR { lanes.Store(hn::Mul(lanes.Load(f + a), hn::Set(lanes.d, scale)), f + a); });
}

// A filter is a softmax of its exponents, so their gradient is e = f (df - f . df); the filter's mean gets the sum of
// e (a - mean) / sigma^2, and log sigma^2 that of e (a - mean)^2 / 2 sigma^2. The e sum to 0: what is the same for all pixels
// may be taken off.
template <typename T>
struct FilterGradient {
  T mean, log_variance;

  HWY_INLINE FilterGradient(Index size, T mu, T precision, const T* f, const T* df) {
    const T average = Dot(size, f, df);
    const Nearest<T> nearest(size, mu);
    const auto e = [=](auto lanes, Index a) HWY_ATTR {
      return hn::Mul(lanes.Load(f + a), hn::Sub(lanes.Load(df + a), hn::Set(lanes.d, average)));
    };
    mean = precision * SumRow<T>(size, [=](auto lanes, Index a)
                                           HWY_ATTR { return hn::Mul(e(lanes, a), nearest.Offset(lanes.d, a)); });
    log_variance = precision / 2 * SumRow<T>(size, [=](auto lanes, Index a) HWY_ATTR {
                     return hn::Mul(e(lanes, a), nearest.Excess(lanes.d, a));
                   });
  }
};

template <typename T>
void WindowForward(const ImageWindow<T>& args) {
  const WindowGrid& g = args.grid;
  ForExamples(args.batch, [&](Index b) HWY_ATTR {
    const T* p = args.parameters + b * kWindowParameters;
    const Geometry<T> at(g, p);
    const Parts<T> window(g, args.window + b * g.window());
    for (Index i = 0; i < g.n; ++i) {
      const T shift = Geometry<T>::Strides(g, i) * at.delta;
      Filter(g.width, at.gx + shift, at.precision, window.fx + i * g.width);
      Filter(g.height, at.gy + shift, at.precision, window.fy + i * g.height);
    }
    *window.gamma = std::exp(p[4]);
  });
}

template <typename T>
void WindowBackward(const ImageWindow<T>& args) {
  const WindowGrid& g = args.grid;
  ForExamples(args.batch, [&](Index b) HWY_ATTR {
    const Geometry<T> at(g, args.parameters + b * kWindowParameters);
    const Parts<const T> window(g, args.window + b * g.window());
    const Parts<const T> d(g, args.d_window + b * g.window());
    T d_gx{0}, d_gy{0}, d_log_variance{0}, d_delta{0};
    for (Index i = 0; i < g.n; ++i) {
      const T strides = Geometry<T>::Strides(g, i);
      const T shift = strides * at.delta;
      const FilterGradient<T> x(g.width, at.gx + shift, at.precision, window.fx + i * g.width, d.fx + i * g.width);
      const FilterGradient<T> y(g.height, at.gy + shift, at.precision, window.fy + i * g.height, d.fy + i * g.height);
      d_gx += x.mean;
      d_gy += y.mean;
      d_log_variance += x.log_variance + y.log_variance;
      d_delta += strides * (x.mean + y.mean);
    }
    const T gradient[kWindowParameters] = {d_gx * static_cast<T>(g.width + 1) / 2,
                                           d_gy * static_cast<T>(g.height + 1) / 2, d_log_variance, d_delta * at.delta,
                                           *d.gamma * *window.gamma};
    T* out = args.d_parameters.data + b * kWindowParameters;
    for (Index i = 0; i < kWindowParameters; ++i) {
      out[i] = args.d_parameters.add ? out[i] + gradient[i] : gradient[i];
    }
  });
}

template <typename T>
void ReadForward(const ImageRead<T>& args) {
  const WindowGrid& g = args.grid;
  ForExamples(args.batch, [&](Index b) HWY_ATTR {
    const Parts<const T> window(g, args.window + b * g.window());
    for (Index k = 0; k < 2; ++k) {
      T* projected = args.projected + (2 * b + k) * g.n * g.width;
      T* glimpse = args.glimpse + (2 * b + k) * g.n * g.n;
      for (Index i = 0; i < g.n; ++i) {
        T* row = projected + i * g.width;
        Combine(g.width, g.height, window.fy + i * g.height, 1, args.images[k] + b * g.image(), T{1}, nullptr, row);
        for (Index j = 0; j < g.n; ++j) {
          glimpse[i * g.n + j] = *window.gamma * Dot(g.width, row, window.fx + j * g.width);
        }
      }
    }
  });
}

// With G = gamma F_Y image F_X^T, P = F_Y image and dG: dP = gamma dG F_X, and from it
//   dF_X = gamma dG^T P     dF_Y = dP image^T     dimage = F_Y^T dP     dgamma = sum of dG G / gamma.
template <typename T>
void ReadBackward(const ImageRead<T>& args) {
  const WindowGrid& g = args.grid;
  const Index nn = g.n * g.n;
  ForExamples(args.batch, [&](Index b) HWY_ATTR {
    const Parts<const T> window(g, args.window + b * g.window());
    const Parts<T> d(g, args.d_window.data + b * g.window());
    if (!args.d_window.add) {
      std::fill_n(d.fx, g.window(), T{0});
    }
    const T gamma = *window.gamma;
    T* d_projected = args.scratch + b * g.n * g.width;
    for (Index k = 0; k < 2; ++k) {
      const T* d_glimpse = args.d_glimpse + (2 * b + k) * nn;
      const T* projected = args.projected + (2 * b + k) * g.n * g.width;
      const T* image = args.images[k] + b * g.image();
      for (Index i = 0; i < g.n; ++i) {
        T* row = d_projected + i * g.width;
        T* dfx = d.fx + i * g.width;
        Combine(g.width, g.n, d_glimpse + i * g.n, 1, window.fx, gamma, nullptr, row);
        Combine(g.width, g.n, d_glimpse + i, g.n, projected, gamma, dfx, dfx);
      }
      AddProjections(g, d_projected, image, T{1}, d.fy);
      for (Index i = 0; i < nn; ++i) {
        *d.gamma += d_glimpse[i] * args.glimpse[(2 * b + k) * nn + i] / gamma;
      }
      if (T* d_image = args.d_images[k].data) {
        for (Index y = 0; y < g.height; ++y) {
          T* line = d_image + b * g.image() + y * g.width;
          Combine(g.width, g.n, window.fy + y, g.height, d_projected, T{1}, args.d_images[k].add ? line : nullptr,
                  line);
        }
      }
    }
  });
}

template <typename T>
void WriteForward(const ImageWrite<T>& args) {
  const WindowGrid& g = args.grid;
  ForExamples(args.batch, [&](Index b) HWY_ATTR {
    const Parts<const T> window(g, args.window + b * g.window());
    const T* patch = args.patch + b * g.n * g.n;
    T* spread = args.spread + b * g.n * g.width;
    for (Index i = 0; i < g.n; ++i) {
      Combine(g.width, g.n, patch + i * g.n, 1, window.fx, T{1}, nullptr, spread + i * g.width);
    }
    for (Index y = 0; y < g.height; ++y) {
      T* line = args.canvas + b * g.image() + y * g.width;
      Combine(g.width, g.n, window.fy + y, g.height, spread, T{1} / *window.gamma, line, line);
    }
  });
}

// With O = F_Y^T S / gamma, S = patch F_X and dO: dS = F_Y dO / gamma, and from it
//   dpatch = dS F_X^T     dF_X = patch^T dS     dF_Y = S dO^T / gamma     dgamma = -sum of F_Y dF_Y / gamma.
template <typename T>
void WriteBackward(const ImageWrite<T>& args) {
  const WindowGrid& g = args.grid;
  const Index nn = g.n * g.n;
  ForExamples(args.batch, [&](Index b) HWY_ATTR {
    const Parts<const T> window(g, args.window + b * g.window());
    const Parts<T> d(g, args.d_window.data + b * g.window());
    if (!args.d_window.add) {
      std::fill_n(d.fx, g.window(), T{0});
    }
    const T inv_gamma = T{1} / *window.gamma;
    const T* d_canvas = args.d_canvas + b * g.image();
    const T* spread = args.spread + b * g.n * g.width;
    const T* patch = args.patch + b * nn;
    T* d_spread = args.scratch + b * g.n * g.width;
    for (Index i = 0; i < g.n; ++i) {
      Combine(g.width, g.height, window.fy + i * g.height, 1, d_canvas, inv_gamma, nullptr, d_spread + i * g.width);
      *d.gamma -= inv_gamma * Dot(g.width, d_spread + i * g.width, spread + i * g.width);
    }
    AddProjections(g, spread, d_canvas, inv_gamma, d.fy);
    for (Index i = 0; i < g.n; ++i) {
      T* dfx = d.fx + i * g.width;
      Combine(g.width, g.n, patch + i, g.n, d_spread, T{1}, dfx, dfx);
    }
    for (Index i = 0; args.d_patch.data != nullptr && i < nn; ++i) {
      const T gradient = Dot(g.width, d_spread + i / g.n * g.width, window.fx + i % g.n * g.width);
      T& out = args.d_patch.data[b * nn + i];
      out = args.d_patch.add ? out + gradient : gradient;
    }
  });
}

// Highway exports functions, not templates: one name for each scalar type.
#define NORMLAB_FOR_SCALARS(Name, Args)                     \
  void Name##Float(const Args<float>& args) { Name(args); } \
  void Name##Double(const Args<double>& args) { Name(args); }
NORMLAB_FOR_SCALARS(WindowForward, ImageWindow)
NORMLAB_FOR_SCALARS(WindowBackward, ImageWindow)
NORMLAB_FOR_SCALARS(ReadForward, ImageRead)
NORMLAB_FOR_SCALARS(ReadBackward, ImageRead)
NORMLAB_FOR_SCALARS(WriteForward, ImageWrite)
NORMLAB_FOR_SCALARS(WriteBackward, ImageWrite)
#undef NORMLAB_FOR_SCALARS

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

#define NORMLAB_EXPORT(Name, name, Args)                                          \
  HWY_EXPORT(Name##Float);                                                        \
  HWY_EXPORT(Name##Double);                                                       \
  void name(const Args<float>& args) { HWY_DYNAMIC_DISPATCH(Name##Float)(args); } \
  void name(const Args<double>& args) { HWY_DYNAMIC_DISPATCH(Name##Double)(args); }
NORMLAB_EXPORT(WindowForward, image_window_forward, ImageWindow)
NORMLAB_EXPORT(WindowBackward, image_window_backward, ImageWindow)
NORMLAB_EXPORT(ReadForward, image_read_forward, ImageRead)
NORMLAB_EXPORT(ReadBackward, image_read_backward, ImageRead)
NORMLAB_EXPORT(WriteForward, image_write_forward, ImageWrite)
NORMLAB_EXPORT(WriteBackward, image_write_backward, ImageWrite)
#undef NORMLAB_EXPORT

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
