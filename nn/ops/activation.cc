#include "nn/ops/activation.h"

#include <cmath>

#include "nn/ops/math.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

// y = f(x) by `forward`, whose derivative is simplest in terms of y: `backward(n, dy, y, dx, accumulate)`.
template <typename T, typename Forward, typename Backward>
BasicVar<T> activation(const char* op, BasicVar<T> x, Forward forward, Backward backward) {
  BasicVar<T> y = x.tape().result(op, x.rows(), x.cols(), {x});
  forward(x.size(), x.data(), y.mutable_data());
  x.tape().on_backward({y}, [x, y, backward] {
    const GradSink<T> dx = x.grad_sink();
    backward(x.size(), y.grad(), y.data(), dx.data, dx.accumulate);
  });
  return y;
}

}  // namespace

// dx = dy where y > 0.
template <typename T>
BasicVar<T> relu(BasicVar<T> x) {
  return activation(
      "relu", x, [](auto... args) { math::relu(args...); }, [](auto... args) { math::relu_backward(args...); });
}

// dx = dy y (1 - y).
template <typename T>
BasicVar<T> sigmoid(BasicVar<T> x) {
  return activation(
      "sigmoid", x, [](auto... args) { math::sigmoid(args...); },
      [](auto... args) { math::sigmoid_backward(args...); });
}

// dx = dy (1 - y^2).
template <typename T>
BasicVar<T> tanh(BasicVar<T> x) {
  return activation(
      "tanh", x, [](auto... args) { math::tanh(args...); }, [](auto... args) { math::tanh_backward(args...); });
}

// dx = dy sign(x).
template <typename T>
BasicVar<T> abs(BasicVar<T> x) {
  BasicVar<T> y = x.tape().result("abs", x.rows(), x.cols(), {x});
  const T* in = x.data();
  fill_pointwise(y.mutable_data(), x.size(), [in](Index i) { return std::abs(in[i]); });
  x.tape().on_backward({y}, [x, y, in] {
    const T* dy = y.grad();
    fill_pointwise(x.grad_sink(), x.size(), [in, dy](Index i) {
      return in[i] > T{0} ? dy[i] : in[i] < T{0} ? -dy[i] : T{0};
    });
  });
  return y;
}

// With y = x g(x): dx = dy (g + x g').
template <typename T>
BasicVar<T> gelu(BasicVar<T> x, GeluForm form) {
  BasicVar<T> y = x.tape().result("gelu", x.rows(), x.cols(), {x});
  math::gelu(form, x.size(), x.data(), y.mutable_data());
  x.tape().on_backward({y}, [x, y, form] {
    const GradSink<T> dx = x.grad_sink();
    math::gelu_backward(form, x.size(), y.grad(), x.data(), dx.data, dx.accumulate);
  });
  return y;
}

template BasicVar<float> relu(BasicVar<float>);
template BasicVar<double> relu(BasicVar<double>);
template BasicVar<float> sigmoid(BasicVar<float>);
template BasicVar<double> sigmoid(BasicVar<double>);
template BasicVar<float> tanh(BasicVar<float>);
template BasicVar<double> tanh(BasicVar<double>);
template BasicVar<float> abs(BasicVar<float>);
template BasicVar<double> abs(BasicVar<double>);
template BasicVar<float> gelu(BasicVar<float>, GeluForm);
template BasicVar<double> gelu(BasicVar<double>, GeluForm);

}  // namespace normlab::nn
