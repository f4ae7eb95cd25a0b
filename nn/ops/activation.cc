#include "nn/ops/activation.h"

#include "nn/ops/math.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

// y = f(x) by `forward`. All three have a derivative that is simplest in terms of y: `backward(n, dy, y, dx)`.
template <typename T, typename Forward, typename Backward>
BasicVar<T> activation(const char* op, BasicVar<T> x, Forward forward, Backward backward) {
  BasicVar<T> y = x.tape().result(op, x.rows(), x.cols(), {x});
  forward(x.size(), x.data(), y.mutable_data());
  x.tape().on_backward({y}, [x, y, backward] { backward(x.size(), y.grad(), y.data(), x.grad_sink()); });
  return y;
}

}  // namespace

// dx = dy where y > 0.
template <typename T>
BasicVar<T> relu(BasicVar<T> x) {
  return activation(
      "relu", x, [](Index n, const T* in, T* out) { math::relu(n, in, out); },
      [](Index n, const T* dy, const T* y, GradSink<T> dx) { math::relu_backward(n, dy, y, dx.data, dx.accumulate); });
}

// dx = dy y (1 - y).
template <typename T>
BasicVar<T> sigmoid(BasicVar<T> x) {
  return activation(
      "sigmoid", x, [](Index n, const T* in, T* out) { math::sigmoid(n, in, out); },
      [](Index n, const T* dy, const T* y, GradSink<T> dx) {
        fill_pointwise(dx, n, [=](Index i) { return dy[i] * y[i] * (T{1} - y[i]); });
      });
}

// dx = dy (1 - y^2).
template <typename T>
BasicVar<T> tanh(BasicVar<T> x) {
  return activation(
      "tanh", x, [](Index n, const T* in, T* out) { math::tanh(n, in, out); },
      [](Index n, const T* dy, const T* y, GradSink<T> dx) {
        fill_pointwise(dx, n, [=](Index i) { return dy[i] * (T{1} - y[i] * y[i]); });
      });
}

template BasicVar<float> relu(BasicVar<float>);
template BasicVar<double> relu(BasicVar<double>);
template BasicVar<float> sigmoid(BasicVar<float>);
template BasicVar<double> sigmoid(BasicVar<double>);
template BasicVar<float> tanh(BasicVar<float>);
template BasicVar<double> tanh(BasicVar<double>);

}  // namespace normlab::nn
