#include "nn/optim/clip.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "nn/error.h"
#include "nn/kernels/update.h"
#include "nn/plain/dot.h"

namespace normlab::nn {
namespace {

// sqrt of the sum of n squares.
template <typename T>
double norm_of(const T* g, Index n) {
  // Cut by size alone into a number of pieces that fits on the stack: a step allocates nothing.
  constexpr Index kMaxPieces = 256, kLeast = Index{1} << 14;
  const Index grain = std::max(kLeast, (n + kMaxPieces - 1) / kMaxPieces);
  std::array<double, kMaxPieces> squares{};
  parallel_ranges(n, grain, [&](Index begin, Index end) {
    squares[static_cast<std::size_t>(begin / grain)] = plain::dot<double>(g + begin, g + begin, end - begin);
  });
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

// NaN for a NaN norm: divergence stays visible.
double scale_to(double limit, double norm) { return norm <= limit ? 1.0 : limit / norm; }

void scale(Index n, double s, float* g) { kernels::scale(n, static_cast<float>(s), g); }
void scale(Index n, double s, double* g) {
  std::transform(g, g + n, g, [s](double v) { return s * v; });
}

void clamp(Index n, double limit, float* g) { kernels::clamp(n, static_cast<float>(limit), g); }
void clamp(Index n, double limit, double* g) {
  std::transform(g, g + n, g, [limit](double v) { return std::abs(v) > limit ? std::copysign(limit, v) : v; });
}

template <typename T>
void clip_tensors(BasicParameterStore<T>& store, double limit) {
  for (BasicParameter<T>& p : store.parameters()) {
    const double s = scale_to(limit, norm_of(p.gradient(), p.size()));
    if (s != 1.0) {
      scale(p.size(), s, p.gradient_memory());
    }
  }
}

}  // namespace

template <typename T>
ClippedGradients clip_gradients(BasicParameterStore<T>& store, const ClipSpec& spec, GradientNorm norm) {
  if (spec.kind != ClipKind::kOff && !(spec.limit > 0.0 && std::isfinite(spec.limit))) {
    throw Error(fmt::format("clipping: the limit is {}; expected a number above 0, or no clipping", spec.limit));
  }
  ClippedGradients clipped;
  if (norm == GradientNorm::kAlways || spec.kind == ClipKind::kGlobalNorm) {
    clipped.norm = norm_of(store.gradients(), store.flat_size());
  }
  switch (spec.kind) {
    case ClipKind::kOff:
      break;
    case ClipKind::kGlobalNorm:
      clipped.scale = scale_to(spec.limit, *clipped.norm);
      break;
    case ClipKind::kPerTensor:
      clip_tensors(store, spec.limit);
      break;
    case ClipKind::kPerValue:
      clamp(store.flat_size(), spec.limit, store.gradients());
      break;
  }
  return clipped;
}

template ClippedGradients clip_gradients(BasicParameterStore<float>&, const ClipSpec&, GradientNorm);
template ClippedGradients clip_gradients(BasicParameterStore<double>&, const ClipSpec&, GradientNorm);

}  // namespace normlab::nn
