#include "nn/ops/linear.h"

#include <type_traits>

#include "nn/ops/check.h"
#include "nn/ops/gemm.h"
#include "nn/ops/math.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {

namespace {

// Y = X W^T and dW = dY^T X, row-major. `sparse`: X is mostly zeros.
template <typename T>
struct Product {
  Index in, out, batch;
  bool sparse;

  void forward(const T* x, const T* w, T* y) const {
    if constexpr (std::is_same_v<T, float>) {
      if (sparse) {
        gemm_sparse(Trans::kNo, Trans::kYes, Trans::kNo, batch, out, in, x, in, w, in, y, out);
        return;
      }
    }
    gemm(Trans::kNo, Trans::kYes, batch, out, in, x, in, w, in, y, out);
  }

  void weight_gradient(const T* dy, const T* x, BasicVar<T> w) const {
    if (!sparse && w.keep_gradient_factors({.dy = dy, .x = x, .out = out, .in = in, .batch = batch})) {
      return;
    }
    const GradSink<T> dw = w.grad_sink();
    if (!dw) {
      return;
    }
    if constexpr (std::is_same_v<T, float>) {
      if (sparse) {
        gemm_sparse(Trans::kYes, Trans::kNo, Trans::kYes, in, out, batch, x, in, dy, out, dw.data, in, dw.accumulate);
        return;
      }
    }
    gemm(Trans::kYes, Trans::kNo, out, in, batch, dy, out, x, in, dw.data, in, dw.accumulate);
  }
};

}  // namespace

// y_b = W x_b for every example b, so
//   dW = sum_b dy_b x_b^T     dx_b = W^T dy_b.
// In memory X is B rows of `in` values, W `out` rows of `in`: row-major products.
template <typename T>
BasicVar<T> linear(BasicVar<T> w, BasicVar<T> x) {
  require_shapes(w.rows() == x.rows(), "linear", w, x,
                 "as many rows in the weight (in x out) as in the input (in x B)");
  BasicVar<T> y = x.tape().result("linear", w.cols(), x.cols(), {w, x});
  const Index in = w.rows(), out = w.cols(), batch = x.cols();
  // Images are what may be sparse, and nothing flows back to them.
  const Product<T> product{in, out, batch, !x.needs_grad() && mostly_zero(batch, in, x.data())};
  product.forward(x.data(), w.data(), y.mutable_data());
  x.tape().on_backward({y}, [w, x, y, product] {
    product.weight_gradient(y.grad(), x.data(), w);
    if (const GradSink<T> dx = x.grad_sink()) {
      gemm(Trans::kNo, Trans::kNo, product.batch, product.in, product.out, y.grad(), product.out, w.data(), product.in,
           dx.data, product.in, dx.accumulate);
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
