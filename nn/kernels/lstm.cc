#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/lstm.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>

#include "base/parallel.h"
#include "nn/kernels/cell-inl.h"
#include "nn/kernels/lstm.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Groups in LstmStep::stats. kTerms has the recurrent term at 0 and the input term at 1; kSum is group 0.
constexpr Index kCellGroup = 4;

// The memory of one row.
struct Row {
  const float *recurrent, *input, *c_prev;
  float *c, *h, *gates, *squashed, *stats;

  Row(const LstmStep& s, Index units, Index r)
      : recurrent(s.recurrent != nullptr ? s.recurrent + r * 4 * units : nullptr),
        input(s.input + r * 4 * units),
        c_prev(s.c_prev + r * units),
        c(s.c + r * units),
        h(s.h + r * units),
        gates(s.gates + r * 4 * units),
        squashed(s.squashed + r * units),
        stats(s.stats + r * kLstmStats) {}
};

// Gates and cell from z(d, j), the sums with bias at j in [0, 4H). z may read gates[j]: it is overwritten after.
template <typename Sums>
HWY_INLINE void GatesForward(Index units, const Row& row, Sums&& z) {
  ForRange(0, units, [&](auto d, Index u) HWY_ATTR {
    const auto f = SigmoidOf(d, z(d, u));
    const auto i = SigmoidOf(d, z(d, units + u));
    const auto o = SigmoidOf(d, z(d, 2 * units + u));
    const auto g = TanhOf(d, z(d, 3 * units + u));
    hn::StoreU(f, d, row.gates + u);
    hn::StoreU(i, d, row.gates + units + u);
    hn::StoreU(o, d, row.gates + 2 * units + u);
    hn::StoreU(g, d, row.gates + 3 * units + u);
    hn::StoreU(hn::MulAdd(f, hn::LoadU(d, row.c_prev + u), hn::Mul(i, g)), d, row.c + u);
  });
}

void PlainGates(const LstmRule& rule, const Row& row) {
  GatesForward(rule.units, row, [&](auto d, Index j) HWY_ATTR {
    return hn::Add(hn::LoadU(d, row.input + j), hn::LoadU(d, rule.bias + j));
  });
}

void TermGates(const LstmRule& rule, const Row& row) {
  const RowScale recurrent = Measure(rule.norm, 4 * rule.units, row.recurrent);
  const RowScale input = Measure(rule.norm, 4 * rule.units, row.input);
  Store(recurrent, row.stats, 0);
  Store(input, row.stats, 1);
  GatesForward(rule.units, row, [&](auto d, Index j) HWY_ATTR {
    const auto n_h = recurrent(d, hn::LoadU(d, row.recurrent + j));
    const auto n_x = input(d, hn::LoadU(d, row.input + j));
    const auto z = hn::MulAdd(hn::LoadU(d, rule.input_gain + j), n_x, hn::LoadU(d, rule.bias + j));
    return hn::MulAdd(hn::LoadU(d, rule.recurrent_gain + j), n_h, z);
  });
}

// One group of 4H, or four of H.
void SumGates(const LstmRule& rule, const Row& row) {
  const Index groups = rule.sums == LstmSums::kGates ? 4 : 1, width = 4 * rule.units / groups;
  for (Index k = 0; k < groups; ++k) {
    const RowScale scale = Measure(rule.norm, width, row.input + k * width);
    Store(scale, row.stats, k);
    ForRange(k * width, (k + 1) * width, [&](auto d, Index j) HWY_ATTR {
      const auto n = scale(d, hn::LoadU(d, row.input + j));
      hn::StoreU(hn::MulAdd(hn::LoadU(d, rule.input_gain + j), n, hn::LoadU(d, rule.bias + j)), d, row.gates + j);
    });
  }
  GatesForward(rule.units, row, [&](auto d, Index j) HWY_ATTR { return hn::LoadU(d, row.gates + j); });
}

void Output(const LstmRule& rule, const Row& row) {
  RowScale scale{0.0f, 1.0f};
  if (rule.cell) {
    scale = Measure(rule.norm, rule.units, row.c);
    Store(scale, row.stats, kCellGroup);
  }
  const float* o = row.gates + 2 * rule.units;
  ForRange(0, rule.units, [&](auto d, Index u) HWY_ATTR {
    auto n = hn::LoadU(d, row.c + u);
    if (rule.cell) {
      n = hn::MulAdd(hn::LoadU(d, rule.cell_gain + u), scale(d, n), hn::LoadU(d, rule.cell_bias + u));
    }
    const auto t = TanhOf(d, n);
    hn::StoreU(t, d, row.squashed + u);
    hn::StoreU(hn::Mul(hn::LoadU(d, o + u), t), d, row.h + u);
  });
}

void LstmForward(const LstmRule& rule, const LstmStep& step) {
  const Index units = rule.units;
  parallel_ranges(step.rows, RowsPerPiece(4 * units, step.rows), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const Row row(step, units, r);
      if (step.mask && step.mask[r] == 0.0f) {
        std::copy_n(row.c_prev, units, row.c);
        std::copy_n(step.h_prev + r * units, units, row.h);
        continue;
      }
      switch (rule.sums) {
        case LstmSums::kPlain:
          PlainGates(rule, row);
          break;
        case LstmSums::kTerms:
          TermGates(rule, row);
          break;
        case LstmSums::kSum:
        case LstmSums::kGates:
          SumGates(rule, row);
          break;
      }
      Output(rule, row);
    }
  });
}

// One piece's sums of the gradients of gains and biases.
struct ParameterSums {
  float *bias, *recurrent_gain, *input_gain, *cell_gain, *cell_bias;

  ParameterSums(float* all, Index units, Index piece) {
    bias = all + piece * lstm_parameter_floats(units);
    recurrent_gain = bias + 4 * units;
    input_gain = recurrent_gain + 4 * units;
    cell_gain = input_gain + 4 * units;
    cell_bias = cell_gain + units;
  }
};

// A gradient of z as the rule has it; NaN stays NaN.
template <typename D>
HWY_INLINE hn::Vec<D> Clipped(D d, const LstmRule& rule, hn::Vec<D> dz) {
  return rule.clip > 0.0f ? KeepNaN(dz, hn::Min(hn::Max(dz, hn::Set(d, -rule.clip)), hn::Set(d, rule.clip))) : dz;
}

// From dh to the output gate's dz, and to what reaches the cell beside dc, in `squashed`. dz may be row.gates.
void OutputBackward(const LstmRule& rule, const Row& row, const float* dh, float* dz, const ParameterSums& sums) {
  const Index units = rule.units;
  const RowScale scale = rule.cell ? Load(row.stats, kCellGroup) : RowScale{0.0f, 1.0f};
  const float* o = row.gates + 2 * units;
  const TwoSums of_row = SumTwo(units, [&](auto d, Index u, auto& total, auto& dot) HWY_ATTR {
    const auto gate = hn::LoadU(d, o + u), t = hn::LoadU(d, row.squashed + u), up = hn::LoadU(d, dh + u);
    hn::StoreU(Clipped(d, rule, hn::Mul(hn::Mul(up, t), SigmoidSlope(d, gate))), d, dz + 2 * units + u);
    auto dn = hn::Mul(hn::Mul(up, gate), TanhSlope(d, t));
    if (rule.cell) {
      const auto n = scale(d, hn::LoadU(d, row.c + u));
      AddTo(d, dn, sums.cell_bias, u);
      AddTo(d, hn::Mul(dn, n), sums.cell_gain, u);
      dn = hn::Mul(dn, hn::LoadU(d, rule.cell_gain + u));
      total = hn::Add(total, dn);
      dot = hn::MulAdd(dn, n, dot);
    }
    hn::StoreU(dn, d, row.squashed + u);
  });
  if (rule.cell) {
    const Projection project(rule.norm, units, of_row, scale);
    ForRange(0, units, [&](auto d, Index u) HWY_ATTR {
      const auto n = scale(d, hn::LoadU(d, row.c + u));
      hn::StoreU(project(d, hn::LoadU(d, row.squashed + u), n), d, row.squashed + u);
    });
  }
}

// The other gates' dz, and dc_prev.
void GatesBackward(const LstmRule& rule, const Row& row, const float* dc, float* dz, CellSink dc_prev) {
  const Index units = rule.units;
  const float *const f = row.gates, *const i = f + units, *const g = f + 3 * units;
  ForRange(0, units, [&](auto d, Index u) HWY_ATTR {
    const auto up = hn::Add(hn::LoadU(d, row.squashed + u), hn::LoadU(d, dc + u));
    const auto forget = hn::LoadU(d, f + u), in = hn::LoadU(d, i + u), candidate = hn::LoadU(d, g + u);
    if (dc_prev.data) {
      StoreOrAdd(d, hn::Mul(up, forget), dc_prev.data, u, dc_prev.accumulate);
    }
    hn::StoreU(Clipped(d, rule, hn::Mul(hn::Mul(up, hn::LoadU(d, row.c_prev + u)), SigmoidSlope(d, forget))), d,
               dz + u);
    hn::StoreU(Clipped(d, rule, hn::Mul(hn::Mul(up, candidate), SigmoidSlope(d, in))), d, dz + units + u);
    hn::StoreU(Clipped(d, rule, hn::Mul(hn::Mul(up, in), TanhSlope(d, candidate))), d, dz + 3 * units + u);
  });
}

// From the gates' dz to the terms, or to their sum; dz may be where that gradient goes.
void SumsBackward(const LstmRule& rule, const Row& row, const float* dz, CellSink recurrent, CellSink input,
                  const ParameterSums& sums) {
  const Index all = 4 * rule.units;
  ForRange(0, all, [&](auto d, Index j) HWY_ATTR {
    const auto up = hn::LoadU(d, dz + j);
    AddTo(d, up, sums.bias, j);
    if (rule.sums == LstmSums::kPlain) {
      if (input.data && input.data != dz) {
        StoreOrAdd(d, up, input.data, j, input.accumulate);
      }
    }
  });
  if (rule.sums == LstmSums::kTerms) {
    NormBackward(
        rule.norm, 0, all, dz, rule.recurrent_gain, Load(row.stats, 0),
        [&](auto d, Index j) HWY_ATTR { return hn::LoadU(d, row.recurrent + j); }, sums.recurrent_gain, recurrent);
    NormBackward(
        rule.norm, 0, all, dz, rule.input_gain, Load(row.stats, 1),
        [&](auto d, Index j) HWY_ATTR { return hn::LoadU(d, row.input + j); }, sums.input_gain, input);
  } else if (rule.sums != LstmSums::kPlain) {
    const Index groups = rule.sums == LstmSums::kGates ? 4 : 1, width = all / groups;
    for (Index k = 0; k < groups; ++k) {
      NormBackward(
          rule.norm, k * width, width, dz, rule.input_gain, Load(row.stats, k),
          [&](auto d, Index j) HWY_ATTR { return hn::LoadU(d, row.input + j); }, sums.input_gain, input);
    }
  }
}

void LstmBackward(const LstmRule& rule, const LstmStep& step, const LstmGradients& gradients) {
  const Index units = rule.units, grain = RowsPerPiece(4 * units, step.rows);
  parallel_ranges(step.rows, grain, [&](Index begin, Index end) HWY_ATTR {
    const ParameterSums sums(gradients.parameters, units, begin / grain);
    for (Index r = begin; r < end; ++r) {
      const float *dh = gradients.dh + r * units, *dc = gradients.dc + r * units;
      const CellSink recurrent = RowOf(gradients.recurrent, r, 4 * units), input = RowOf(gradients.input, r, 4 * units);
      const CellSink dc_prev = RowOf(gradients.c_prev, r, units);
      const bool counts = !step.mask || step.mask[r] != 0.0f;
      Pass(units, counts ? nullptr : dh, RowOf(gradients.h_prev, r, units));
      if (!counts) {
        Pass(units, dc, dc_prev);
        Pass(4 * units, nullptr, recurrent);
        Pass(4 * units, nullptr, input);
        continue;
      }
      const Row row(step, units, r);
      // Without a norm of the sums dz is their gradient, and is made in its place.
      const bool in_place = rule.sums == LstmSums::kPlain && input.data && !input.accumulate;
      float* const dz = in_place ? input.data : row.gates;
      OutputBackward(rule, row, dh, dz, sums);
      GatesBackward(rule, row, dc, dz, dc_prev);
      SumsBackward(rule, row, dz, recurrent, input, sums);
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(LstmForward);
HWY_EXPORT(LstmBackward);

void lstm_forward(const LstmRule& rule, const LstmStep& step) { HWY_DYNAMIC_DISPATCH(LstmForward)(rule, step); }
void lstm_backward(const LstmRule& rule, const LstmStep& step, const LstmGradients& gradients) {
  HWY_DYNAMIC_DISPATCH(LstmBackward)(rule, step, gradients);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
