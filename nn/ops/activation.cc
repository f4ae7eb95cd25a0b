#include "nn/ops/activation.h"

#include "nn/ops/math.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

// y = f(x) by `forward`, dx = dy slope(y): all three have a derivative that is simplest in terms of the output.
template <typename T, typename Forward, typename Slope>
BasicVar<T> activation(const char* op, BasicVar<T> x, Forward forward, Slope slope) {
  BasicVar<T> y = x.tape().result(op, x.rows(), x.cols(), {x});
  forward(x.size(), x.data(), y.mutable_data());
  x.tape().on_backward({y}, [x, y, slope] {
    const T* dy = y.grad();
    const T* out = y.data();
    fill_pointwise(x.grad_sink(), x.size(), [=](Index i) { return dy[i] * slope(out[i]); });
  });
  return y;
}

}  // namespace

template <typename T>
BasicVar<T> relu(BasicVar<T> x) {
  return activation(
      "relu", x, [](Index n, const T* in, T* out) { math::relu(n, in, out); },
      [](T y) { return y > T{0} ? T{1} : T{0}; });
}

template <typename T>
BasicVar<T> sigmoid(BasicVar<T> x) {
  return activation(
      "sigmoid", x, [](Index n, const T* in, T* out) { math::sigmoid(n, in, out); },
      [](T y) { return y * (T{1} - y); });
}

template <typename T>
BasicVar<T> tanh(BasicVar<T> x) {
  return activation(
      "tanh", x, [](Index n, const T* in, T* out) { math::tanh(n, in, out); }, [](T y) { return T{1} - y * y; });
}

template BasicVar<float> relu(BasicVar<float>);
template BasicVar<double> relu(BasicVar<double>);
template BasicVar<float> sigmoid(BasicVar<float>);
template BasicVar<double> sigmoid(BasicVar<double>);
template BasicVar<float> tanh(BasicVar<float>);
template BasicVar<double> tanh(BasicVar<double>);

}  // namespace normlab::nn
