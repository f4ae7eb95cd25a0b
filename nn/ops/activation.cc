#include "nn/ops/activation.h"

#include <fmt/format.h>

#include <cmath>

#include "nn/error.h"
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

// The same in x's memory, the gradient in y's.
template <typename T, typename Forward, typename Backward>
BasicVar<T> activation_in_place(const char* op, BasicVar<T> x, Forward forward, Backward backward) {
  BasicVar<T> y = x.tape().result_in_place(op, x, {});
  forward(y.size(), y.data(), y.mutable_data());
  x.tape().on_backward({y}, [x, y, backward] {
    T* const gradient = y.grad_sink().data;
    backward(y.size(), y.grad(), y.data(), gradient, false);
    x.adopt_gradient(gradient);
  });
  return y;
}

template <typename T>
auto leaky_forward(T slope) {
  return [slope](Index n, const T* x, T* y) { math::leaky_relu(n, slope, x, y); };
}

template <typename T>
auto leaky_backward(T slope) {
  return [slope](Index n, const T* dy, const T* y, T* dx, bool accumulate) {
    math::leaky_relu_backward(n, slope, dy, y, dx, accumulate);
  };
}

template <typename T>
T leaky_slope(const char* op, BasicVar<T> x, double slope) {
  if (!(slope >= 0.0 && slope <= 1.0)) {
    throw Error(fmt::format("{}: slope {} of '{}'; expected 0 to 1", op, slope, x.label()));
  }
  return static_cast<T>(slope);
}

}  // namespace

// dx = dy where y > 0.
template <typename T>
BasicVar<T> relu(BasicVar<T> x) {
  return activation(
      "relu", x, [](auto... args) { math::relu(args...); }, [](auto... args) { math::relu_backward(args...); });
}

template <typename T>
BasicVar<T> relu_in_place(BasicVar<T> x) {
  return activation_in_place(
      "relu_in_place", x, [](auto... args) { math::relu(args...); },
      [](auto... args) { math::relu_backward(args...); });
}

// dx = dy where y > 0, else slope dy.
template <typename T>
BasicVar<T> leaky_relu(BasicVar<T> x, double slope) {
  const T s = leaky_slope("leaky_relu", x, slope);
  return activation("leaky_relu", x, leaky_forward(s), leaky_backward(s));
}

template <typename T>
BasicVar<T> leaky_relu_in_place(BasicVar<T> x, double slope) {
  const T s = leaky_slope("leaky_relu_in_place", x, slope);
  return activation_in_place("leaky_relu_in_place", x, leaky_forward(s), leaky_backward(s));
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
template BasicVar<float> relu_in_place(BasicVar<float>);
template BasicVar<double> relu_in_place(BasicVar<double>);
template BasicVar<float> leaky_relu(BasicVar<float>, double);
template BasicVar<double> leaky_relu(BasicVar<double>, double);
template BasicVar<float> leaky_relu_in_place(BasicVar<float>, double);
template BasicVar<double> leaky_relu_in_place(BasicVar<double>, double);
template BasicVar<float> sigmoid(BasicVar<float>);
template BasicVar<double> sigmoid(BasicVar<double>);
template BasicVar<float> tanh(BasicVar<float>);
template BasicVar<double> tanh(BasicVar<double>);
template BasicVar<float> abs(BasicVar<float>);
template BasicVar<double> abs(BasicVar<double>);
template BasicVar<float> gelu(BasicVar<float>, GeluForm);
template BasicVar<double> gelu(BasicVar<double>, GeluForm);

}  // namespace normlab::nn
