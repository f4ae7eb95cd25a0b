#include "nn/ops/modulate.h"

#include "nn/kernels/modulate.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

using kernels::modulate_backward;
using kernels::modulate_forward;
using kernels::ModulateShape;

// The kernels' contracts in double.
void modulate_forward(const ModulateShape& s, const double* x, const double* gain, const double* bias, double* y) {
  for (Index i = 0; i < s.examples * s.positions * s.f; ++i) {
    const Index k = i / (s.positions * s.f) * s.f + i % s.f;
    y[i] = (gain != nullptr ? gain[k] : 1.0) * x[i] + (bias != nullptr ? bias[k] : 0.0);
  }
}

void modulate_backward(const ModulateShape& s, const double* dy, const double* x, const double* gain, double* dx,
                       bool accumulate, double* dgain, double* dbias) {
  for (Index i = 0; i < s.examples * s.positions * s.f; ++i) {
    const Index k = i / (s.positions * s.f) * s.f + i % s.f;
    if (dx != nullptr) {
      dx[i] = (accumulate ? dx[i] : 0.0) + (gain != nullptr ? gain[k] : 1.0) * dy[i];
    }
    if (dgain != nullptr) {
      dgain[k] += dy[i] * x[i];
    }
    if (dbias != nullptr) {
      dbias[k] += dy[i];
    }
  }
}

template <typename T>
void require_examples(BasicVar<T> x, BasicVar<T> of_examples, Index positions) {
  if (of_examples) {
    require_shapes(of_examples.rows() == x.rows() && of_examples.cols() * positions == x.cols(), "modulate", x,
                   of_examples, "a column of as many rows for each example");
  }
}

}  // namespace

// y = gain x + bias: dx = gain dy, and for each example dgain = sum_p dy x, dbias = sum_p dy.
template <typename T>
BasicVar<T> modulate(BasicVar<T> x, BasicVar<T> gain, BasicVar<T> bias, Index positions) {
  require_examples(x, gain, positions);
  require_examples(x, bias, positions);
  const BasicVar<T> y = x.tape().result("modulate", x.rows(), x.cols(), {x, gain ? gain : x, bias ? bias : x});
  const ModulateShape shape{x.cols() / positions, positions, x.rows()};
  modulate_forward(shape, x.data(), data_or_null(gain), data_or_null(bias), y.mutable_data());
  x.tape().on_backward({y}, [=] {
    T* dgain = cleared_or_null(gain);
    T* dbias = cleared_or_null(bias);
    const GradSink<T> dx = x.grad_sink();
    modulate_backward(shape, y.grad(), x.data(), data_or_null(gain), dx.data, dx.accumulate, dgain, dbias);
  });
  return y;
}

template BasicVar<float> modulate(BasicVar<float>, BasicVar<float>, BasicVar<float>, Index);
template BasicVar<double> modulate(BasicVar<double>, BasicVar<double>, BasicVar<double>, Index);

}  // namespace normlab::nn
