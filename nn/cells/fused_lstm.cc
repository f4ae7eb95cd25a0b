#include "nn/cells/fused_lstm.h"

#include <algorithm>
#include <functional>

namespace normlab::nn {
namespace {

using kernels::LstmSums;

// Adds n values to a vector parameter's gradient.
void add_to(Var parameter, const float* gradient) {
  if (const GradSink<float> sink = parameter.grad_sink()) {
    if (sink.accumulate) {
      std::transform(gradient, gradient + parameter.size(), sink.data, sink.data, std::plus<>());
    } else {
      std::copy_n(gradient, parameter.size(), sink.data);
    }
  }
}

kernels::LstmSink sink_of(Var v) {
  const GradSink<float> sink = v.grad_sink();
  return {sink.data, sink.accumulate};
}

// The first site that normalises, for what all of them share: they come from one NormSpec.
const RowNormForm<float>* any_norm(const FusedLstmSites& sites) {
  for (const RowNormForm<float>* site : {&sites.cell, &sites.recurrent, &sites.input, &sites.gates[0]}) {
    if (site->normalize) {
      return site;
    }
  }
  return nullptr;
}

}  // namespace

FusedLstm::FusedLstm(Tape& tape, Index units, const FusedLstmSites& sites) : sites_(sites) {
  rule_.units = units;
  rule_.sums = sites.sums;
  rule_.cell = sites.cell.normalize;
  rule_.clip = sites.clip;
  if (const RowNormForm<float>* norm = any_norm(sites)) {
    rule_.center = norm->center;
    rule_.eps = static_cast<float>(norm->eps.value);
    rule_.place = norm->eps.placement;
  }
  rule_.bias = sites.bias.data();
  if (sites.sums == LstmSums::kTerms) {
    float* bias = tape.scratch(4 * units);
    for (Index j = 0; j < 4 * units; ++j) {
      bias[j] = sites.bias.data()[j] + sites.recurrent.bias.data()[j] + sites.input.bias.data()[j];
    }
    rule_.bias = bias;
    rule_.recurrent_gain = sites.recurrent.gain.data();
    rule_.input_gain = sites.input.gain.data();
  } else if (sites.sums == LstmSums::kSum) {
    rule_.input_gain = sites.gates[0].gain.data();
  } else if (sites.sums == LstmSums::kGates) {
    float* gain = tape.scratch(4 * units);
    rule_.input_gain = gain;
    for (const RowNormForm<float>& gate : sites.gates) {
      gain = std::copy_n(gate.gain.data(), units, gain);
    }
  }
  if (rule_.cell) {
    rule_.cell_gain = sites.cell.gain.data();
    rule_.cell_bias = sites.cell.bias.data();
  }
}

void FusedLstm::attach_to(Tape& tape) {
  steps_ = tape.result("fused_lstm", 1, 1, {sites_.bias});
  *steps_.mutable_data() = 0.0f;
  tape.on_backward({steps_}, [this] { add_parameter_gradients(); });
}

FusedLstm::State FusedLstm::step(Var recurrent, Var input, State previous, Var mask) {
  Tape& tape = input.tape();
  const Index rows = input.cols(), units = rule_.units;
  const Var other = recurrent ? recurrent : input;
  const State next{.h = tape.result("lstm", units, rows, {other, input, previous.h, previous.c, steps_}),
                   .c = tape.result("lstm", units, rows, {other, input, previous.h, previous.c, steps_})};
  const bool in_place = rule_.sums == LstmSums::kPlain;  // the way back does not need the sums then
  const kernels::LstmStep step{.rows = rows,
                               .recurrent = recurrent ? recurrent.data() : nullptr,
                               .input = input.data(),
                               .c_prev = previous.c.data(),
                               .h_prev = previous.h.data(),
                               .mask = mask ? mask.data() : nullptr,
                               .c = next.c.mutable_data(),
                               .h = next.h.mutable_data(),
                               .gates = in_place ? tape.overwrite("lstm", input) : tape.scratch(4 * units * rows),
                               .squashed = tape.scratch(units * rows),
                               .stats = tape.scratch(kernels::kLstmStats * rows)};
  kernels::lstm_forward(rule_, step);
  tape.on_backward({next.h, next.c}, [this, step, recurrent, input, previous, next] {
    kernels::LstmGradients gradients{.dh = next.h.grad(), .dc = next.c.grad(), .parameters = parameter_sums()};
    if (recurrent) {
      gradients.recurrent = sink_of(recurrent);
    }
    gradients.input = sink_of(input);
    gradients.c_prev = sink_of(previous.c);
    if (step.mask != nullptr) {
      gradients.h_prev = sink_of(previous.h);
    }
    kernels::lstm_backward(rule_, step, gradients);
  });
  return next;
}

// Cleared at the first step that goes back, which also says that there is something to add up.
float* FusedLstm::parameter_sums() {
  if (sums_ == nullptr) {
    const Index n = kernels::kLstmPieces * kernels::lstm_parameter_floats(rule_.units);
    sums_ = steps_.tape().scratch(n);
    std::fill_n(sums_, n, 0.0f);
    if (const GradSink<float> reached = steps_.grad_sink()) {
      *reached.data = 0.0f;
    }
  }
  return sums_;
}

void FusedLstm::give(RowNormForm<float> site, const float* dgain, const float* dbias) const {
  if (site.normalize) {
    add_to(site.gain, dgain);
    add_to(site.bias, dbias);
  }
}

void FusedLstm::add_parameter_gradients() const {
  const Index units = rule_.units, n = kernels::lstm_parameter_floats(units);
  for (Index piece = 1; piece < kernels::kLstmPieces; ++piece) {
    std::transform(sums_, sums_ + n, sums_ + piece * n, sums_, std::plus<>());
  }
  const float *dbias = sums_, *drecurrent = dbias + 4 * units, *dinput = drecurrent + 4 * units,
              *dcell = dinput + 4 * units;
  add_to(sites_.bias, dbias);
  switch (rule_.sums) {
    case LstmSums::kPlain:
      break;
    case LstmSums::kTerms:
      give(sites_.recurrent, drecurrent, dbias);
      give(sites_.input, dinput, dbias);
      break;
    case LstmSums::kSum:
      give(sites_.gates[0], dinput, dbias);
      break;
    case LstmSums::kGates:
      for (std::size_t k = 0; k < 4; ++k) {
        give(sites_.gates[k], dinput + static_cast<Index>(k) * units, dbias + static_cast<Index>(k) * units);
      }
      break;
  }
  give(sites_.cell, dcell, dcell + units);
}

}  // namespace normlab::nn
