#include "nn/cells/fused_cell.h"

#include <algorithm>
#include <functional>

namespace normlab::nn {

kernels::RowNorm row_norm(std::span<const RowNormForm<float>* const> sites) {
  const auto site = std::find_if(sites.begin(), sites.end(), [](const auto* s) { return s->normalize; });
  if (site == sites.end()) {
    return {};
  }
  return {.center = (*site)->center, .eps = static_cast<float>((*site)->eps.value), .place = (*site)->eps.placement};
}

kernels::CellSink sink_of(Var v) {
  const GradSink<float> sink = v.grad_sink();
  return {sink.data, sink.accumulate};
}

void add_to(Var parameter, const float* gradient) {
  if (const GradSink<float> sink = parameter.grad_sink()) {
    if (sink.accumulate) {
      std::transform(gradient, gradient + parameter.size(), sink.data, sink.data, std::plus<>());
    } else {
      std::copy_n(gradient, parameter.size(), sink.data);
    }
  }
}

void add_to(const RowNormForm<float>& site, const float* dgain, const float* dbias) {
  if (site.normalize) {
    add_to(site.gain, dgain);
    add_to(site.bias, dbias);
  }
}

void FusedSums::attach_to(Tape& tape, const char* op, Var parameter) {
  steps_ = tape.result(op, 1, 1, {parameter});
  *steps_.mutable_data() = 0.0f;
}

float* FusedSums::blocks() {
  if (blocks_ == nullptr) {
    const Index n = kernels::kCellPieces * floats_;
    blocks_ = steps_.tape().scratch(n);
    std::fill_n(blocks_, n, 0.0f);
    if (const GradSink<float> reached = steps_.grad_sink()) {
      *reached.data = 0.0f;
    }
  }
  return blocks_;
}

const float* FusedSums::total() const {
  for (Index piece = 1; piece < kernels::kCellPieces; ++piece) {
    std::transform(blocks_, blocks_ + floats_, blocks_ + piece * floats_, blocks_, std::plus<>());
  }
  return blocks_;
}

}  // namespace normlab::nn
