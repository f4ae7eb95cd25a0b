#include "nn/ops/linear.h"

#include "nn/ops/check.h"
#include "nn/ops/gemm.h"
#include "nn/ops/math.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {

// y_b = W x_b for every example b, so
//   dW = sum_b dy_b x_b^T     dx_b = W^T dy_b.
// In memory X is B rows of `in` values, W `out` rows of `in`: row-major products.
template <typename T>
BasicVar<T> linear(BasicVar<T> w, BasicVar<T> x) {
  require_shapes(w.rows() == x.rows(), "linear", w, x,
                 "as many rows in the weight (in x out) as in the input (in x B)");
  BasicVar<T> y = x.tape().result("linear", w.cols(), x.cols(), {w, x});
  const Index in = w.rows(), out = w.cols(), batch = x.cols();
  gemm(Trans::kNo, Trans::kYes, batch, out, in, x.data(), in, w.data(), in, y.mutable_data(), out);
  x.tape().on_backward({y}, [w, x, y, in, out, batch] {
    if (const GradSink<T> dw = w.grad_sink()) {
      gemm(Trans::kYes, Trans::kNo, out, in, batch, y.grad(), out, x.data(), in, dw.data, in, dw.accumulate);
    }
    if (const GradSink<T> dx = x.grad_sink()) {
      gemm(Trans::kNo, Trans::kNo, batch, in, out, y.grad(), out, w.data(), in, dx.data, in, dx.accumulate);
    }
  });
  return y;
}

// y_b = a_b + bias: da = dy, dbias = sum_b dy_b.
template <typename T>
BasicVar<T> add_bias(BasicVar<T> a, BasicVar<T> bias) {
  require_vector("add_bias", a, bias);
  BasicVar<T> y = a.tape().result("add_bias", a.rows(), a.cols(), {a, bias});
  math::add_bias(a.cols(), a.rows(), a.data(), bias.data(), y.mutable_data());
  a.tape().on_backward({y}, [a, bias, y] {
    const T* dy = y.grad();
    fill_pointwise(a.grad_sink(), a.size(), [dy](Index i) { return dy[i]; });
    if (T* dbias = cleared(bias.grad_sink(), bias.size())) {
      math::add_column_sums(a.cols(), a.rows(), dy, dbias);
    }
  });
  return y;
}

template BasicVar<float> linear(BasicVar<float>, BasicVar<float>);
template BasicVar<double> linear(BasicVar<double>, BasicVar<double>);
template BasicVar<float> add_bias(BasicVar<float>, BasicVar<float>);
template BasicVar<double> add_bias(BasicVar<double>, BasicVar<double>);

}  // namespace normlab::nn
