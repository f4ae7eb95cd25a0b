#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/pointwise.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <cmath>

#include "base/parallel.h"
#include "nn/kernels/activation-inl.h"
#include "nn/kernels/pointwise.h"
#include "nn/kernels/row_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// y[i] = f(d, x[i]) over n floats.
template <typename Function>
void Map(Index n, const float* x, float* y, Function&& f) {
  parallel_ranges(n, kGrain, [&](Index begin, Index end) HWY_ATTR {
    ForRange(begin, end, [&](auto d, Index i) HWY_ATTR { hn::StoreU(f(d, hn::LoadU(d, x + i)), d, y + i); });
  });
}

void Exp(Index n, const float* x, float* y) {
  Map(n, x, y, [](auto d, auto v) HWY_ATTR { return ExpOf(d, v); });
}

void Sigmoid(Index n, const float* x, float* y) {
  Map(n, x, y, [](auto d, auto v) HWY_ATTR { return SigmoidOf(d, v); });
}

void Tanh(Index n, const float* x, float* y) {
  Map(n, x, y, [](auto d, auto v) HWY_ATTR { return TanhOf(d, v); });
}

void LogSoftmaxRows(Index rows, Index f, const float* x, float* y) {
  parallel_ranges(rows, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      const float* row = x + r * f;
      float max = row[0];
      for (Index j = 1; j < f; ++j) {
        max = row[j] > max ? row[j] : max;
      }
      const float sum =
          Sum(f, [&](auto d, Index j) HWY_ATTR { return ExpOf(d, hn::Sub(hn::LoadU(d, row + j), hn::Set(d, max))); });
      const float log_sum = std::log(sum);
      ForRange(0, f, [&](auto d, Index j) HWY_ATTR {
        const auto shifted = hn::Sub(hn::LoadU(d, row + j), hn::Set(d, max));
        hn::StoreU(hn::Sub(shifted, hn::Set(d, log_sum)), d, y + r * f + j);
      });
    }
  });
}

void AddBias(Index rows, Index f, const float* x, const float* bias, float* y) {
  parallel_ranges(rows, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      ForRange(0, f, [&](auto d, Index j) HWY_ATTR {
        hn::StoreU(hn::Add(hn::LoadU(d, x + r * f + j), hn::LoadU(d, bias + j)), d, y + r * f + j);
      });
    }
  });
}

void BiasRelu(Index rows, Index f, const float* x, const float* bias, float* y) {
  parallel_ranges(rows, RowGrain(f), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = begin; r < end; ++r) {
      ForRange(0, f, [&](auto d, Index j) HWY_ATTR {
        const auto v = hn::Add(hn::LoadU(d, x + r * f + j), LoadOr(d, bias, j, 0.0f));
        // Not Max, which may return either operand when one is NaN.
        hn::StoreU(hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Zero(d), v), d, y + r * f + j);
      });
    }
  });
}

// dx = or += f(d, dy, y) over n floats.
template <typename Function>
void MapBackward(Index n, const float* dy, const float* y, float* dx, bool accumulate, Function&& f) {
  parallel_ranges(n, kGrain, [&](Index begin, Index end) HWY_ATTR {
    ForRange(begin, end, [&](auto d, Index i) HWY_ATTR {
      StoreOrAdd(d, f(d, hn::LoadU(d, dy + i), hn::LoadU(d, y + i)), dx, i, accumulate);
    });
  });
}

void ReluBackward(Index n, const float* dy, const float* y, float* dx, bool accumulate) {
  MapBackward(n, dy, y, dx, accumulate,
              [](auto d, auto g, auto v) HWY_ATTR { return hn::IfThenElseZero(hn::Gt(v, hn::Zero(d)), g); });
}

void LeakyRelu(Index n, float slope, const float* x, float* y) {
  Map(n, x, y, [slope](auto d, auto v) HWY_ATTR {
    return hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Mul(v, hn::Set(d, slope)), v);
  });
}

void LeakyReluBackward(Index n, float slope, const float* dy, const float* y, float* dx, bool accumulate) {
  MapBackward(n, dy, y, dx, accumulate, [slope](auto d, auto g, auto v) HWY_ATTR {
    return hn::IfThenElse(hn::Gt(v, hn::Zero(d)), g, hn::Mul(g, hn::Set(d, slope)));
  });
}

void SigmoidBackward(Index n, const float* dy, const float* y, float* dx, bool accumulate) {
  MapBackward(n, dy, y, dx, accumulate,
              [](auto d, auto g, auto v) HWY_ATTR { return hn::Mul(hn::Mul(g, v), hn::Sub(hn::Set(d, 1.0f), v)); });
}

void TanhBackward(Index n, const float* dy, const float* y, float* dx, bool accumulate) {
  MapBackward(n, dy, y, dx, accumulate,
              [](auto d, auto g, auto v) HWY_ATTR { return hn::Mul(g, hn::Sub(hn::Set(d, 1.0f), hn::Mul(v, v))); });
}

void AddColumnSums(Index rows, Index f, const float* x, float* HWY_RESTRICT out) {
  if (rows > kManyRows) {
    AddGradientSumsInPieces(rows, f, x, out, nullptr, [](auto d, Index, Index) HWY_ATTR { return hn::Zero(d); });
    return;
  }
  parallel_ranges(f, ColumnGrain(rows), [&](Index begin, Index end) HWY_ATTR {
    for (Index r = 0; r < rows; ++r) {
      ForRange(begin, end, [&](auto d, Index j) HWY_ATTR {
        hn::StoreU(hn::Add(hn::LoadU(d, out + j), hn::LoadU(d, x + r * f + j)), d, out + j);
      });
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(AddBias);
HWY_EXPORT(BiasRelu);
HWY_EXPORT(ReluBackward);
HWY_EXPORT(LeakyRelu);
HWY_EXPORT(LeakyReluBackward);
HWY_EXPORT(SigmoidBackward);
HWY_EXPORT(TanhBackward);
HWY_EXPORT(AddColumnSums);
HWY_EXPORT(LogSoftmaxRows);
HWY_EXPORT(Exp);
HWY_EXPORT(Sigmoid);
HWY_EXPORT(Tanh);

void add_bias(Index rows, Index f, const float* x, const float* bias, float* y) {
  HWY_DYNAMIC_DISPATCH(AddBias)(rows, f, x, bias, y);
}
void bias_relu(Index rows, Index f, const float* x, const float* bias, float* y) {
  HWY_DYNAMIC_DISPATCH(BiasRelu)(rows, f, x, bias, y);
}
void relu_backward(Index n, const float* dy, const float* y, float* dx, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(ReluBackward)(n, dy, y, dx, accumulate);
}
void leaky_relu(Index n, float slope, const float* x, float* y) { HWY_DYNAMIC_DISPATCH(LeakyRelu)(n, slope, x, y); }
void leaky_relu_backward(Index n, float slope, const float* dy, const float* y, float* dx, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(LeakyReluBackward)(n, slope, dy, y, dx, accumulate);
}
void sigmoid_backward(Index n, const float* dy, const float* y, float* dx, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(SigmoidBackward)(n, dy, y, dx, accumulate);
}
void tanh_backward(Index n, const float* dy, const float* y, float* dx, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(TanhBackward)(n, dy, y, dx, accumulate);
}
void add_column_sums(Index rows, Index f, const float* x, float* out) {
  HWY_DYNAMIC_DISPATCH(AddColumnSums)(rows, f, x, out);
}
void log_softmax_rows(Index rows, Index f, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(LogSoftmaxRows)(rows, f, x, y);
}
void exp(Index n, const float* x, float* y) { HWY_DYNAMIC_DISPATCH(Exp)(n, x, y); }
void sigmoid(Index n, const float* x, float* y) { HWY_DYNAMIC_DISPATCH(Sigmoid)(n, x, y); }
void tanh(Index n, const float* x, float* y) { HWY_DYNAMIC_DISPATCH(Tanh)(n, x, y); }

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
