#include "nn/ops/batch_norm.h"

#include <algorithm>

#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"
#include "nn/plain/norm.h"

namespace normlab::nn {
namespace {

void moments(Index batch, Index units, const double* a, double* mean, double* variance) {
  plain::column_moments(batch, units, a, mean, variance);
}
void moments(Index batch, Index units, const float* a, float* mean, float* variance) {
  kernels::column_moments(batch, units, a, mean, variance);
}

void apply(Index batch, Index units, const double* a, const double* mean, const double* inv_s, const double* gain,
           const double* bias, double* y) {
  plain::batch_norm_apply(batch, units, a, mean, inv_s, gain, bias, y);
}
void apply(Index batch, Index units, const float* a, const float* mean, const float* inv_s, const float* gain,
           const float* bias, float* y) {
  kernels::batch_norm_apply(batch, units, a, mean, inv_s, gain, bias, y);
}

void backward(Index batch, Index units, const double* dy, const double* a, const double* mean, const double* inv_s,
              const double* gain, NormEps eps, double ratio, double* da, bool accumulate, double* dgain,
              double* dbias) {
  plain::batch_norm_backward(batch, units, dy, a, mean, inv_s, gain, eps.value, eps.placement, ratio, da, accumulate,
                             dgain, dbias);
}
void backward(Index batch, Index units, const float* dy, const float* a, const float* mean, const float* inv_s,
              const float* gain, NormEps eps, float ratio, float* da, bool accumulate, float* dgain, float* dbias) {
  if (eps.placement == EpsPlacement::kInsideSqrt) {
    kernels::batch_norm_backward(batch, units, dy, a, mean, inv_s, gain, {.batch_statistics = ratio != 0, .c = ratio},
                                 da, accumulate, dgain, dbias);
  } else {
    plain::batch_norm_backward(batch, units, dy, a, mean, inv_s, gain, static_cast<float>(eps.value), eps.placement,
                               ratio, da, accumulate, dgain, dbias);
  }
}

// With n = (a - mean) / s and dn = gain dy, over the B examples of one unit and D the divisor of the variance:
//   dgain = sum_b dy n     dbias = sum_b dy
//   da = (1 / s) (dn - average(dn) - c (B / D) n average(dn n))
// for ds/da_b = c n_b / D, with c as in layer_norm.cc. With constant statistics da = dn / s: B / D counts as 0.
template <typename T>
BasicVar<T> normalize(const char* op, UnitStatistics<T> statistics, T ratio, BasicVar<T> a, BasicVar<T> gain,
                      BasicVar<T> bias, NormEps eps) {
  BasicTape<T>& tape = a.tape();
  BasicVar<T> y = tape.result(op, a.rows(), a.cols(), {a, gain ? gain : a, bias ? bias : a});
  const Index units = a.rows(), batch = a.cols();
  const T* mean = statistics.mean;
  T* inv_s = tape.scratch(units);
  std::transform(statistics.variance, statistics.variance + units, inv_s, [eps](T variance) {
    return plain::inverse_deviation(variance, static_cast<T>(eps.value), eps.placement);
  });
  apply(batch, units, a.data(), mean, inv_s, data_or_null(gain), data_or_null(bias), y.mutable_data());
  tape.on_backward({y}, [=] {
    T* dgain = cleared_or_null(gain);
    T* dbias = cleared_or_null(bias);
    GradSink<T> da = a.grad_sink();
    if (!da) {
      da.data = a.tape().scratch(a.size());  // the kernel always writes it
    }
    backward(batch, units, y.grad(), a.data(), mean, inv_s, data_or_null(gain), eps, ratio, da.data, da.accumulate,
             dgain, dbias);
  });
  return y;
}

}  // namespace

template <typename T>
BatchNormResult<T> batch_norm(BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, bool unbiased, NormEps eps) {
  require_vector_if_any("batch_norm", a, gain);
  require_vector_if_any("batch_norm", a, bias);
  require_shape(!unbiased || a.cols() > 1, "batch_norm", a, "at least 2 examples for an unbiased variance");
  T* mean = a.tape().scratch(a.rows());
  T* variance = a.tape().scratch(a.rows());
  moments(a.cols(), a.rows(), a.data(), mean, variance);
  const T ratio = unbiased ? static_cast<T>(a.cols()) / static_cast<T>(a.cols() - 1) : T{1};
  std::for_each(variance, variance + a.rows(), [ratio](T& v) { v *= ratio; });
  return {normalize<T>("batch_norm", {mean, variance}, ratio, a, gain, bias, eps), {mean, variance}};
}

template <typename T>
BasicVar<T> batch_norm_with(UnitStatistics<T> statistics, BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias,
                            NormEps eps) {
  require_vector_if_any("batch_norm_with", a, gain);
  require_vector_if_any("batch_norm_with", a, bias);
  const T* mean = a.tape().copy(statistics.mean, a.rows());
  return normalize<T>("batch_norm_with", {mean, statistics.variance}, T{0}, a, gain, bias, eps);
}

template BatchNormResult<float> batch_norm(BasicVar<float>, BasicVar<float>, BasicVar<float>, bool, NormEps);
template BatchNormResult<double> batch_norm(BasicVar<double>, BasicVar<double>, BasicVar<double>, bool, NormEps);
template BasicVar<float> batch_norm_with(UnitStatistics<float>, BasicVar<float>, BasicVar<float>, BasicVar<float>,
                                         NormEps);
template BasicVar<double> batch_norm_with(UnitStatistics<double>, BasicVar<double>, BasicVar<double>, BasicVar<double>,
                                          NormEps);

}  // namespace normlab::nn
