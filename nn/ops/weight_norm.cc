#include "nn/ops/weight_norm.h"

#include <cmath>

#include "base/parallel.h"
#include "nn/ops/check.h"
#include "nn/plain/dot.h"

namespace normlab::nn {
namespace {

constexpr Index kUnitsPerPiece = 64;

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
  parallel_ranges(out, kUnitsPerPiece, [&](Index begin, Index end) {
    for (Index k = begin; k < end; ++k) {
      const T* unit = v.data() + k * in;
      inv_length[k] = T{1} / std::sqrt(plain::dot<T>(unit, unit, in));
      const T scale = gain.data()[k] * inv_length[k];
      for (Index i = 0; i < in; ++i) {
        w.mutable_data()[k * in + i] = scale * unit[i];
      }
    }
  });
  tape.on_backward({w}, [v, gain, w, in, out, inv_length] {
    const GradSink<T> dv = v.grad_sink();
    const GradSink<T> dgain = gain.grad_sink();
    parallel_ranges(out, kUnitsPerPiece, [&](Index begin, Index end) {
      for (Index k = begin; k < end; ++k) {
        const T* unit = v.data() + k * in;
        const T* dw = w.grad() + k * in;
        const T along = plain::dot<T>(dw, unit, in) * inv_length[k];
        if (dgain) {
          dgain.data[k] = dgain.accumulate ? dgain.data[k] + along : along;
        }
        const T scale = gain.data()[k] * inv_length[k];
        const T projection = along * inv_length[k];
        for (Index i = 0; dv && i < in; ++i) {
          const T gradient = scale * (dw[i] - projection * unit[i]);
          dv.data[k * in + i] = dv.accumulate ? dv.data[k * in + i] + gradient : gradient;
        }
      }
    });
  });
  return w;
}

template BasicVar<float> weight_norm(BasicVar<float>, BasicVar<float>);
template BasicVar<double> weight_norm(BasicVar<double>, BasicVar<double>);

}  // namespace normlab::nn
