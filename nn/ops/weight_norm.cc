#include "nn/ops/weight_norm.h"

#include <cmath>

#include "nn/kernels/norm.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"
#include "nn/plain/dot.h"

namespace normlab::nn {
namespace {

using kernels::weight_norm_backward;
using kernels::weight_norm_forward;

// The kernels' contracts in double.
void weight_norm_forward(Index units, Index f, const double* v, const double* gain, double* w, double* inv_length) {
  for (Index k = 0; k < units; ++k) {
    const double* unit = v + k * f;
    inv_length[k] = 1.0 / std::sqrt(plain::dot<double>(unit, unit, f));
    for (Index i = 0; i < f; ++i) {
      w[k * f + i] = gain[k] * inv_length[k] * unit[i];
    }
  }
}

void weight_norm_backward(Index units, Index f, const double* dw, const double* v, const double* inv_length,
                          const double* gain, double* dv, bool accumulate, double* along) {
  for (Index k = 0; k < units; ++k) {
    const double *up = dw + k * f, *unit = v + k * f;
    along[k] = plain::dot<double>(up, unit, f) * inv_length[k];
    for (Index i = 0; dv && i < f; ++i) {
      const double gradient = gain[k] * inv_length[k] * (up[i] - along[k] * inv_length[k] * unit[i]);
      dv[k * f + i] = accumulate ? dv[k * f + i] + gradient : gradient;
    }
  }
}

}  // namespace

// With u = v / |v|: dgain = dw . u, and the length of v does not matter, so its gradient is the part of gain dw that is
// orthogonal to u, over the length:
//   dv = (gain / |v|) (dw - u (dw . u))
template <typename T>
BasicVar<T> weight_norm(BasicVar<T> v, BasicVar<T> gain) {
  require_shapes(gain.cols() == 1 && gain.rows() == v.cols(), "weight_norm", v, gain,
                 "a gain with one value per unit, a column of the weight (in x out)");
  BasicTape<T>& tape = v.tape();
  BasicVar<T> w = tape.result("weight_norm", v.rows(), v.cols(), {v, gain});
  const Index in = v.rows(), out = v.cols();
  T* inv_length = tape.scratch(out);
  weight_norm_forward(out, in, v.data(), gain.data(), w.mutable_data(), inv_length);
  tape.on_backward({w}, [v, gain, w, in, out, inv_length] {
    T* along = v.tape().scratch(out);
    const GradSink<T> dv = v.grad_sink();
    weight_norm_backward(out, in, w.grad(), v.data(), inv_length, gain.data(), dv.data, dv.accumulate, along);
    fill_pointwise(gain.grad_sink(), out, [along](Index k) { return along[k]; });
  });
  return w;
}

template BasicVar<float> weight_norm(BasicVar<float>, BasicVar<float>);
template BasicVar<double> weight_norm(BasicVar<double>, BasicVar<double>);

}  // namespace normlab::nn
