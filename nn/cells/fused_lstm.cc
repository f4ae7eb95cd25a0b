#include "nn/cells/fused_lstm.h"

#include <algorithm>
#include <functional>

namespace normlab::nn {
using kernels::LstmSums;

FusedLstm::FusedLstm(Tape& tape, Index units, const FusedLstmSites& sites)
    : sites_(sites), parameter_sums_(kernels::lstm_parameter_floats(units)) {
  const RowNormForm<float>* all[] = {&sites.cell, &sites.recurrent, &sites.input, &sites.gates[0]};
  rule_.units = units;
  rule_.sums = sites.sums;
  rule_.cell = sites.cell.normalize;
  rule_.clip = sites.clip;
  rule_.norm = row_norm(all);
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
  parameter_sums_.attach_to(tape, "fused_lstm", sites_.bias);
  tape.on_backward({parameter_sums_.steps()}, [this] { add_parameter_gradients(); });
}

FusedLstm::State FusedLstm::step(Var recurrent, Var input, State previous, Var mask) {
  Tape& tape = input.tape();
  const Index rows = input.cols(), units = rule_.units;
  const Var other = recurrent ? recurrent : input;
  const State next{
      .h = tape.result("lstm", units, rows, {other, input, previous.h, previous.c, parameter_sums_.steps()}),
      .c = tape.result("lstm", units, rows, {other, input, previous.h, previous.c, parameter_sums_.steps()})};
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
    kernels::LstmGradients gradients{.dh = next.h.grad(), .dc = next.c.grad(), .parameters = parameter_sums_.blocks()};
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

void FusedLstm::add_parameter_gradients() const {
  const Index units = rule_.units;
  const float *dbias = parameter_sums_.total(), *drecurrent = dbias + 4 * units, *dinput = drecurrent + 4 * units,
              *dcell = dinput + 4 * units;
  add_to(sites_.bias, dbias);
  switch (rule_.sums) {
    case LstmSums::kPlain:
      break;
    case LstmSums::kTerms:
      add_to(sites_.recurrent, drecurrent, dbias);
      add_to(sites_.input, dinput, dbias);
      break;
    case LstmSums::kSum:
      add_to(sites_.gates[0], dinput, dbias);
      break;
    case LstmSums::kGates:
      for (std::size_t k = 0; k < 4; ++k) {
        add_to(sites_.gates[k], dinput + static_cast<Index>(k) * units, dbias + static_cast<Index>(k) * units);
      }
      break;
  }
  add_to(sites_.cell, dcell, dcell + units);
}

}  // namespace normlab::nn
