#include "nn/ops/elementwise.h"

#include <algorithm>
#include <numeric>

#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

template <typename T>
BasicVar<T> same_shape_result(const char* op, BasicVar<T> x, BasicVar<T> y) {
  require_shapes(x.rows() == y.rows() && x.cols() == y.cols(), op, x, y, "the same shape");
  return x.tape().result(op, x.rows(), x.cols(), {x, y});
}

}  // namespace

// z = x + y: dx = dz, dy = dz.
template <typename T>
BasicVar<T> add(BasicVar<T> x, BasicVar<T> y) {
  BasicVar<T> z = same_shape_result("add", x, y);
  const T *a = x.data(), *b = y.data();
  fill_pointwise(z.mutable_data(), z.size(), [=](Index i) { return a[i] + b[i]; });
  x.tape().on_backward({z}, [x, y, z] {
    const T* dz = z.grad();
    fill_pointwise(x.grad_sink(), z.size(), [dz](Index i) { return dz[i]; });
    fill_pointwise(y.grad_sink(), z.size(), [dz](Index i) { return dz[i]; });
  });
  return z;
}

// z = x - y: dx = dz, dy = -dz.
template <typename T>
BasicVar<T> sub(BasicVar<T> x, BasicVar<T> y) {
  BasicVar<T> z = same_shape_result("sub", x, y);
  const T *a = x.data(), *b = y.data();
  fill_pointwise(z.mutable_data(), z.size(), [=](Index i) { return a[i] - b[i]; });
  x.tape().on_backward({z}, [x, y, z] {
    const T* dz = z.grad();
    fill_pointwise(x.grad_sink(), z.size(), [dz](Index i) { return dz[i]; });
    fill_pointwise(y.grad_sink(), z.size(), [dz](Index i) { return -dz[i]; });
  });
  return z;
}

// z = x y: dx = dz y, dy = dz x.
template <typename T>
BasicVar<T> mul(BasicVar<T> x, BasicVar<T> y) {
  BasicVar<T> z = same_shape_result("mul", x, y);
  const T *a = x.data(), *b = y.data();
  fill_pointwise(z.mutable_data(), z.size(), [=](Index i) { return a[i] * b[i]; });
  x.tape().on_backward({z}, [x, y, z, a, b] {
    const T* dz = z.grad();
    fill_pointwise(x.grad_sink(), z.size(), [=](Index i) { return dz[i] * b[i]; });
    fill_pointwise(y.grad_sink(), z.size(), [=](Index i) { return dz[i] * a[i]; });
  });
  return z;
}

// z_b = v x_b: dx_b = v dz_b, dv = sum_b dz_b x_b.
template <typename T>
BasicVar<T> scale_rows(BasicVar<T> x, BasicVar<T> v) {
  require_vector("scale_rows", x, v);
  BasicVar<T> z = x.tape().result("scale_rows", x.rows(), x.cols(), {x, v});
  const Index rows = x.rows();
  const T *a = x.data(), *factor = v.data();
  fill_pointwise(z.mutable_data(), z.size(), [=](Index i) { return a[i] * factor[i % rows]; });
  x.tape().on_backward({z}, [x, v, z, rows, a, factor] {
    const T* dz = z.grad();
    fill_pointwise(x.grad_sink(), z.size(), [=](Index i) { return dz[i] * factor[i % rows]; });
    if (T* dv = cleared(v.grad_sink(), rows)) {
      for (Index i = 0; i < z.size(); ++i) {
        dv[i % rows] += dz[i] * a[i];
      }
    }
  });
  return z;
}

// s = sum of x, in order and in double: dx = ds everywhere.
template <typename T>
BasicVar<T> sum(BasicVar<T> x) {
  BasicVar<T> s = x.tape().result("sum", 1, 1, {x});
  *s.mutable_data() = static_cast<T>(std::accumulate(x.data(), x.data() + x.size(), 0.0));
  x.tape().on_backward({s}, [x, s] {
    const T ds = *s.grad();
    fill_pointwise(x.grad_sink(), x.size(), [ds](Index) { return ds; });
  });
  return s;
}

// z = x: dx = dz cut to [-bound, bound].
template <typename T>
BasicVar<T> clip_gradient(BasicVar<T> x, T bound) {
  BasicVar<T> z = x.tape().result("clip_gradient", x.rows(), x.cols(), {x});
  const T* a = x.data();
  fill_pointwise(z.mutable_data(), z.size(), [a](Index i) { return a[i]; });
  x.tape().on_backward({z}, [x, z, bound] {
    const T* dz = z.grad();
    fill_pointwise(x.grad_sink(), z.size(), [=](Index i) { return std::clamp(dz[i], -bound, bound); });
  });
  return z;
}

template BasicVar<float> clip_gradient(BasicVar<float>, float);
template BasicVar<double> clip_gradient(BasicVar<double>, double);
template BasicVar<float> add(BasicVar<float>, BasicVar<float>);
template BasicVar<double> add(BasicVar<double>, BasicVar<double>);
template BasicVar<float> mul(BasicVar<float>, BasicVar<float>);
template BasicVar<double> mul(BasicVar<double>, BasicVar<double>);
template BasicVar<float> sub(BasicVar<float>, BasicVar<float>);
template BasicVar<double> sub(BasicVar<double>, BasicVar<double>);
template BasicVar<float> scale_rows(BasicVar<float>, BasicVar<float>);
template BasicVar<double> scale_rows(BasicVar<double>, BasicVar<double>);
template BasicVar<float> sum(BasicVar<float>);
template BasicVar<double> sum(BasicVar<double>);

}  // namespace normlab::nn
