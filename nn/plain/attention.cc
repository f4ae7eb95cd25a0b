#include "nn/plain/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace normlab::nn::plain {

void sequence_dots(const SequenceLayout& layout, Index f, const double* q, const double* k, double* s,
                   bool accumulate) {
  for (Index c = 0; c < layout.cols(); ++c) {
    s[c] = std::inner_product(k + c * f, k + (c + 1) * f, q + layout.example(c) * f, accumulate ? s[c] : 0.0);
  }
}

void sequence_sums(const SequenceLayout& layout, Index f, const double* a, const double* v, double* y,
                   bool accumulate) {
  if (!accumulate) {
    std::fill_n(y, layout.batch * f, 0.0);
  }
  for (Index c = 0; c < layout.cols(); ++c) {
    for (Index i = 0; a[c] != 0.0 && i < f; ++i) {
      y[layout.example(c) * f + i] += a[c] * v[c * f + i];
    }
  }
}

void sequence_outer(const SequenceLayout& layout, Index f, const double* a, const double* q, double* v,
                    bool accumulate) {
  for (Index c = 0; c < layout.cols(); ++c) {
    for (Index i = 0; i < f; ++i) {
      v[c * f + i] = (accumulate ? v[c * f + i] : 0.0) + a[c] * q[layout.example(c) * f + i];
    }
  }
}

void sequence_softmax(const SequenceLayout& layout, const double* mask, const double* s, double* a) {
  const auto counts = [mask](Index c) { return mask == nullptr || mask[c] != 0.0; };
  for (Index b = 0; b < layout.batch; ++b) {
    double max = -std::numeric_limits<double>::infinity(), sum = 0.0;
    for (Index t = 0; t < layout.steps; ++t) {
      const Index c = layout.column(t, b);
      max = counts(c) ? std::max(max, s[c]) : max;
    }
    for (Index t = 0; t < layout.steps; ++t) {
      const Index c = layout.column(t, b);
      a[c] = counts(c) ? std::exp(s[c] - max) : 0.0;
      sum += a[c];
    }
    for (Index t = 0; t < layout.steps; ++t) {
      a[layout.column(t, b)] /= sum == 0.0 ? 1.0 : sum;
    }
  }
}

void sequence_softmax_backward(const SequenceLayout& layout, const double* a, const double* da, double* ds,
                               bool accumulate) {
  for (Index b = 0; b < layout.batch; ++b) {
    double sum = 0.0;
    for (Index t = 0; t < layout.steps; ++t) {
      const Index c = layout.column(t, b);
      sum += a[c] == 0.0 ? 0.0 : a[c] * da[c];
    }
    for (Index t = 0; t < layout.steps; ++t) {
      const Index c = layout.column(t, b);
      ds[c] = (accumulate ? ds[c] : 0.0) + (a[c] == 0.0 ? 0.0 : a[c] * (da[c] - sum));
    }
  }
}

}  // namespace normlab::nn::plain
