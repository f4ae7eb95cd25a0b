#include "nn/cells/gru.h"

#include <algorithm>
#include <array>
#include <utility>

#include "nn/cells/fused_gru.h"
#include "nn/cells/norm_sites.h"
#include "nn/ops/activation.h"
#include "nn/ops/check.h"
#include "nn/ops/columns.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "nn/ops/rows.h"

namespace normlab::nn {
namespace {

// Weight norm works on the weights, as for the LSTM; all other norms stand at the sites.
NormSpec weight_only(const NormSpec& norm) { return term_norm(norm, false); }

// The norm of a term W h at one site: weight norm is done by then.
NormSpec site_norm(const NormSpec& norm) { return norm.on_weights() ? sum_norm(norm) : term_norm(norm, true); }

}  // namespace

template <typename T>
BasicGru<T>::BasicGru(const BasicScope<T>& scope, const GruSpec& spec)
    : spec_(spec),
      recurrent_weight_(make_normalizer(weight_only(spec.norm), scope / "recurrent", {.units = 3 * spec.units})),
      input_weight_(make_normalizer(weight_only(spec.norm), scope / "input", {.units = 3 * spec.units})),
      recurrent_((scope / "recurrent").matrix("weight", 3 * spec.units, spec.units, spec.recurrent_init),
                 *recurrent_weight_),
      input_((scope / "input").matrix("weight", 3 * spec.units, spec.inputs, spec.input_init), *input_weight_),
      bias_(scope.vector("bias", 3 * spec.units, spec.bias_init)) {
  const Index units = spec.units;
  if (spec.placement == GruPlacement::kTerms) {
    for (const auto& [sites, name] : {std::pair{&recurrent_sites_, "recurrent"}, std::pair{&input_sites_, "input"}}) {
      sites->gates = make_normalizer(site_norm(spec.norm), scope / name / "gates", {.units = 2 * units});
      sites->candidate = make_normalizer(site_norm(spec.norm), scope / name / "candidate", {.units = units});
    }
    return;
  }
  const BasicScope<T> sum = scope / "sum";
  if (spec.placement == GruPlacement::kSum) {
    sum_sites_.gates = make_normalizer(sum_norm(spec.norm), sum / "gates", {.units = 2 * units});
  } else {
    sum_sites_.update = make_normalizer(sum_norm(spec.norm), sum / "z", {.units = units});
    sum_sites_.reset = make_normalizer(sum_norm(spec.norm), sum / "r", {.units = units});
  }
  sum_sites_.candidate = make_normalizer(sum_norm(spec.norm), sum / "candidate", {.units = units});
}

// Whether every normalizer can be told to fused_gru.h as numbers.
template <typename T>
bool BasicGru<T>::Sites::have_row_forms() const {
  const std::array all = {gates.get(), update.get(), reset.get(), candidate.get()};
  return std::all_of(all.begin(), all.end(), [](const auto* site) { return site == nullptr || site->has_row_form(); });
}

template <typename T>
BasicVar<T> BasicGru<T>::zero_state(BasicTape<T>& tape, Index batch) const {
  return tape.zeros(spec_.units, batch);
}

// What goes into the gates but b, from the terms' 2H rows.
template <typename T>
BasicVar<T> BasicGru<T>::gate_sums(Var terms_h, Var terms_x, const Step& step, Var mask) {
  const Index units = spec_.units;
  switch (spec_.placement) {
    case GruPlacement::kTerms:
      return recurrent_sites_.gates->masked_sums(terms_h, step, mask) +
             input_sites_.gates->masked_sums(terms_x, step, mask);
    case GruPlacement::kSum:
      return sum_sites_.gates->masked_sums(terms_h + terms_x, step, mask);
    case GruPlacement::kGates:
      break;
  }
  const Var terms = terms_h + terms_x;
  return concat_rows(sum_sites_.update->masked_sums(slice_rows(terms, 0, units), step, mask),
                     sum_sites_.reset->masked_sums(slice_rows(terms, units, units), step, mask));
}

template <typename T>
BasicVar<T> BasicGru<T>::step(Var input_sums, Var previous, const Step& step, Var mask) {
  const Index units = spec_.units;
  require_shapes(input_sums.rows() == 3 * units && input_sums.cols() == previous.cols(), "gru", input_sums, previous,
                 "input sums of 3H x B for a state of H x B");
  require_shapes(!mask || (mask.rows() == 1 && mask.cols() == input_sums.cols()), "gru", input_sums, mask,
                 "a mask of 1 x B");
  const Var recurrent = recurrent_(previous);
  if constexpr (std::is_same_v<T, float>) {
    if (spec_.fused && recurrent_sites_.have_row_forms() && input_sites_.have_row_forms() &&
        sum_sites_.have_row_forms()) {
      return fused(input_sums.tape()).step(recurrent, input_sums, previous, mask);
    }
  }
  return composed_step(recurrent, input_sums, previous, step, mask);
}

// What fused_gru.h needs to know, once a pass.
template <typename T>
template <typename FloatTape>
FusedGru& BasicGru<T>::fused(FloatTape& tape) {
  if (FusedGru* kept = tape.template attached<FusedGru>(this)) {
    return *kept;
  }
  FusedGruSites sites{.bias = tape.parameter(bias_)};
  switch (spec_.placement) {
    case GruPlacement::kTerms:
      sites.recurrent = {*recurrent_sites_.gates->row_form(tape), *recurrent_sites_.candidate->row_form(tape)};
      sites.input = {*input_sites_.gates->row_form(tape), *input_sites_.candidate->row_form(tape)};
      sites.sums = sites.input.gates.normalize ? kernels::GruSums::kTerms : kernels::GruSums::kPlain;
      break;
    case GruPlacement::kSum:
      sites.gates[0] = *sum_sites_.gates->row_form(tape);
      sites.candidate = *sum_sites_.candidate->row_form(tape);
      sites.sums = sites.candidate.normalize ? kernels::GruSums::kSum : kernels::GruSums::kPlain;
      break;
    case GruPlacement::kGates:
      sites.gates = {*sum_sites_.update->row_form(tape), *sum_sites_.reset->row_form(tape)};
      sites.candidate = *sum_sites_.candidate->row_form(tape);
      sites.sums = sites.candidate.normalize ? kernels::GruSums::kGates : kernels::GruSums::kPlain;
      break;
  }
  FusedGru* made = tape.attach(this, FusedGru(tape, spec_.units, sites));
  made->attach_to(tape);
  return *made;
}

template <typename T>
BasicVar<T> BasicGru<T>::composed_step(Var recurrent, Var input_sums, Var previous, const Step& step, Var mask) {
  const Index units = spec_.units;
  const Var bias = input_sums.tape().parameter(bias_);
  const Var gates =
      sigmoid(add_bias(gate_sums(slice_rows(recurrent, 0, 2 * units), slice_rows(input_sums, 0, 2 * units), step, mask),
                       slice_rows(bias, 0, 2 * units)));
  const Var update = slice_rows(gates, 0, units), reset = slice_rows(gates, units, units);
  const Var u = slice_rows(recurrent, 2 * units, units), w = slice_rows(input_sums, 2 * units, units);
  const Var sum = spec_.placement == GruPlacement::kTerms
                      ? input_sites_.candidate->masked_sums(w, step, mask) +
                            reset * recurrent_sites_.candidate->masked_sums(u, step, mask)
                      : sum_sites_.candidate->masked_sums(w + reset * u, step, mask);
  const Var candidate = tanh(add_bias(sum, slice_rows(bias, 2 * units, units)));
  const Var h = previous + update * (candidate - previous);
  return mask ? select_columns(mask, h, previous) : h;
}

template class BasicGru<float>;
template class BasicGru<double>;

}  // namespace normlab::nn
