#include "nn/cells/fused_gru.h"

#include <algorithm>
#include <functional>

namespace normlab::nn {

using kernels::GruSums;

FusedGru::FusedGru(Tape& tape, Index units, const FusedGruSites& sites)
    : sites_(sites), sums_(kernels::gru_parameter_floats(units)) {
  const RowNormForm<float>* all[] = {&sites.recurrent.gates, &sites.gates[0]};
  rule_.units = units;
  rule_.sums = sites.sums;
  rule_.norm = row_norm(all);
  rule_.bias = sites.bias.data();
  if (sites.sums == GruSums::kTerms) {
    gather_terms(tape);
  } else if (sites.sums != GruSums::kPlain) {
    gather_sums(tape);
  }
}

// Gains of the gates over those of the candidate, and all biases in one but the one that r multiplies.
void FusedGru::gather_terms(Tape& tape) {
  const Index units = rule_.units;
  const auto joined = [&](const RowNormForm<float>& gates, const RowNormForm<float>& candidate) {
    float* gain = tape.scratch(3 * units);
    std::copy_n(candidate.gain.data(), units, std::copy_n(gates.gain.data(), 2 * units, gain));
    return gain;
  };
  rule_.recurrent_gain = joined(sites_.recurrent.gates, sites_.recurrent.candidate);
  rule_.input_gain = joined(sites_.input.gates, sites_.input.candidate);
  rule_.recurrent_bias = sites_.recurrent.candidate.bias.data();
  float* bias = tape.scratch(3 * units);
  std::copy_n(sites_.bias.data(), 3 * units, bias);
  const auto add = [](Var more, float* to) {
    std::transform(more.data(), more.data() + more.size(), to, to, std::plus<>());
  };
  add(sites_.recurrent.gates.bias, bias);
  add(sites_.input.gates.bias, bias);
  add(sites_.input.candidate.bias, bias + 2 * units);
  rule_.bias = bias;
}

// These norms have no biases.
void FusedGru::gather_sums(Tape& tape) {
  float* gain = tape.scratch(3 * rule_.units);
  rule_.input_gain = gain;
  for (const RowNormForm<float>& site : {sites_.gates[0], sites_.gates[1], sites_.candidate}) {
    if (site.normalize) {
      gain = std::copy_n(site.gain.data(), site.gain.size(), gain);
    }
  }
}

void FusedGru::attach_to(Tape& tape) {
  sums_.attach_to(tape, "fused_gru", sites_.bias);
  tape.on_backward({sums_.steps()}, [this] { add_parameter_gradients(); });
}

Var FusedGru::step(Var recurrent, Var input, Var previous, Var mask) {
  Tape& tape = input.tape();
  const Index rows = input.cols(), units = rule_.units;
  const Var next = tape.result("gru", units, rows, {recurrent, input, previous, sums_.steps()});
  const kernels::GruStep step{.rows = rows,
                              .recurrent = recurrent.data(),
                              .input = input.data(),
                              .h_prev = previous.data(),
                              .mask = mask ? mask.data() : nullptr,
                              .h = next.mutable_data(),
                              .gates = tape.scratch(3 * units * rows),
                              .inner = tape.scratch(units * rows),
                              .stats = tape.scratch(kernels::kGruStats * rows)};
  kernels::gru_forward(rule_, step);
  tape.on_backward({next}, [this, step, recurrent, input, previous, next] {
    kernels::gru_backward(rule_, step,
                          {.dh = next.grad(),
                           .recurrent = sink_of(recurrent),
                           .input = sink_of(input),
                           .h_prev = sink_of(previous),
                           .parameters = sums_.blocks()});
  });
  return next;
}

void FusedGru::add_parameter_gradients() const {
  const Index units = rule_.units, c = 2 * units;
  const float *dbias = sums_.total(), *drecurrent = dbias + 3 * units, *dinput = drecurrent + 3 * units,
              *drecurrent_bias = dinput + 3 * units;
  add_to(sites_.bias, dbias);
  switch (rule_.sums) {
    case GruSums::kPlain:
      break;
    case GruSums::kTerms:
      add_to(sites_.recurrent.gates, drecurrent, dbias);
      add_to(sites_.recurrent.candidate, drecurrent + c, drecurrent_bias);
      add_to(sites_.input.gates, dinput, dbias);
      add_to(sites_.input.candidate, dinput + c, dbias + c);
      break;
    case GruSums::kSum:
    case GruSums::kGates:
      add_to(sites_.gates[0], dinput, dbias);
      add_to(sites_.gates[1], dinput + units, dbias + units);
      add_to(sites_.candidate, dinput + c, dbias + c);
      break;
  }
}

}  // namespace normlab::nn
