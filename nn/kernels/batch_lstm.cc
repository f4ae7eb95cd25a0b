#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/batch_lstm.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>

#include "base/parallel.h"
#include "nn/kernels/batch_lstm.h"
#include "nn/kernels/cell-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Units of a piece: two cache lines of each array, and enough pieces for a team.
constexpr Index kUnits = 32;

// Some columns of a matrix of `stride` columns.
struct Columns {
  Index begin, end, stride;

  Index at(Index r, Index j) const { return r * stride + j; }
};

bool Counts(const BatchLstmStep& step, Index r) { return !step.mask || step.mask[r] != 0.0f; }

float CountedRows(const BatchLstmStep& step) {
  return static_cast<float>(step.mask ? step.rows - std::count(step.mask, step.mask + step.rows, 0.0f) : step.rows);
}

// n of one site at element x[at(r, j)].
template <typename D>
HWY_INLINE hn::Vec<D> Normalized(D d, const BatchSite& site, const float* x, Index at, Index j) {
  return hn::Mul(hn::Sub(hn::LoadU(d, x + at), hn::LoadU(d, site.mean + j)), hn::LoadU(d, site.inv_s + j));
}

template <typename D>
HWY_INLINE hn::Vec<D> Affine(D d, const BatchSite& site, hn::Vec<D> n, Index j) {
  return hn::MulAdd(hn::LoadU(d, site.gain + j), n, hn::LoadU(d, site.bias + j));
}

// Mean and variance of the columns as column_moments() has them, unless given, and the inverse deviation.
void Measure(const BatchLstmRule& rule, const BatchLstmStep& step, const BatchSite& site, Columns columns,
             const float* x) {
  if (!step.given) {
    const float n = CountedRows(step);
    ForRange(columns.begin, columns.end, [&](auto d, Index j) HWY_ATTR {
      const auto count = hn::Set(d, n);
      auto sum = hn::Zero(d);
      for (Index r = 0; r < step.rows; ++r) {
        if (Counts(step, r)) {
          sum = hn::Add(sum, hn::LoadU(d, x + columns.at(r, j)));
        }
      }
      const auto rough = hn::Div(sum, count);
      auto deviations = hn::Zero(d), squares = hn::Zero(d);
      for (Index r = 0; r < step.rows; ++r) {
        if (Counts(step, r)) {
          const auto deviation = hn::Sub(hn::LoadU(d, x + columns.at(r, j)), rough);
          deviations = hn::Add(deviations, deviation);
          squares = hn::MulAdd(deviation, deviation, squares);
        }
      }
      const auto shift = hn::Div(deviations, count);
      const auto biased = hn::Sub(hn::Div(squares, count), hn::Mul(shift, shift));
      const auto variance = hn::IfThenElse(hn::Lt(biased, hn::Zero(d)), hn::Zero(d), biased);
      hn::StoreU(hn::Add(rough, shift), d, site.mean + j);
      hn::StoreU(hn::Mul(variance, hn::Set(d, step.ratio)), d, site.variance + j);
    });
  }
  for (Index j = columns.begin; j < columns.end; ++j) {
    site.inv_s[j] = inverse_deviation(site.variance[j], rule.eps, EpsPlace::kInsideSqrt);
  }
}

// Gates and cell of one row's units [begin, end).
void GatesForward(const BatchLstmRule& rule, const BatchLstmStep& step, Index r, Index begin, Index end) {
  const Index units = rule.units, row = r * 4 * units;
  const auto sum = [&](auto d, Index j) HWY_ATTR {
    const auto recurrent =
        Affine(d, step.of_recurrent, Normalized(d, step.of_recurrent, step.recurrent, row + j, j), j);
    const auto input = Affine(d, step.of_input, Normalized(d, step.of_input, step.input, row + j, j), j);
    return hn::Add(hn::Add(recurrent, input), hn::LoadU(d, rule.bias + j));
  };
  ForRange(begin, end, [&](auto d, Index u) HWY_ATTR {
    const auto f = SigmoidOf(d, sum(d, u)), i = SigmoidOf(d, sum(d, units + u));
    const auto o = SigmoidOf(d, sum(d, 2 * units + u)), g = TanhOf(d, sum(d, 3 * units + u));
    float* gates = step.gates + row + u;
    hn::StoreU(f, d, gates);
    hn::StoreU(i, d, gates + units);
    hn::StoreU(o, d, gates + 2 * units);
    hn::StoreU(g, d, gates + 3 * units);
    const auto kept = hn::Mul(f, hn::LoadU(d, step.c_prev + r * units + u));
    hn::StoreU(hn::Add(kept, hn::Mul(i, g)), d, step.c + r * units + u);
  });
}

void OutputForward(const BatchLstmRule& rule, const BatchLstmStep& step, Index r, Index begin, Index end) {
  const Index units = rule.units;
  ForRange(begin, end, [&](auto d, Index u) HWY_ATTR {
    const auto n = Normalized(d, step.of_cell, step.c, r * units + u, u);
    const auto t = TanhOf(d, Affine(d, step.of_cell, n, u));
    hn::StoreU(t, d, step.squashed + r * units + u);
    hn::StoreU(hn::Mul(hn::LoadU(d, step.gates + (4 * r + 2) * units + u), t), d, step.h + r * units + u);
  });
}

void BatchLstmForward(const BatchLstmRule& rule, const BatchLstmStep& step) {
  const Index units = rule.units;
  parallel_ranges(units, kUnits, [&](Index begin, Index end) HWY_ATTR {
    for (Index gate = 0; gate < 4; ++gate) {
      const Columns columns{gate * units + begin, gate * units + end, 4 * units};
      Measure(rule, step, step.of_recurrent, columns, step.recurrent);
      Measure(rule, step, step.of_input, columns, step.input);
    }
    for (Index r = 0; r < step.rows; ++r) {
      if (Counts(step, r)) {
        GatesForward(rule, step, r, begin, end);
      } else {
        std::copy(step.c_prev + r * units + begin, step.c_prev + r * units + end, step.c + r * units + begin);
        std::copy(step.h_prev + r * units + begin, step.h_prev + r * units + end, step.h + r * units + begin);
      }
    }
    Measure(rule, step, step.of_cell, {begin, end, units}, step.c);
    for (Index r = 0; r < step.rows; ++r) {
      if (Counts(step, r)) {
        OutputForward(rule, step, r, begin, end);
      }
    }
  });
}

// From dy, the gradient of what a site gives, to give(d, r, j, dx) for what came in: x. Adds to the sums.
template <typename Give>
HWY_INLINE void NormBackward(const BatchLstmStep& step, const BatchSite& site, Columns columns, const float* dy,
                             const float* x, BatchSiteSums sums, Give&& give) {
  const float per_row = step.given ? 0.0f : 1.0f / CountedRows(step);
  ForRange(columns.begin, columns.end, [&](auto d, Index j) HWY_ATTR {
    auto sum = hn::Zero(d), dot = hn::Zero(d);
    for (Index r = 0; r < step.rows; ++r) {
      if (Counts(step, r)) {
        const auto up = hn::LoadU(d, dy + columns.at(r, j));
        sum = hn::Add(sum, up);
        dot = hn::MulAdd(up, Normalized(d, site, x, columns.at(r, j), j), dot);
      }
    }
    const auto pull = hn::Mul(dot, hn::Set(d, per_row * step.ratio));
    const auto s = hn::Mul(hn::LoadU(d, site.gain + j), hn::LoadU(d, site.inv_s + j));
    for (Index r = 0; r < step.rows; ++r) {
      if (Counts(step, r)) {
        const auto centered = hn::NegMulAdd(sum, hn::Set(d, per_row), hn::LoadU(d, dy + columns.at(r, j)));
        const auto n = Normalized(d, site, x, columns.at(r, j), j);
        give(d, r, j, hn::Mul(hn::NegMulAdd(n, pull, centered), s));
      }
    }
    if (sums.gain) {
      AddTo(d, dot, sums.gain, j);
    }
    if (sums.bias) {
      AddTo(d, sum, sums.bias, j);
    }
  });
}

// A gradient of z as the rule has it; NaN stays NaN. Plus 0, as gradients that are added to zeros.
template <typename D>
HWY_INLINE hn::Vec<D> Clipped(D d, const BatchLstmRule& rule, hn::Vec<D> dz) {
  const auto most = hn::Set(d, rule.clip);
  const auto cut = rule.clip > 0.0f ? KeepNaN(dz, hn::Min(hn::Max(dz, hn::Neg(most)), most)) : dz;
  return hn::Add(hn::Zero(d), cut);
}

// dy y (1 - y) and dy (1 - y^2), in the order of the ops.
template <typename D>
HWY_INLINE hn::Vec<D> ThroughSigmoid(D d, hn::Vec<D> dy, hn::Vec<D> y) {
  return hn::Mul(hn::Mul(dy, y), hn::Sub(hn::Set(d, 1.0f), y));
}
template <typename D>
HWY_INLINE hn::Vec<D> ThroughTanh(D d, hn::Vec<D> dy, hn::Vec<D> y) {
  return hn::Mul(dy, hn::Sub(hn::Set(d, 1.0f), hn::Mul(y, y)));
}

// The output gate's dz in its place, and the gradient of N(c) in `squashed`.
void OutputBackward(const BatchLstmRule& rule, const BatchLstmStep& step, const float* dh, Index r, Index begin,
                    Index end) {
  const Index units = rule.units;
  float *gate = step.gates + (4 * r + 2) * units, *squashed = step.squashed + r * units;
  ForRange(begin, end, [&](auto d, Index u) HWY_ATTR {
    const auto up = hn::LoadU(d, dh + r * units + u), o = hn::LoadU(d, gate + u), t = hn::LoadU(d, squashed + u);
    hn::StoreU(Clipped(d, rule, ThroughSigmoid(d, hn::Mul(up, t), o)), d, gate + u);
    hn::StoreU(ThroughTanh(d, hn::Mul(up, o), t), d, squashed + u);
  });
}

// The other gates' dz, and dc_prev, from dc of one vector of units.
template <typename D>
HWY_INLINE void GatesBackward(D d, const BatchLstmRule& rule, const BatchLstmStep& step, Index r, Index u,
                              hn::Vec<D> dc, CellSink c_prev) {
  const Index units = rule.units;
  float* gates = step.gates + r * 4 * units + u;
  const auto f = hn::LoadU(d, gates), i = hn::LoadU(d, gates + units), g = hn::LoadU(d, gates + 3 * units);
  const auto before = hn::LoadU(d, step.c_prev + r * units + u);
  if (c_prev.data) {
    StoreOrAdd(d, hn::Mul(dc, f), c_prev.data, r * units + u, c_prev.accumulate);
  }
  hn::StoreU(Clipped(d, rule, ThroughSigmoid(d, hn::Mul(dc, before), f)), d, gates);
  hn::StoreU(Clipped(d, rule, ThroughSigmoid(d, hn::Mul(dc, g), i)), d, gates + units);
  hn::StoreU(Clipped(d, rule, ThroughTanh(d, hn::Mul(dc, i), g)), d, gates + 3 * units);
}

// The gradients of one gate's terms, or of several gates side by side.
void TermsBackward(const BatchLstmStep& step, const BatchLstmGradients& to, Columns columns) {
  const auto give_to = [&](CellSink sink) HWY_ATTR {
    return [=](auto d, Index r, Index j, auto dx) HWY_ATTR {
      if (sink.data) {
        StoreOrAdd(d, dx, sink.data, columns.at(r, j), sink.accumulate);
      }
    };
  };
  if (to.bias) {
    ForRange(columns.begin, columns.end, [&](auto d, Index j) HWY_ATTR {
      auto sum = hn::LoadU(d, to.bias + j);
      for (Index r = 0; r < step.rows; ++r) {
        sum = Counts(step, r) ? hn::Add(sum, hn::LoadU(d, step.gates + columns.at(r, j))) : sum;
      }
      hn::StoreU(sum, d, to.bias + j);
    });
  }
  NormBackward(step, step.of_recurrent, columns, step.gates, step.recurrent, to.of_recurrent, give_to(to.recurrent));
  NormBackward(step, step.of_input, columns, step.gates, step.input, to.of_input, give_to(to.input));
}

// Rows that do not count: the state's gradient goes past them, and their sums get none.
void PassBackward(const BatchLstmRule& rule, const BatchLstmStep& step, const BatchLstmGradients& to, Index begin,
                  Index end) {
  const Index units = rule.units, width = end - begin;
  for (Index r = 0; r < step.rows; ++r) {
    const bool counts = Counts(step, r);
    const Index at = r * units + begin;
    if (step.mask) {
      Pass(width, counts ? nullptr : to.dh + at, PartOf(to.h_prev, at));
    }
    if (!counts) {
      Pass(width, to.dc + at, PartOf(to.c_prev, at));
      for (Index gate = 0; gate < 4; ++gate) {
        const Index sums = (4 * r + gate) * units + begin;
        Pass(width, nullptr, PartOf(to.recurrent, sums));
        Pass(width, nullptr, PartOf(to.input, sums));
      }
    }
  }
}

void BatchLstmBackward(const BatchLstmRule& rule, const BatchLstmStep& step, const BatchLstmGradients& to) {
  const Index units = rule.units;
  parallel_ranges(units, kUnits, [&](Index begin, Index end) HWY_ATTR {
    PassBackward(rule, step, to, begin, end);
    for (Index r = 0; r < step.rows; ++r) {
      if (Counts(step, r)) {
        OutputBackward(rule, step, to.dh, r, begin, end);
      }
    }
    NormBackward(step, step.of_cell, {begin, end, units}, step.squashed, step.c, to.of_cell,
                 [&](auto d, Index r, Index u, auto dx) HWY_ATTR {
                   const auto dc = hn::Add(hn::LoadU(d, to.dc + r * units + u), dx);
                   GatesBackward(d, rule, step, r, u, dc, to.c_prev);
                 });
    for (Index gate = 0; gate < 4; ++gate) {
      TermsBackward(step, to, {gate * units + begin, gate * units + end, 4 * units});
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(BatchLstmForward);
HWY_EXPORT(BatchLstmBackward);

void batch_lstm_forward(const BatchLstmRule& rule, const BatchLstmStep& step) {
  HWY_DYNAMIC_DISPATCH(BatchLstmForward)(rule, step);
}
void batch_lstm_backward(const BatchLstmRule& rule, const BatchLstmStep& step, const BatchLstmGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(BatchLstmBackward)(rule, step, gradients);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
