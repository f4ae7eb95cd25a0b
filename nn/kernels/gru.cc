#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/gru.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>

#include "base/parallel.h"
#include "nn/kernels/cell-inl.h"
#include "nn/kernels/gru.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Groups in GruStep::stats. With kTerms each term has two, kGates has one for z and one for r.
constexpr Index kRecurrentGates = 0, kRecurrentCandidate = 1, kInputGates = 2, kInputCandidate = 3;
constexpr Index kSumGates = 0, kSumCandidate = 2;

// The memory of one row.
struct Row {
  const float *recurrent, *input, *h_prev;
  float *h, *gates, *inner, *stats;

  Row(const GruStep& s, Index units, Index r)
      : recurrent(s.recurrent + r * 3 * units),
        input(s.input + r * 3 * units),
        h_prev(s.h_prev + r * units),
        h(s.h + r * units),
        gates(s.gates + r * 3 * units),
        inner(s.inner + r * units),
        stats(s.stats + r * kGruStats) {}
};

// z and r from sum(d, j), with bias, at j in [0, 2H). It may read gates[j]: that is overwritten after.
template <typename Sum>
HWY_INLINE void GatesForward(Index units, const Row& row, Sum&& sum) {
  ForRange(0, 2 * units, [&](auto d, Index j) HWY_ATTR { hn::StoreU(SigmoidOf(d, sum(d, j)), d, row.gates + j); });
}

// The candidate from sum(d, r, u), with bias, at u in [0, H), and the output.
template <typename Sum>
HWY_INLINE void Output(Index units, const Row& row, Sum&& sum) {
  ForRange(0, units, [&](auto d, Index u) HWY_ATTR {
    const auto z = hn::LoadU(d, row.gates + u), r = hn::LoadU(d, row.gates + units + u);
    const auto candidate = TanhOf(d, sum(d, r, u)), h = hn::LoadU(d, row.h_prev + u);
    hn::StoreU(candidate, d, row.gates + 2 * units + u);
    hn::StoreU(hn::MulAdd(z, hn::Sub(candidate, h), h), d, row.h + u);
  });
}

void PlainForward(const GruRule& rule, const Row& row) {
  const Index units = rule.units, c = 2 * units;
  GatesForward(units, row, [&](auto d, Index j) HWY_ATTR {
    return hn::Add(hn::Add(hn::LoadU(d, row.recurrent + j), hn::LoadU(d, row.input + j)), hn::LoadU(d, rule.bias + j));
  });
  Output(units, row, [&](auto d, auto r, Index u) HWY_ATTR {
    const auto w = hn::Add(hn::LoadU(d, row.input + c + u), hn::LoadU(d, rule.bias + c + u));
    return hn::MulAdd(r, hn::LoadU(d, row.recurrent + c + u), w);
  });
}

void TermsForward(const GruRule& rule, const Row& row) {
  const Index units = rule.units, c = 2 * units;
  const RowScale recurrent = Measure(rule.norm, c, row.recurrent), input = Measure(rule.norm, c, row.input);
  const RowScale inner = Measure(rule.norm, units, row.recurrent + c), outer = Measure(rule.norm, units, row.input + c);
  Store(recurrent, row.stats, kRecurrentGates);
  Store(inner, row.stats, kRecurrentCandidate);
  Store(input, row.stats, kInputGates);
  Store(outer, row.stats, kInputCandidate);
  GatesForward(units, row, [&](auto d, Index j) HWY_ATTR {
    const auto n_h = recurrent(d, hn::LoadU(d, row.recurrent + j)), n_x = input(d, hn::LoadU(d, row.input + j));
    const auto sum = hn::MulAdd(hn::LoadU(d, rule.input_gain + j), n_x, hn::LoadU(d, rule.bias + j));
    return hn::MulAdd(hn::LoadU(d, rule.recurrent_gain + j), n_h, sum);
  });
  Output(units, row, [&](auto d, auto r, Index u) HWY_ATTR {
    const auto n_h = inner(d, hn::LoadU(d, row.recurrent + c + u)), n_x = outer(d, hn::LoadU(d, row.input + c + u));
    const auto term = hn::MulAdd(hn::LoadU(d, rule.recurrent_gain + c + u), n_h, hn::LoadU(d, rule.recurrent_bias + u));
    hn::StoreU(term, d, row.inner + u);
    const auto sum = hn::MulAdd(hn::LoadU(d, rule.input_gain + c + u), n_x, hn::LoadU(d, rule.bias + c + u));
    return hn::MulAdd(r, term, sum);
  });
}

Index GateGroups(const GruRule& rule) { return rule.sums == GruSums::kGates ? 2 : 1; }

void SumForward(const GruRule& rule, const Row& row) {
  const Index units = rule.units, c = 2 * units, groups = GateGroups(rule), width = c / groups;
  ForRange(0, c, [&](auto d, Index j) HWY_ATTR {
    hn::StoreU(hn::Add(hn::LoadU(d, row.recurrent + j), hn::LoadU(d, row.input + j)), d, row.gates + j);
  });
  for (Index k = 0; k < groups; ++k) {
    const RowScale scale = Measure(rule.norm, width, row.gates + k * width);
    Store(scale, row.stats, kSumGates + k);
    ForRange(k * width, (k + 1) * width, [&](auto d, Index j) HWY_ATTR {
      const auto n = scale(d, hn::LoadU(d, row.gates + j));
      const auto sum = hn::MulAdd(hn::LoadU(d, rule.input_gain + j), n, hn::LoadU(d, rule.bias + j));
      hn::StoreU(SigmoidOf(d, sum), d, row.gates + j);
    });
  }
  ForRange(0, units, [&](auto d, Index u) HWY_ATTR {
    const auto term = hn::LoadU(d, row.recurrent + c + u), r = hn::LoadU(d, row.gates + units + u);
    hn::StoreU(hn::MulAdd(r, term, hn::LoadU(d, row.input + c + u)), d, row.inner + u);
  });
  const RowScale scale = Measure(rule.norm, units, row.inner);
  Store(scale, row.stats, kSumCandidate);
  Output(units, row, [&](auto d, auto, Index u) HWY_ATTR {
    const auto n = scale(d, hn::LoadU(d, row.inner + u));
    return hn::MulAdd(hn::LoadU(d, rule.input_gain + c + u), n, hn::LoadU(d, rule.bias + c + u));
  });
}

void GruForward(const GruRule& rule, const GruStep& step) {
  const Index units = rule.units;
  parallel_ranges(step.rows, RowsPerPiece(3 * units, step.rows), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const Row row(step, units, r);
      if (step.mask && step.mask[r] == 0.0f) {
        std::copy_n(row.h_prev, units, row.h);
        continue;
      }
      switch (rule.sums) {
        case GruSums::kPlain:
          PlainForward(rule, row);
          break;
        case GruSums::kTerms:
          TermsForward(rule, row);
          break;
        case GruSums::kSum:
        case GruSums::kGates:
          SumForward(rule, row);
          break;
      }
    }
  });
}

// One piece's sums of the gradients of gains and biases.
struct ParameterSums {
  float *bias, *recurrent_gain, *input_gain, *recurrent_bias;

  ParameterSums(float* all, Index units, Index piece) {
    bias = all + piece * gru_parameter_floats(units);
    recurrent_gain = bias + 3 * units;
    input_gain = recurrent_gain + 3 * units;
    recurrent_bias = input_gain + 3 * units;
  }
};

void AddRow(Index n, const float* x, float* y) {
  ForRange(0, n, [&](auto d, Index j) HWY_ATTR { AddTo(d, hn::LoadU(d, x + j), y, j); });
}

// From dh to the gradients of the update gate's sum, in the place of z, and of what tanh was taken of, in the place of
// the candidate; r stays.
void OutputBackward(Index units, const Row& row, const float* dh, CellSink h_prev) {
  ForRange(0, units, [&](auto d, Index u) HWY_ATTR {
    const auto up = hn::LoadU(d, dh + u), z = hn::LoadU(d, row.gates + u);
    const auto candidate = hn::LoadU(d, row.gates + 2 * units + u), h = hn::LoadU(d, row.h_prev + u);
    const auto through = hn::Mul(up, z);
    if (h_prev.data) {
      StoreOrAdd(d, hn::Sub(up, through), h_prev.data, u, h_prev.accumulate);
    }
    hn::StoreU(hn::Mul(hn::Mul(up, hn::Sub(candidate, h)), SigmoidSlope(d, z)), d, row.gates + u);
    hn::StoreU(hn::Mul(through, TanhSlope(d, candidate)), d, row.gates + 2 * units + u);
  });
}

// From ds, the gradient of a sum X + r term, to that of the reset gate's sum, in the place of r, and of the term, in
// `inner`; ds and term may be there.
void ResetBackward(Index units, const Row& row, const float* ds, const float* term) {
  ForRange(0, units, [&](auto d, Index u) HWY_ATTR {
    const auto up = hn::LoadU(d, ds + u), r = hn::LoadU(d, row.gates + units + u);
    hn::StoreU(hn::Mul(hn::Mul(up, hn::LoadU(d, term + u)), SigmoidSlope(d, r)), d, row.gates + units + u);
    hn::StoreU(hn::Mul(up, r), d, row.inner + u);
  });
}

// The gradients of one row's terms.
struct RowGradients {
  CellSink recurrent, input;
};

void PlainBackward(Index units, const Row& row, const RowGradients& to, const ParameterSums& sums) {
  const Index c = 2 * units;
  ResetBackward(units, row, row.gates + c, row.recurrent + c);
  AddRow(3 * units, row.gates, sums.bias);
  Pass(3 * units, row.gates, to.input);
  Pass(c, row.gates, to.recurrent);
  Pass(units, row.inner, PartOf(to.recurrent, c));
}

void TermsBackward(const GruRule& rule, const Row& row, const RowGradients& to, const ParameterSums& sums) {
  const Index units = rule.units, c = 2 * units;
  ResetBackward(units, row, row.gates + c, row.inner);
  AddRow(3 * units, row.gates, sums.bias);
  AddRow(units, row.inner, sums.recurrent_bias);
  const auto of_recurrent = [&](auto d, Index j) HWY_ATTR { return hn::LoadU(d, row.recurrent + j); };
  const auto of_input = [&](auto d, Index j) HWY_ATTR { return hn::LoadU(d, row.input + j); };
  NormBackward(rule.norm, 0, c, row.gates, rule.recurrent_gain, Load(row.stats, kRecurrentGates), of_recurrent,
               sums.recurrent_gain, to.recurrent);
  NormBackward(rule.norm, 0, c, row.gates, rule.input_gain, Load(row.stats, kInputGates), of_input, sums.input_gain,
               to.input);
  NormBackward(rule.norm, c, units, row.gates, rule.input_gain, Load(row.stats, kInputCandidate), of_input,
               sums.input_gain, to.input);
  NormBackward(
      rule.norm, 0, units, row.inner, rule.recurrent_gain + c, Load(row.stats, kRecurrentCandidate),
      [&](auto d, Index u) HWY_ATTR { return hn::LoadU(d, row.recurrent + c + u); }, sums.recurrent_gain + c,
      PartOf(to.recurrent, c));
}

void SumBackward(const GruRule& rule, const Row& row, const RowGradients& to, const ParameterSums& sums) {
  const Index units = rule.units, c = 2 * units, groups = GateGroups(rule), width = c / groups;
  AddRow(units, row.gates + c, sums.bias + c);
  NormBackward(rule.norm, 0, units, row.gates + c, rule.input_gain + c, Load(row.stats, kSumCandidate),
               [&](auto d, Index u) HWY_ATTR { return hn::LoadU(d, row.inner + u); }, sums.input_gain + c,
               {row.gates + c});
  ResetBackward(units, row, row.gates + c, row.recurrent + c);
  AddRow(c, row.gates, sums.bias);
  for (Index k = 0; k < groups; ++k) {
    NormBackward(rule.norm, k * width, width, row.gates, rule.input_gain, Load(row.stats, kSumGates + k),
                 [&](auto d, Index j)
                     HWY_ATTR { return hn::Add(hn::LoadU(d, row.recurrent + j), hn::LoadU(d, row.input + j)); },
                 sums.input_gain, {row.gates});
  }
  Pass(3 * units, row.gates, to.input);
  Pass(c, row.gates, to.recurrent);
  Pass(units, row.inner, PartOf(to.recurrent, c));
}

void GruBackward(const GruRule& rule, const GruStep& step, const GruGradients& gradients) {
  const Index units = rule.units, grain = RowsPerPiece(3 * units, step.rows);
  parallel_ranges(step.rows, grain, [&](Index begin, Index end) HWY_ATTR {
    const ParameterSums sums(gradients.parameters, units, begin / grain);
    for (Index r = begin; r < end; ++r) {
      const float* dh = gradients.dh + r * units;
      const RowGradients to{RowOf(gradients.recurrent, r, 3 * units), RowOf(gradients.input, r, 3 * units)};
      const CellSink h_prev = RowOf(gradients.h_prev, r, units);
      if (step.mask && step.mask[r] == 0.0f) {
        Pass(units, dh, h_prev);
        Pass(3 * units, nullptr, to.recurrent);
        Pass(3 * units, nullptr, to.input);
        continue;
      }
      const Row row(step, units, r);
      OutputBackward(units, row, dh, h_prev);
      switch (rule.sums) {
        case GruSums::kPlain:
          PlainBackward(units, row, to, sums);
          break;
        case GruSums::kTerms:
          TermsBackward(rule, row, to, sums);
          break;
        case GruSums::kSum:
        case GruSums::kGates:
          SumBackward(rule, row, to, sums);
          break;
      }
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(GruForward);
HWY_EXPORT(GruBackward);

void gru_forward(const GruRule& rule, const GruStep& step) { HWY_DYNAMIC_DISPATCH(GruForward)(rule, step); }
void gru_backward(const GruRule& rule, const GruStep& step, const GruGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(GruBackward)(rule, step, gradients);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
