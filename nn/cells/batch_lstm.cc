#include "nn/cells/batch_lstm.h"

#include <algorithm>

#include "nn/cells/fused_cell.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

using Form = BatchNormForm<float>;

// Memory for the statistics of a step, with those in it that are given.
kernels::BatchSite site_of(Tape& tape, const Form& form) {
  const Index units = form.gain.size();
  const kernels::BatchSite site{.gain = form.gain.data(),
                                .bias = form.bias.data(),
                                .mean = tape.scratch(units),
                                .variance = tape.scratch(units),
                                .inv_s = tape.scratch(units)};
  if (form.given_mean != nullptr) {
    std::copy_n(form.given_mean, units, site.mean);
    std::copy_n(form.given_variance, units, site.variance);
  }
  return site;
}

kernels::BatchSiteSums sums_of(Var gain, Var bias) {
  return {.gain = cleared(gain.grad_sink(), gain.size()), .bias = cleared(bias.grad_sink(), bias.size())};
}

Index count_columns(Var input, Var mask) {
  if (!mask) {
    return input.cols();
  }
  const Index counted = mask.cols() - std::count(mask.data(), mask.data() + mask.cols(), 0.0f);
  require_shapes(counted > 0, "lstm", mask, input, "a mask that is not 0 somewhere");
  return counted;
}

}  // namespace

BatchLstm::State BatchLstm::step(Var recurrent_sums, Var input_sums, State previous, const Step& step, Var mask) const {
  Tape& tape = input_sums.tape();
  const Index rows = input_sums.cols(), units = previous.h.rows(), counted = count_columns(input_sums, mask);
  const Form r = *recurrent.batch_form(tape, step, counted), x = *input.batch_form(tape, step, counted),
             k = *cell.batch_form(tape, step, counted);
  const bool given = r.given_mean != nullptr, unbiased = r.unbiased && !given;
  require_shape(!unbiased || counted > 1, "lstm", input_sums, "at least 2 examples for an unbiased variance");
  const auto result = [&] {
    return tape.result("batch_lstm", units, rows,
                       {recurrent_sums, input_sums, previous.h, previous.c, bias, r.gain, x.gain, k.gain});
  };
  const State next{.h = result(), .c = result()};
  const kernels::BatchLstmRule rule{.units = units, .eps = r.eps, .clip = clip, .bias = bias.data()};
  const kernels::BatchLstmStep numbers{
      .rows = rows,
      .recurrent = recurrent_sums.data(),
      .input = input_sums.data(),
      .c_prev = previous.c.data(),
      .h_prev = previous.h.data(),
      .mask = mask ? mask.data() : nullptr,
      .of_recurrent = site_of(tape, r),
      .of_input = site_of(tape, x),
      .of_cell = site_of(tape, k),
      .given = given,
      .ratio = unbiased ? static_cast<float>(counted) / static_cast<float>(counted - 1) : 1.0f,
      .c = next.c.mutable_data(),
      .h = next.h.mutable_data(),
      .gates = tape.scratch(4 * units * rows),
      .squashed = tape.scratch(units * rows)};
  kernels::batch_lstm_forward(rule, numbers);
  if (!given) {
    recurrent.keep_batch(step, numbers.of_recurrent.mean, numbers.of_recurrent.variance);
    input.keep_batch(step, numbers.of_input.mean, numbers.of_input.variance);
    cell.keep_batch(step, numbers.of_cell.mean, numbers.of_cell.variance);
  }
  tape.on_backward({next.h, next.c}, [=, bias = bias] {
    kernels::batch_lstm_backward(rule, numbers,
                                 {.dh = next.h.grad(),
                                  .dc = next.c.grad(),
                                  .recurrent = sink_of(recurrent_sums),
                                  .input = sink_of(input_sums),
                                  .c_prev = sink_of(previous.c),
                                  .h_prev = mask ? sink_of(previous.h) : kernels::CellSink(),
                                  .bias = cleared(bias.grad_sink(), bias.size()),
                                  .of_recurrent = sums_of(r.gain, r.bias),
                                  .of_input = sums_of(x.gain, x.bias),
                                  .of_cell = sums_of(k.gain, k.bias)});
  });
  return next;
}

}  // namespace normlab::nn
