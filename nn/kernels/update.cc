#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/update.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <hwy/cache_control.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "base/parallel.h"
#include "nn/kernels/simd-inl.h"
#include "nn/kernels/update.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

template <Decay kDecay>
using DecayConstant = std::integral_constant<Decay, kDecay>;

// Elements of a gradient that are multiplied out before they are used: so few that the processor multiplies the next
// ones while it still divides these.
constexpr Index kPiece = 128;
// Elements ahead for which the arrays of the step are asked meanwhile.
constexpr Index kAskAhead = 512;
constexpr Index kLineFloats = kCacheLine / sizeof(float);

// g[0, kVectors) = elements [j, j + kVectors) of row i, in vectors of D.
template <Index kVectors, typename D>
HWY_INLINE void MultiplyOutVectors(D d, GradientFactors<float> f, Index i, Index j, float* HWY_RESTRICT g) {
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const float *dy = f.dy + i, *x = f.x + j;
  hn::Vec<D> sum[kVectors];
  for (auto& s : sum) {
    s = hn::Zero(d);
  }
  for (Index b = 0; b < f.batch; ++b, dy += f.out, x += f.in) {
    const auto factor = hn::Set(d, *dy);
    for (Index v = 0; v < kVectors; ++v) {
      sum[v] = hn::MulAdd(factor, hn::LoadU(d, x + v * lanes), sum[v]);
    }
  }
  for (Index v = 0; v < kVectors; ++v) {
    hn::StoreU(sum[v], d, g + v * lanes);
  }
}

// g[0, n) = elements [j, j + n) of row i.
HWY_INLINE void MultiplyOutRow(GradientFactors<float> f, Index i, Index j, Index n, float* HWY_RESTRICT g) {
  const Full d;
  const Index lanes = FullLanes();
  Index k = 0;
  for (; k + 4 * lanes <= n; k += 4 * lanes) {
    MultiplyOutVectors<4>(d, f, i, j + k, g + k);
  }
  for (; k + lanes <= n; k += lanes) {
    MultiplyOutVectors<1>(d, f, i, j + k, g + k);
  }
  if (k < n && n >= lanes) {
    MultiplyOutVectors<1>(d, f, i, j + n - lanes, g + n - lanes);  // in part once more, for the same bits
    return;
  }
  for (; k < n; ++k) {
    MultiplyOutVectors<1>(Single(), f, i, j + k, g + k);
  }
}

// g[0, end - begin) = elements [begin, end) of the gradient, by rows.
HWY_INLINE void MultiplyOut(GradientFactors<float> f, Index begin, Index end, float* HWY_RESTRICT g) {
  for (Index n = 0; begin < end; begin += n, g += n) {
    const Index i = begin / f.in, j = begin - i * f.in;
    n = std::min(f.in - j, end - begin);
    MultiplyOutRow(f, i, j, n, g);
  }
}

// The arrays that a step goes over beside the gradient.
template <std::size_t kCount>
using Arrays = std::array<const float*, kCount>;

// Calls over(begin, end, g) for the run, or for pieces of it in order; g is the gradient of element `begin`.
template <std::size_t kCount, typename Over>
HWY_INLINE void WithGradient(const UpdateRun& run, const float* g, const Arrays<kCount>& arrays, const Over& over) {
  if (run.factors == nullptr) {
    return over(run.begin, run.end, g + run.begin);
  }
  HWY_ALIGN float piece[kPiece];
  for (Index begin = run.begin; begin < run.end; begin += kPiece) {
    const Index end = std::min(begin + kPiece, run.end);
    for (const float* array : arrays) {
      for (Index i = begin; array != nullptr && i < end; i += kLineFloats) {
        hwy::Prefetch(array + i + kAskAhead);
      }
    }
    MultiplyOut(*run.factors, begin - run.parameter, end - run.parameter, piece);
    over(begin, end, piece);
  }
}

// Calls body(decay, d, i, g) over all elements of the runs, g pointing to the gradient of element i; decay is a
// DecayConstant, so that no element asks for it. body holds what it needs by value.
template <std::size_t kCount, typename Body>
HWY_INLINE void ForRuns(std::span<const UpdateRun> runs, Decay decay, const float* g, const Arrays<kCount>& arrays,
                        const Body& body) {
  parallel_for(static_cast<Index>(runs.size()), [&](Index r) HWY_ATTR {
    const UpdateRun& run = runs[static_cast<std::size_t>(r)];
    WithGradient(run, g, arrays, [&](Index begin, Index end, const float* HWY_RESTRICT gradient) HWY_ATTR {
      const auto over = [&](auto kind) HWY_ATTR {
        const Body own = body;  // no store can change it, so that what it holds stays in registers
        ForRange(begin, end, [&](auto d, Index i) HWY_ATTR { own(kind, d, i, gradient + (i - begin)); });
      };
      switch (run.decays ? decay : Decay::kNone) {
        case Decay::kNone:
          return over(DecayConstant<Decay::kNone>());
        case Decay::kL2:
          return over(DecayConstant<Decay::kL2>());
        case Decay::kDecoupled:
          return over(DecayConstant<Decay::kDecoupled>());
      }
    });
  });
}

template <Decay kDecay, typename D>
HWY_INLINE hn::Vec<D> WeightOf(DecayConstant<kDecay>, D d, const GradientScalars& s, const float* w, Index i) {
  const auto weight = hn::LoadU(d, w + i);
  return kDecay == Decay::kDecoupled ? hn::NegMulAdd(hn::Set(d, s.amount), weight, weight) : weight;
}

template <Decay kDecay, typename D>
HWY_INLINE hn::Vec<D> GradientOf(DecayConstant<kDecay>, D d, const GradientScalars& s, const float* g,
                                 hn::Vec<D> weight) {
  const auto grad = hn::Mul(hn::Set(d, s.scale), hn::LoadU(d, g));
  return kDecay == Decay::kL2 ? hn::MulAdd(hn::Set(d, s.amount), weight, grad) : grad;
}

// The running mean of squared gradients, n, after this one.
template <typename D>
HWY_INLINE hn::Vec<D> MeanSquare(D d, const RmspropScalars& s, const float* n, hn::Vec<D> grad, Index i) {
  return hn::MulAdd(hn::Set(d, s.alpha), hn::LoadU(d, n + i),
                    hn::Mul(hn::Set(d, s.one_minus_alpha), hn::Mul(grad, grad)));
}

void AdamUpdate(std::span<const UpdateRun> runs, const GradientScalars& gradient, const AdamScalars& s,
                const float* HWY_RESTRICT gradients, float* HWY_RESTRICT w, float* HWY_RESTRICT m,
                float* HWY_RESTRICT v) {
  ForRuns(runs, gradient.decay, gradients, Arrays<3>{w, m, v},
          [=](auto decay, auto d, Index i, const float* g) HWY_ATTR {
            const auto weight = WeightOf(decay, d, gradient, w, i);
            const auto grad = GradientOf(decay, d, gradient, g, weight);
            const auto m1 =
                hn::MulAdd(hn::Set(d, s.beta1), hn::LoadU(d, m + i), hn::Mul(hn::Set(d, s.one_minus_beta1), grad));
            const auto g2 = hn::Mul(hn::Set(d, s.one_minus_beta2), hn::Mul(grad, grad));
            const auto v1 = hn::MulAdd(hn::Set(d, s.beta2), hn::LoadU(d, v + i), g2);
            const auto denominator = hn::MulAdd(hn::Set(d, s.v_scale), hn::Sqrt(v1), hn::Set(d, s.eps));
            const auto change = hn::Div(hn::Mul(hn::Set(d, s.step_size), m1), denominator);
            hn::StoreU(m1, d, m + i);
            hn::StoreU(v1, d, v + i);
            hn::StoreU(hn::Sub(weight, change), d, w + i);
          });
}

void SgdUpdate(std::span<const UpdateRun> runs, const GradientScalars& gradient, const SgdScalars& s,
               const float* HWY_RESTRICT gradients, float* HWY_RESTRICT w, float* HWY_RESTRICT velocity) {
  ForRuns(runs, gradient.decay, gradients, Arrays<2>{w, velocity},
          [=](auto decay, auto d, Index i, const float* g) HWY_ATTR {
            const auto weight = WeightOf(decay, d, gradient, w, i);
            const auto grad = GradientOf(decay, d, gradient, g, weight);
            const auto v1 = hn::MulAdd(hn::Set(d, s.momentum), hn::LoadU(d, velocity + i), grad);
            const auto direction = s.nesterov ? hn::MulAdd(hn::Set(d, s.momentum), v1, grad) : v1;
            hn::StoreU(v1, d, velocity + i);
            hn::StoreU(hn::NegMulAdd(hn::Set(d, s.lr), direction, weight), d, w + i);
          });
}

void RmspropUpdate(std::span<const UpdateRun> runs, const GradientScalars& gradient, const RmspropScalars& s,
                   const float* HWY_RESTRICT gradients, float* HWY_RESTRICT w, float* HWY_RESTRICT n,
                   float* HWY_RESTRICT velocity) {
  ForRuns(runs, gradient.decay, gradients, Arrays<3>{w, n, velocity},
          [=](auto decay, auto d, Index i, const float* g) HWY_ATTR {
            const auto weight = WeightOf(decay, d, gradient, w, i);
            const auto grad = GradientOf(decay, d, gradient, g, weight);
            const auto n1 = MeanSquare(d, s, n, grad, i);
            auto direction = hn::Div(grad, hn::Add(hn::Sqrt(n1), hn::Set(d, s.eps)));
            hn::StoreU(n1, d, n + i);
            if (velocity != nullptr) {
              direction = hn::MulAdd(hn::Set(d, s.momentum), hn::LoadU(d, velocity + i), direction);
              hn::StoreU(direction, d, velocity + i);
            }
            hn::StoreU(hn::NegMulAdd(hn::Set(d, s.lr), direction, weight), d, w + i);
          });
}

void RmspropGravesUpdate(std::span<const UpdateRun> runs, const GradientScalars& gradient, const RmspropScalars& s,
                         const float* HWY_RESTRICT gradients, float* HWY_RESTRICT w, float* HWY_RESTRICT n,
                         float* HWY_RESTRICT m, float* HWY_RESTRICT change) {
  ForRuns(runs, gradient.decay, gradients, Arrays<4>{w, n, m, change},
          [=](auto decay, auto d, Index i, const float* g) HWY_ATTR {
            const auto weight = WeightOf(decay, d, gradient, w, i);
            const auto grad = GradientOf(decay, d, gradient, g, weight);
            const auto n1 = MeanSquare(d, s, n, grad, i);
            const auto m1 =
                hn::MulAdd(hn::Set(d, s.alpha), hn::LoadU(d, m + i), hn::Mul(hn::Set(d, s.one_minus_alpha), grad));
            const auto difference = hn::NegMulAdd(m1, m1, n1);
            // Not Max, which may return either operand when one is NaN.
            const auto variance = hn::IfThenElse(hn::Lt(difference, hn::Zero(d)), hn::Zero(d), difference);
            const auto quotient =
                hn::Div(hn::Mul(hn::Set(d, s.lr), grad), hn::Sqrt(hn::Add(variance, hn::Set(d, s.eps))));
            const auto change1 = hn::MulSub(hn::Set(d, s.momentum), hn::LoadU(d, change + i), quotient);
            hn::StoreU(n1, d, n + i);
            hn::StoreU(m1, d, m + i);
            hn::StoreU(change1, d, change + i);
            hn::StoreU(hn::Add(weight, change1), d, w + i);
          });
}

void Scale(Index n, float s, float* x) {
  parallel_ranges(n, kGrain, [&](Index begin, Index end) HWY_ATTR {
    ForRange(begin, end,
             [&](auto d, Index i) HWY_ATTR { hn::StoreU(hn::Mul(hn::Set(d, s), hn::LoadU(d, x + i)), d, x + i); });
  });
}

void Clamp(Index n, float limit, float* x) {
  parallel_ranges(n, kGrain, [&](Index begin, Index end) HWY_ATTR {
    ForRange(begin, end, [&](auto d, Index i) HWY_ATTR {
      const auto value = hn::LoadU(d, x + i), most = hn::Set(d, limit);
      // Not Clamp, which may lose a NaN.
      const auto clamped = hn::IfThenElse(hn::Gt(hn::Abs(value), most), hn::CopySign(most, value), value);
      hn::StoreU(clamped, d, x + i);
    });
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>

namespace normlab::nn::kernels {

HWY_EXPORT(AdamUpdate);
HWY_EXPORT(SgdUpdate);
HWY_EXPORT(RmspropUpdate);
HWY_EXPORT(RmspropGravesUpdate);
HWY_EXPORT(Scale);
HWY_EXPORT(Clamp);

AdamScalars adam_scalars(double lr, double beta1, double beta2, double eps, long step, bool bias_correction) {
  const auto t = static_cast<double>(step);
  const double c1 = bias_correction ? 1.0 - std::pow(beta1, t) : 1.0;
  const double c2 = bias_correction ? 1.0 - std::pow(beta2, t) : 1.0;
  const auto f = [](double x) { return static_cast<float>(x); };
  return {.beta1 = f(beta1),
          .beta2 = f(beta2),
          .one_minus_beta1 = f(1.0 - beta1),
          .one_minus_beta2 = f(1.0 - beta2),
          .step_size = f(lr / c1),
          .v_scale = f(1.0 / std::sqrt(c2)),
          .eps = f(eps)};
}

void adam_update(std::span<const UpdateRun> runs, const GradientScalars& gradient, const AdamScalars& s, const float* g,
                 float* w, float* m, float* v) {
  HWY_DYNAMIC_DISPATCH(AdamUpdate)(runs, gradient, s, g, w, m, v);
}
void sgd_update(std::span<const UpdateRun> runs, const GradientScalars& gradient, const SgdScalars& s, const float* g,
                float* w, float* velocity) {
  HWY_DYNAMIC_DISPATCH(SgdUpdate)(runs, gradient, s, g, w, velocity);
}
void rmsprop_update(std::span<const UpdateRun> runs, const GradientScalars& gradient, const RmspropScalars& s,
                    const float* g, float* w, float* n, float* velocity) {
  HWY_DYNAMIC_DISPATCH(RmspropUpdate)(runs, gradient, s, g, w, n, velocity);
}
void rmsprop_graves_update(std::span<const UpdateRun> runs, const GradientScalars& gradient, const RmspropScalars& s,
                           const float* g, float* w, float* n, float* m, float* change) {
  HWY_DYNAMIC_DISPATCH(RmspropGravesUpdate)(runs, gradient, s, g, w, n, m, change);
}
void scale(Index n, float s, float* x) { HWY_DYNAMIC_DISPATCH(Scale)(n, s, x); }
void clamp(Index n, float limit, float* x) { HWY_DYNAMIC_DISPATCH(Clamp)(n, limit, x); }

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
