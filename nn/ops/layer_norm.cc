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

// With n = (a - mean) / s and dn = gain dy, over the F units of one example:
//   dgain = sum_b dy n     dbias = sum_b dy
//   da = (1 / s) (dn - average(dn) - c n average(dn n))
// for s depends on a through the deviation alone: ds/da_i = c n_i / F, with c = 1 for s = sqrt(var + eps) and
// c = s / (s - eps) for s = sqrt(var) + eps. Without centring the term average(dn) is absent.
template <typename T>
BasicVar<T> row_norm(const char* op, bool center, BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps) {
  require_vector(op, a, gain);
  require_vector(op, a, bias);
  BasicTape<T>& tape = a.tape();
  BasicVar<T> y = tape.result(op, a.rows(), a.cols(), {a, gain, bias});
  const Index units = a.rows(), batch = a.cols();
  T* mean = tape.scratch(batch);
  T* inv_s = tape.scratch(batch);
  forward(center, batch, units, a.data(), gain.data(), bias.data(), eps, y.mutable_data(), mean, inv_s);
  tape.on_backward({y}, [=] {
    T* dgain = cleared(gain.grad_sink(), units);
    T* dbias = cleared(bias.grad_sink(), units);
    GradSink<T> da = a.grad_sink();
    if (!da) {
      da.data = a.tape().scratch(a.size());  // the kernel always writes it
    }
    backward(center, batch, units, y.grad(), a.data(), mean, inv_s, gain.data(), eps, da.data, da.accumulate, dgain,
             dbias);
  });
  return y;
}

}  // namespace

template <typename T>
BasicVar<T> layer_norm(BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps) {
  return row_norm("layer_norm", true, a, gain, bias, eps);
}

template <typename T>
BasicVar<T> rms_norm(BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps) {
  return row_norm("rms_norm", false, a, gain, bias, eps);
}

template BasicVar<float> layer_norm(BasicVar<float>, BasicVar<float>, BasicVar<float>, NormEps);
template BasicVar<double> layer_norm(BasicVar<double>, BasicVar<double>, BasicVar<double>, NormEps);
template BasicVar<float> rms_norm(BasicVar<float>, BasicVar<float>, BasicVar<float>, NormEps);
template BasicVar<double> rms_norm(BasicVar<double>, BasicVar<double>, BasicVar<double>, NormEps);

}  // namespace normlab::nn
