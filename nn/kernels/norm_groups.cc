#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/norm_groups.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include "base/parallel.h"
#include "nn/kernels/moments-inl.h"
#include "nn/kernels/norm.h"
#include "nn/kernels/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Calls body(channels) for blocks of up to kMostColumns of the f channels.
template <typename Body>
HWY_INLINE void ForBlocks(Index f, Body&& body) {
  for (Index begin = 0; begin < f; begin += kMostColumns) {
    body(Range{begin, std::min(begin + kMostColumns, f)});
  }
}

// Statistics of the groups as those of the channels of one block.
struct ChannelValues {
  alignas(64) float values[kMostColumns];

  ChannelValues(const GroupShape& s, Range channels, const float* of_groups) {
    for (Index c = channels.begin; c < channels.end; ++c) {
      values[c - channels.begin] = of_groups[c / s.group_channels()];
    }
  }
};

void MomentsOfExample(const GroupShape& s, bool center, const float* x, float eps, EpsPlace place, float* mean,
                      float* inv_s) {
  CombinedMoments group;
  ForBlocks(s.f, [&](Range channels) HWY_ATTR {
    const RowsMoments block = MomentsOverRows({0, s.positions}, channels, s.f, x);
    for (Index c = channels.begin; c < channels.end; ++c) {
      const Index at = c - channels.begin;
      group.Add(s.positions, block.mean[at], block.squares[at]);
      if ((c + 1) % s.group_channels() == 0) {
        const Index g = c / s.group_channels();
        mean[g] = center ? static_cast<float>(group.mean) : 0.0f;
        const double about_zero = center ? 0.0 : group.mean * group.mean;
        inv_s[g] = inverse_deviation(static_cast<float>(group.Variance() + about_zero), eps, place);
        group = {};
      }
    }
  });
}

void GroupNormForward(const GroupShape& s, bool center, const float* x, const float* gain, const float* bias, float eps,
                      EpsPlace place, float* HWY_RESTRICT y, float* mean, float* inv_s) {
  const Index size = s.positions * s.f;
  parallel_ranges(s.examples, RowGrain(size), [&](Index begin, Index end) HWY_ATTR {
    for (Index b = begin; b < end; ++b) {
      const float* in = x + b * size;
      float *means = mean + b * s.groups, *invs = inv_s + b * s.groups, *out = y + b * size;
      MomentsOfExample(s, center, in, eps, place, means, invs);
      ForBlocks(s.f, [&](Range channels) HWY_ATTR {
        const ChannelValues m(s, channels, means), inv(s, channels, invs);
        for (Index p = 0; p < s.positions; ++p) {
          ForRange(channels.begin, channels.end, [&](auto d, Index c) HWY_ATTR {
            const Index at = c - channels.begin;
            const auto n = hn::Mul(hn::Sub(hn::LoadU(d, in + p * s.f + c), hn::LoadU(d, m.values + at)),
                                   hn::LoadU(d, inv.values + at));
            hn::StoreU(hn::MulAdd(LoadOr(d, gain, c, 1.0f), n, LoadOr(d, bias, c, 0.0f)), d, out + p * s.f + c);
          });
        }
      });
    }
  });
}

// One example of a backward pass.
struct ExampleBackward {
  const GroupShape& s;
  const float *dy, *x, *mean, *inv_s, *gain;
  float *dot, *sum;  // of the example's channels

  void SumChannels() const {
    std::fill_n(dot, s.f, 0.0f);
    std::fill_n(sum, s.f, 0.0f);
    ForBlocks(s.f, [&](Range channels) HWY_ATTR {
      const ChannelValues m(s, channels, mean), inv(s, channels, inv_s);
      AddGradientSums({0, s.positions}, channels, s.f, dy, sum, dot, [&](auto d, Index p, Index c) HWY_ATTR {
        const Index at = c - channels.begin;
        return hn::Mul(hn::Sub(hn::LoadU(d, x + p * s.f + c), hn::LoadU(d, m.values + at)),
                       hn::LoadU(d, inv.values + at));
      });
    });
  }

  // The sum over a group of a channel's sum times its gain.
  float OfGroup(Index g, const float* channel_sums) const {
    double total = 0;
    for (Index c = g * s.group_channels(); c < (g + 1) * s.group_channels(); ++c) {
      total += static_cast<double>(gain ? gain[c] : 1.0f) * static_cast<double>(channel_sums[c]);
    }
    return static_cast<float>(total / static_cast<double>(s.group_values()));
  }
};

// dx = inv (dn - average(dn) - n c average(dn n)), dn = gain dy.
void GradientOfExample(const ExampleBackward& e, bool center, float eps, EpsPlace place, float* dx, bool accumulate) {
  const GroupShape& s = e.s;
  ForBlocks(s.f, [&](Range channels) HWY_ATTR {
    const ChannelValues m(s, channels, e.mean), inv(s, channels, e.inv_s);
    alignas(64) float average[kMostColumns], slope[kMostColumns];
    for (Index c = channels.begin; c < channels.end; ++c) {
      const Index at = c - channels.begin, g = c / s.group_channels();
      const bool first = at == 0 || c % s.group_channels() == 0;
      average[at] = !first ? average[at - 1] : center ? e.OfGroup(g, e.sum) : 0.0f;
      slope[at] = !first ? slope[at - 1] : DeviationSlope(e.inv_s[g], eps, place) * e.OfGroup(g, e.dot);
    }
    for (Index p = 0; p < s.positions; ++p) {
      ForRange(channels.begin, channels.end, [&](auto d, Index c) HWY_ATTR {
        const Index at = c - channels.begin, i = p * s.f + c;
        const auto scale = hn::LoadU(d, inv.values + at);
        const auto n = hn::Mul(hn::Sub(hn::LoadU(d, e.x + i), hn::LoadU(d, m.values + at)), scale);
        const auto dn = hn::Mul(LoadOr(d, e.gain, c, 1.0f), hn::LoadU(d, e.dy + i));
        const auto dz = hn::NegMulAdd(n, hn::LoadU(d, slope + at), hn::Sub(dn, hn::LoadU(d, average + at)));
        StoreOrAdd(d, hn::Mul(dz, scale), dx, i, accumulate);
      });
    }
  });
}

void GroupNormBackward(const GroupShape& s, bool center, const float* dy, const float* x, const float* mean,
                       const float* inv_s, const float* gain, float eps, EpsPlace place, float* dx, bool accumulate,
                       float* dot, float* sum) {
  const Index size = s.positions * s.f;
  parallel_ranges(s.examples, RowGrain(size), [&](Index begin, Index end) HWY_ATTR {
    for (Index b = begin; b < end; ++b) {
      const ExampleBackward example{s,    dy + b * size, x + b * size, mean + b * s.groups, inv_s + b * s.groups,
                                    gain, dot + b * s.f, sum + b * s.f};
      example.SumChannels();
      GradientOfExample(example, center, eps, place, dx + b * size, accumulate);
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(GroupNormForward);
HWY_EXPORT(GroupNormBackward);

void group_norm_forward(const GroupShape& shape, bool center, const float* x, const float* gain, const float* bias,
                        float eps, EpsPlace place, float* y, float* mean, float* inv_s) {
  HWY_DYNAMIC_DISPATCH(GroupNormForward)(shape, center, x, gain, bias, eps, place, y, mean, inv_s);
}

void group_norm_backward(const GroupShape& shape, bool center, const float* dy, const float* x, const float* mean,
                         const float* inv_s, const float* gain, float eps, EpsPlace place, float* dx, bool accumulate,
                         float* dot, float* sum) {
  HWY_DYNAMIC_DISPATCH(GroupNormBackward)
  (shape, center, dy, x, mean, inv_s, gain, eps, place, dx, accumulate, dot, sum);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
