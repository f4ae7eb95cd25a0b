#include "nn/plain/norm.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace normlab::nn::plain {

using kernels::GroupShape;

namespace {

// x[i * stride], i in [0, n).
template <typename T>
struct Line {
  T* x;
  Index n, stride;
  T& operator[](Index i) const { return x[i * stride]; }
};

// The channels of a group at all positions, position by position: x[i / width * stride + i % width], i in [0, n).
template <typename T>
struct Block {
  T* x;
  Index n, width, stride;
  T& operator[](Index i) const { return x[i / width * stride + i % width]; }
};

template <typename T>
struct Moments {
  T mean, variance;
};

// Two passes: E[x^2] - E[x]^2 loses everything when the mean is large against the deviation. The second also sums the
// deviations themselves, which corrects the rounding of the first pass's mean.
template <typename T, typename Values>
Moments<T> moments(const Values& x, bool center) {
  const T n = static_cast<T>(x.n);
  T rough{0}, deviations{0}, squares{0};
  for (Index i = 0; center && i < x.n; ++i) {
    rough += x[i];
  }
  rough /= n;
  for (Index i = 0; i < x.n; ++i) {
    deviations += x[i] - rough;
    squares += (x[i] - rough) * (x[i] - rough);
  }
  const T shift = center ? deviations / n : T{0};
  return {rough + shift, std::max(squares / n - shift * shift, T{0})};
}

// d s / d deviation is 1 outside the root and deviation / s inside; over x's own slope that leaves this factor. A
// deviation below the rounding of s cannot be told from none, where the exact formula is 0 / 0: it counts as no slope.
template <typename T>
T deviation_slope(T inv_s, T eps, EpsPlace place) {
  if (place == EpsPlace::kInsideSqrt) {
    return T{1};
  }
  const T s = T{1} / inv_s;
  const T deviation = s - eps;
  return deviation > 4 * std::numeric_limits<T>::epsilon() * s ? s / deviation : T{0};
}

// What a line of values was normalised with, and how its deviation depends on it.
template <typename T>
struct Normalization {
  T mean, inv_s;
  T average;  // 1 / n if the mean depends on the values, else 0
  T slope;    // c / n if the deviation depends on the values, else 0
};

// dx = inv_s (dn - average(dn) - c n average(dn n)), n = (x - mean) inv_s, dn = gain dy. gain's stride is 0 for one
// gain.
template <typename T, typename Values, typename Gains, typename Results>
void line_backward(const Values& dy, const Values& x, const Gains& gain, const Normalization<T>& norm,
                   const Results& dx, bool accumulate) {
  T sum{0}, dot{0};
  for (Index i = 0; i < x.n; ++i) {
    const T dn = gain[i] * dy[i];
    sum += dn;
    dot += dn * (x[i] - norm.mean) * norm.inv_s;
  }
  for (Index i = 0; i < x.n; ++i) {
    const T n = (x[i] - norm.mean) * norm.inv_s;
    const T gradient = norm.inv_s * (gain[i] * dy[i] - norm.average * sum - norm.slope * n * dot);
    dx[i] = accumulate ? dx[i] + gradient : gradient;
  }
}

template <typename T>
Line<const T> gain_line(const T* gain, Index n, Index stride) {
  static constexpr T kOne{1};
  return gain != nullptr ? Line<const T>{gain, n, stride} : Line<const T>{&kOne, n, 0};
}

// The gains of a group's `width` channels, again at every position.
template <typename T>
Block<const T> gain_block(const T* gain, Index n, Index width) {
  static constexpr T kOne{1};
  return gain != nullptr ? Block<const T>{gain, n, width, 0} : Block<const T>{&kOne, n, 1, 0};
}

// mean and inv_s of each row (stride_r 1) or of each column (stride_j 1).
template <typename T>
void gain_bias_backward(Index rows, Index f, const T* dy, const T* x, const T* mean, const T* inv_s, Index stride_r,
                        Index stride_j, T* dgain, T* dbias) {
  for (Index r = 0; r < rows; ++r) {
    for (Index j = 0; j < f; ++j) {
      const Index s = r * stride_r + j * stride_j;
      if (dgain != nullptr) {
        dgain[j] += dy[r * f + j] * (x[r * f + j] - mean[s]) * inv_s[s];
      }
      if (dbias != nullptr) {
        dbias[j] += dy[r * f + j];
      }
    }
  }
}

template <typename T>
T scaled(const T* gain, const T* bias, Index j, T n) {
  return (gain != nullptr ? gain[j] * n : n) + (bias != nullptr ? bias[j] : T{0});
}

}  // namespace

template <typename T>
T inverse_deviation(T variance, T eps, EpsPlace place) {
  return place == EpsPlace::kInsideSqrt ? T{1} / std::sqrt(variance + eps) : T{1} / (std::sqrt(variance) + eps);
}

template <typename T>
void row_norm_forward(bool center, Index rows, Index f, const T* x, const T* gain, const T* bias, T eps, EpsPlace place,
                      T* y, T* mean, T* inv_s) {
  for (Index r = 0; r < rows; ++r) {
    const Moments<T> m = moments<T>(Line<const T>{x + r * f, f, 1}, center);
    mean[r] = m.mean;
    inv_s[r] = inverse_deviation(m.variance, eps, place);
    for (Index j = 0; j < f; ++j) {
      y[r * f + j] = scaled(gain, bias, j, (x[r * f + j] - mean[r]) * inv_s[r]);
    }
  }
}

template <typename T>
void row_norm_backward(bool center, Index rows, Index f, const T* dy, const T* x, const T* mean, const T* inv_s,
                       const T* gain, T eps, EpsPlace place, T* dx, bool accumulate, T* dgain, T* dbias) {
  for (Index r = 0; dx != nullptr && r < rows; ++r) {
    const T n = static_cast<T>(f);
    const Normalization<T> norm{mean[r], inv_s[r], center ? 1 / n : 0, deviation_slope(inv_s[r], eps, place) / n};
    line_backward(Line<const T>{dy + r * f, f, 1}, Line<const T>{x + r * f, f, 1}, gain_line(gain, f, 1), norm,
                  Line<T>{dx + r * f, f, 1}, accumulate);
  }
  gain_bias_backward(rows, f, dy, x, mean, inv_s, 1, 0, dgain, dbias);
}

template <typename T>
void group_norm_forward(const GroupShape& s, bool center, const T* x, const T* gain, const T* bias, T eps,
                        EpsPlace place, T* y, T* mean, T* inv_s) {
  const Index width = s.group_channels(), n = s.group_values();
  for (Index k = 0; k < s.examples * s.groups; ++k) {
    const Index channel = k % s.groups * width, first = k / s.groups * s.positions * s.f + channel;
    const Block<const T> in{x + first, n, width, s.f};
    const Block<T> out{y + first, n, width, s.f};
    const Moments<T> m = moments<T>(in, center);
    mean[k] = m.mean;
    inv_s[k] = inverse_deviation(m.variance, eps, place);
    for (Index i = 0; i < n; ++i) {
      out[i] = scaled(gain, bias, channel + i % width, (in[i] - mean[k]) * inv_s[k]);
    }
  }
}

template <typename T>
void group_norm_backward(const GroupShape& s, bool center, const T* dy, const T* x, const T* mean, const T* inv_s,
                         const T* gain, T eps, EpsPlace place, T* dx, bool accumulate, T* dot, T* sum) {
  const Index width = s.group_channels(), n = s.group_values();
  for (Index k = 0; k < s.examples * s.groups; ++k) {
    const Index example = k / s.groups, channel = k % s.groups * width, first = example * s.positions * s.f + channel;
    const Block<const T> up{dy + first, n, width, s.f}, in{x + first, n, width, s.f};
    const Line<T> dots{dot + example * s.f + channel, width, 1}, sums{sum + example * s.f + channel, width, 1};
    for (Index c = 0; c < width; ++c) {
      dots[c] = sums[c] = T{0};
    }
    for (Index i = 0; i < n; ++i) {
      dots[i % width] += up[i] * (in[i] - mean[k]) * inv_s[k];
      sums[i % width] += up[i];
    }
    if (dx != nullptr) {
      const T per_value = T{1} / static_cast<T>(n);
      const Normalization<T> norm{mean[k], inv_s[k], center ? per_value : T{0},
                                  deviation_slope(inv_s[k], eps, place) * per_value};
      line_backward(up, in, gain_block(gain != nullptr ? gain + channel : nullptr, n, width), norm,
                    Block<T>{dx + first, n, width, s.f}, accumulate);
    }
  }
}

template <typename T>
void column_moments(Index rows, Index f, const T* x, T* mean, T* variance) {
  for (Index j = 0; j < f; ++j) {
    const Moments<T> m = moments<T>(Line<const T>{x + j, rows, f}, true);
    mean[j] = m.mean;
    variance[j] = m.variance;
  }
}

template <typename T>
void batch_norm_apply(Index rows, Index f, const T* x, const T* mean, const T* inv_s, const T* gain, const T* bias,
                      T* y) {
  for (Index r = 0; r < rows; ++r) {
    for (Index j = 0; j < f; ++j) {
      y[r * f + j] = scaled(gain, bias, j, (x[r * f + j] - mean[j]) * inv_s[j]);
    }
  }
}

template <typename T>
void batch_norm_backward(Index rows, Index f, const T* dy, const T* x, const T* mean, const T* inv_s, const T* gain,
                         T eps, EpsPlace place, T divisor_ratio, T* dx, bool accumulate, T* dgain, T* dbias) {
  const T n = static_cast<T>(rows);
  for (Index j = 0; dx != nullptr && j < f; ++j) {
    const T slope = divisor_ratio * deviation_slope(inv_s[j], eps, place) / n;
    const Normalization<T> norm{mean[j], inv_s[j], divisor_ratio != 0 ? 1 / n : 0, slope};
    line_backward(Line<const T>{dy + j, rows, f}, Line<const T>{x + j, rows, f},
                  gain_line(gain != nullptr ? gain + j : nullptr, rows, 0), norm, Line<T>{dx + j, rows, f}, accumulate);
  }
  gain_bias_backward(rows, f, dy, x, mean, inv_s, 0, 1, dgain, dbias);
}

#define NORMLAB_INSTANTIATE(T)                                                                                       \
  template T inverse_deviation(T, T, EpsPlace);                                                                      \
  template void row_norm_forward(bool, Index, Index, const T*, const T*, const T*, T, EpsPlace, T*, T*, T*);         \
  template void row_norm_backward(bool, Index, Index, const T*, const T*, const T*, const T*, const T*, T, EpsPlace, \
                                  T*, bool, T*, T*);                                                                 \
  template void group_norm_forward(const GroupShape&, bool, const T*, const T*, const T*, T, EpsPlace, T*, T*, T*);  \
  template void group_norm_backward(const GroupShape&, bool, const T*, const T*, const T*, const T*, const T*, T,    \
                                    EpsPlace, T*, bool, T*, T*);                                                     \
  template void column_moments(Index, Index, const T*, T*, T*);                                                      \
  template void batch_norm_apply(Index, Index, const T*, const T*, const T*, const T*, const T*, T*);                \
  template void batch_norm_backward(Index, Index, const T*, const T*, const T*, const T*, const T*, T, EpsPlace, T,  \
                                    T*, bool, T*, T*);
NORMLAB_INSTANTIATE(float)
NORMLAB_INSTANTIATE(double)
#undef NORMLAB_INSTANTIATE

}  // namespace normlab::nn::plain
