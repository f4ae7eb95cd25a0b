#include "nn/ops/layer_norm.h"

#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"
#include "nn/plain/norm.h"

namespace normlab::nn {
namespace {

// The vector kernels where there are any, else plain loops. Centred: layer norm; else root-mean-square norm.
void forward(bool center, Index rows, Index f, const double* x, const double* gain, const double* bias, NormEps eps,
             double* y, double* mean, double* inv_s) {
  plain::row_norm_forward(center, rows, f, x, gain, bias, eps.value, eps.placement, y, mean, inv_s);
}

void forward(bool center, Index rows, Index f, const float* x, const float* gain, const float* bias, NormEps eps,
             float* y, float* mean, float* inv_s) {
  const auto e = static_cast<float>(eps.value);
  if (center) {
    kernels::layer_norm_forward(rows, f, x, gain, bias, e, eps.placement, y, mean, inv_s);
  } else if (eps.placement == EpsPlacement::kInsideSqrt) {
    kernels::rms_norm_forward(rows, f, x, gain, bias, e, y, inv_s);
  } else {
    plain::row_norm_forward(center, rows, f, x, gain, bias, e, eps.placement, y, mean, inv_s);
  }
}

void backward(bool center, Index rows, Index f, const double* dy, const double* x, const double* mean,
              const double* inv_s, const double* gain, NormEps eps, double* dx, bool accumulate, double* dgain,
              double* dbias) {
  plain::row_norm_backward(center, rows, f, dy, x, mean, inv_s, gain, eps.value, eps.placement, dx, accumulate, dgain,
                           dbias);
}

void backward(bool center, Index rows, Index f, const float* dy, const float* x, const float* mean, const float* inv_s,
              const float* gain, NormEps eps, float* dx, bool accumulate, float* dgain, float* dbias) {
  const auto e = static_cast<float>(eps.value);
  if (center) {
    kernels::layer_norm_backward(rows, f, dy, x, mean, inv_s, gain, e, eps.placement, dx, accumulate, dgain, dbias);
  } else if (eps.placement == EpsPlacement::kInsideSqrt) {
    kernels::rms_norm_backward(rows, f, dy, x, inv_s, gain, dx, accumulate, dgain, dbias);
  } else {
    plain::row_norm_backward(center, rows, f, dy, x, mean, inv_s, gain, e, eps.placement, dx, accumulate, dgain, dbias);
  }
}

// Throws unless `vector`, if any, has one value for each of an example's units.
template <typename T>
void require_units(const char* op, BasicVar<T> a, Index span, BasicVar<T> vector) {
  if (span == 1) {
    require_vector_if_any(op, a, vector);
  } else if (vector) {
    require_shapes(vector.cols() == 1 && vector.rows() == span * a.rows(), op, a, vector,
                   "a vector with one value for each row of the columns of an example");
  }
}

// With n = (a - mean) / s and dn = gain dy, over the F units of one example:
//   dgain = sum_b dy n     dbias = sum_b dy
//   da = (1 / s) (dn - average(dn) - c n average(dn n))
// for s depends on a through the deviation alone: ds/da_i = c n_i / F, with c = 1 for s = sqrt(var + eps) and
// c = s / (s - eps) for s = sqrt(var) + eps. Without centring the term average(dn) is absent.
template <typename T>
BasicVar<T> row_norm(const char* op, bool center, BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps,
                     Index span) {
  require_shape(a.cols() % span == 0, op, a, "whole examples of several columns");
  require_units(op, a, span, gain);
  require_units(op, a, span, bias);
  BasicTape<T>& tape = a.tape();
  BasicVar<T> y = tape.result(op, a.rows(), a.cols(), {a, gain ? gain : a, bias ? bias : a});
  const Index units = a.rows() * span, batch = a.cols() / span;
  T* mean = tape.scratch(batch);
  T* inv_s = tape.scratch(batch);
  forward(center, batch, units, a.data(), data_or_null(gain), data_or_null(bias), eps, y.mutable_data(), mean, inv_s);
  tape.on_backward({y}, [=] {
    T* dgain = cleared_or_null(gain);
    T* dbias = cleared_or_null(bias);
    GradSink<T> da = a.grad_sink();
    if (!da) {
      da.data = a.tape().scratch(a.size());  // the kernel always writes it
    }
    backward(center, batch, units, y.grad(), a.data(), mean, inv_s, data_or_null(gain), eps, da.data, da.accumulate,
             dgain, dbias);
  });
  return y;
}

}  // namespace

template <typename T>
BasicVar<T> layer_norm(BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps, Index span) {
  return row_norm("layer_norm", true, a, gain, bias, eps, span);
}

template <typename T>
BasicVar<T> rms_norm(BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps, Index span) {
  return row_norm("rms_norm", false, a, gain, bias, eps, span);
}

template BasicVar<float> layer_norm(BasicVar<float>, BasicVar<float>, BasicVar<float>, NormEps, Index);
template BasicVar<double> layer_norm(BasicVar<double>, BasicVar<double>, BasicVar<double>, NormEps, Index);
template BasicVar<float> rms_norm(BasicVar<float>, BasicVar<float>, BasicVar<float>, NormEps, Index);
template BasicVar<double> rms_norm(BasicVar<double>, BasicVar<double>, BasicVar<double>, NormEps, Index);

}  // namespace normlab::nn
