#include "nn/cells/lstm.h"

#include <algorithm>

#include "nn/cells/batch_lstm.h"
#include "nn/cells/fused_lstm.h"
#include "nn/cells/norm_sites.h"
#include "nn/ops/activation.h"
#include "nn/ops/check.h"
#include "nn/ops/columns.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "nn/ops/rows.h"

namespace normlab::nn {
namespace {

constexpr std::array<const char*, 4> kGateNames = {"f", "i", "o", "g"};

// b, with the forget gate's part raised.
Initializer gate_bias(const LstmSpec& spec) {
  return [bias = spec.bias_init, forget = spec.forget_bias, units = spec.units](Rng& rng, Fans fans,
                                                                                std::span<double> values) {
    bias(rng, fans, values);
    std::for_each_n(values.begin(), units, [forget](double& v) { v += forget; });
  };
}

}  // namespace

template <typename T>
BasicLstm<T>::BasicLstm(const BasicScope<T>& scope, const LstmSpec& spec)
    : spec_(spec),
      recurrent_(scope / "recurrent", spec.units, 4 * spec.units,
                 term_norm(spec.norm, spec.placement == LstmPlacement::kTermsAndCell), spec.recurrent_init),
      input_(scope / "input", spec.inputs, 4 * spec.units,
             term_norm(spec.norm, spec.placement == LstmPlacement::kTermsAndCell), spec.input_init),
      bias_(scope.vector("bias", 4 * spec.units, gate_bias(spec))) {
  if (spec.placement == LstmPlacement::kSumAndCell) {
    sum_ = make_normalizer(sum_norm(spec.norm), scope / "sum", {.units = 4 * spec.units});
  }
  if (spec.placement == LstmPlacement::kGatesAndCell) {
    std::transform(kGateNames.begin(), kGateNames.end(), gates_.begin(), [&](const char* gate) {
      return make_normalizer(sum_norm(spec.norm), scope / "gate" / gate, {.units = spec.units});
    });
  }
  input_.share_gradients_with(recurrent_);
  cell_ = make_normalizer(state_norm(spec.norm), scope / "cell", {.units = spec.units});
  if (spec.peepholes) {
    std::transform(kGateNames.begin(), kGateNames.begin() + 3, peepholes_.begin(),
                   [&](const char* gate) { return &(scope / "peephole").vector(gate, spec.units, init::zeros()); });
  }
  fusable_ = spec.fused && !spec.peepholes && has_row_forms();
}

// Whether every site can be told to fused_lstm.h as numbers.
template <typename T>
bool BasicLstm<T>::has_row_forms() {
  const auto has = [](const std::unique_ptr<BasicNormalizer<T>>& site) {
    return site == nullptr || site->has_row_form();
  };
  return has(sum_) && has(cell_) && std::all_of(gates_.begin(), gates_.end(), has) &&
         recurrent_.normalizer().has_row_form() && input_.normalizer().has_row_form();
}

// Whether all three sites can be told to batch_lstm.h as numbers.
template <typename T>
bool BasicLstm<T>::has_batch_forms() {
  return spec_.fused && !spec_.peepholes && spec_.placement == LstmPlacement::kTermsAndCell &&
         recurrent_.normalizer().has_batch_form() && input_.normalizer().has_batch_form() && cell_->has_batch_form();
}

template <typename T>
BasicLstmState<T> BasicLstm<T>::zero_state(BasicTape<T>& tape, Index batch) const {
  return {.h = tape.zeros(spec_.units, batch), .c = tape.zeros(spec_.units, batch)};
}

template <typename T>
BasicVar<T> BasicLstm<T>::input_sums(Var x) {
  const Var product = input_.product(x);
  return spec_.bias_twice ? add_bias(product, x.tape().parameter(bias_)) : product;
}

template <typename T>
std::vector<BasicNormalizer<T>*> BasicLstm<T>::sites() {
  std::vector<BasicNormalizer<T>*> all = {&recurrent_.normalizer(), &input_.normalizer()};
  for (const auto* site : {&sum_, &gates_[0], &gates_[1], &gates_[2], &gates_[3], &cell_}) {
    if (*site != nullptr) {
      all.push_back(site->get());
    }
  }
  return all;
}

// What goes into the gates but b.
template <typename T>
BasicVar<T> BasicLstm<T>::gate_sums(Var recurrent, Var input, const Step& step, Var mask) {
  const Var terms =
      recurrent_.normalizer().masked_sums(recurrent, step, mask) + input_.normalizer().masked_sums(input, step, mask);
  switch (spec_.placement) {
    case LstmPlacement::kTermsAndCell:
    case LstmPlacement::kCell:
      return terms;
    case LstmPlacement::kSumAndCell:
      return sum_->masked_sums(terms, step, mask);
    case LstmPlacement::kGatesAndCell:
      break;
  }
  const auto gate = [&](std::size_t k) {
    return gates_[k]->masked_sums(slice_rows(terms, static_cast<Index>(k) * spec_.units, spec_.units), step, mask);
  };
  return concat_rows<T>({gate(0), gate(1), gate(2), gate(3)});
}

template <typename T>
BasicLstmState<T> BasicLstm<T>::step(Var input_sums, State previous, const Step& step, Var mask) {
  require_shapes(input_sums.rows() == 4 * spec_.units && input_sums.cols() == previous.h.cols(), "lstm", input_sums,
                 previous.h, "input sums of 4H x B for a state of H x B");
  require_shapes(!mask || (mask.rows() == 1 && mask.cols() == input_sums.cols()), "lstm", input_sums, mask,
                 "a mask of 1 x B");
  if constexpr (std::is_same_v<T, float>) {
    if (fusable_) {
      FusedLstm& cell = fused(input_sums.tape());
      const Var recurrent = cell.has_terms() ? recurrent_.product(previous.h) : Var();
      const Var input = cell.has_terms() ? input_sums : recurrent_.product_onto(input_sums, previous.h);
      const auto [h, c] = cell.step(recurrent, input, {previous.h, previous.c}, mask);
      return {.h = h, .c = c};
    }
    if (has_batch_forms()) {
      const BatchLstm cell{.recurrent = recurrent_.normalizer(),
                           .input = input_.normalizer(),
                           .cell = *cell_,
                           .bias = input_sums.tape().parameter(bias_),
                           .clip = static_cast<float>(spec_.clip)};
      const auto [h, c] = cell.step(recurrent_.product(previous.h), input_sums, {previous.h, previous.c}, step, mask);
      return {.h = h, .c = c};
    }
  }
  return composed_step(recurrent_.product(previous.h), input_sums, previous, step, mask);
}

// What fused_lstm.h needs to know, once a pass.
template <typename T>
template <typename FloatTape>
FusedLstm& BasicLstm<T>::fused(FloatTape& tape) {
  if (FusedLstm* kept = tape.template attached<FusedLstm>(this)) {
    return *kept;
  }
  FusedLstmSites sites{.clip = static_cast<float>(spec_.clip), .bias = tape.parameter(bias_)};
  sites.cell = *cell_->row_form(tape);
  sites.recurrent = *recurrent_.normalizer().row_form(tape);
  sites.input = *input_.normalizer().row_form(tape);
  if (sites.recurrent.normalize) {
    sites.sums = kernels::LstmSums::kTerms;
  } else if (sum_ != nullptr) {
    sites.gates[0] = *sum_->row_form(tape);
    sites.sums = sites.gates[0].normalize ? kernels::LstmSums::kSum : kernels::LstmSums::kPlain;
  } else if (gates_[0] != nullptr) {
    std::transform(gates_.begin(), gates_.end(), sites.gates.begin(),
                   [&](const auto& g) { return *g->row_form(tape); });
    sites.sums = sites.gates[0].normalize ? kernels::LstmSums::kGates : kernels::LstmSums::kPlain;
  }
  FusedLstm* made = tape.attach(this, FusedLstm(tape, spec_.units, sites));
  made->attach_to(tape);
  return *made;
}

template <typename T>
BasicLstmState<T> BasicLstm<T>::composed_step(Var recurrent, Var input_sums, State previous, const Step& step,
                                              Var mask) {
  BasicTape<T>& tape = input_sums.tape();
  const Var sums = add_bias(gate_sums(recurrent, input_sums, step, mask), tape.parameter(bias_));
  const auto clipped = [this](Var input) {
    return spec_.clip > 0 ? clip_gradient(input, static_cast<T>(spec_.clip)) : input;
  };
  const auto gate = [&](Index k, Var seen) {
    const Var sum = slice_rows(sums, k * spec_.units, spec_.units);
    return clipped(spec_.peepholes ? sum + scale_rows(seen, tape.parameter(*peepholes_[static_cast<std::size_t>(k)]))
                                   : sum);
  };
  const Var candidate = tanh(clipped(slice_rows(sums, 3 * spec_.units, spec_.units)));
  Var c = sigmoid(gate(0, previous.c)) * previous.c + sigmoid(gate(1, previous.c)) * candidate;
  Var h = sigmoid(gate(2, c)) * tanh(cell_->masked_sums(c, step, mask));
  if (mask) {
    c = select_columns(mask, c, previous.c);
    h = select_columns(mask, h, previous.h);
  }
  return {.h = h, .c = c};
}

template class BasicLstm<float>;
template class BasicLstm<double>;

}  // namespace normlab::nn
