#include "nn/ops/dropout.h"

#include <fmt/format.h>

#include "nn/error.h"
#include "nn/kernels/dropout.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

using kernels::kMaskBits;

void scale_kept(Index n, const std::uint32_t* keep, float factor, const float* x, GradSink<float> y) {
  kernels::scale_kept(n, keep, factor, x, y.data, y.accumulate);
}

void scale_kept(Index n, const std::uint32_t* keep, double factor, const double* x, GradSink<double> y) {
  fill_pointwise(y, n,
                 [=](Index i) { return (keep[i / kMaskBits] >> (i % kMaskBits) & 1u) != 0 ? factor * x[i] : 0.0; });
}

}  // namespace

// dx = dy / (1 - rate) where y was kept.
template <typename T>
BasicVar<T> dropout(BasicVar<T> x, double rate, const Step& step, std::string_view purpose) {
  if (!(rate >= 0.0 && rate < 1.0)) {
    throw Error(
        fmt::format("dropout: rate {} of '{}' ({}); expected at least 0 and less than 1", rate, x.label(), purpose));
  }
  if (rate == 0.0 || step.mode == Mode::kEvaluate) {
    return x;
  }
  BasicTape<T>& tape = x.tape();
  const BasicVar<T> y = tape.result("dropout", x.rows(), x.cols(), {x});
  std::uint32_t* const keep = tape.template scratch<std::uint32_t>(kernels::mask_words(x.size()));
  const T factor = static_cast<T>(1.0 / (1.0 - rate));
  kernels::draw_mask(step.rng(purpose), rate, x.size(), keep);
  scale_kept(x.size(), keep, factor, x.data(), GradSink<T>{.data = y.mutable_data()});
  tape.on_backward({y}, [=] { scale_kept(y.size(), keep, factor, y.grad(), x.grad_sink()); });
  return y;
}

template BasicVar<float> dropout(BasicVar<float>, double, const Step&, std::string_view);
template BasicVar<double> dropout(BasicVar<double>, double, const Step&, std::string_view);

}  // namespace normlab::nn
