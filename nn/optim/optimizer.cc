#include "nn/optim/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <type_traits>
#include <utility>

#include "nn/error.h"
#include "nn/optim/rule.h"

namespace normlab::nn {
namespace {

// Elements of a run at most: microseconds of work, and many runs for a team to share.
constexpr Index kRun = Index{1} << 13;

void require_field(bool ok, const char* field, double value, const char* expected) {
  if (!ok) {
    throw Error(fmt::format("optimizer: {} is {}; expected {}", field, value, expected));
  }
}

void require_valid(const OptimizerSpec& spec) {
  const auto is_fraction = [](double x) { return x >= 0.0 && x < 1.0; };
  const auto is_amount = [](double x) { return x >= 0.0 && std::isfinite(x); };
  const char *fraction = "at least 0 and below 1", *amount = "a number of at least 0";
  require_field(is_amount(spec.learning_rate), "learning_rate", spec.learning_rate, amount);
  require_field(is_fraction(spec.beta1), "beta1", spec.beta1, fraction);
  require_field(is_fraction(spec.beta2), "beta2", spec.beta2, fraction);
  require_field(is_fraction(spec.momentum), "momentum", spec.momentum, fraction);
  require_field(is_fraction(spec.alpha), "alpha", spec.alpha, fraction);
  require_field(is_amount(spec.eps), "eps", spec.eps, amount);
  require_field(is_amount(spec.weight_decay), "weight_decay", spec.weight_decay, amount);
  if (spec.nesterov && (spec.kind != OptimizerKind::kSgd || spec.momentum == 0.0)) {
    throw Error("optimizer: nesterov without momentum, or not of SGD; expected SGD with a momentum above 0");
  }
}

template <typename T>
BasicRule<T> rule_of(const OptimizerSpec& spec) {
  switch (spec.kind) {
    case OptimizerKind::kAdam:
    case OptimizerKind::kAdamW:
      return adam_rule<T>(spec);
    case OptimizerKind::kSgd:
      return sgd_rule<T>(spec);
    case OptimizerKind::kRmsprop:
      return rmsprop_rule<T>(spec);
    case OptimizerKind::kRmspropGraves:
      return rmsprop_graves_rule<T>(spec);
  }
  throw Error("optimizer: a kind that is none of OptimizerKind's");
}

// Cuts each parameter into runs of kRun elements.
template <typename T>
std::vector<kernels::UpdateRun> cut_runs(BasicParameterStore<T>& store, const OptimizerSpec& spec) {
  std::vector<kernels::UpdateRun> runs;
  for (BasicParameter<T>& p : store.parameters()) {
    const Index first = p.value() - store.values(), last = first + p.size();
    const bool decays = spec.weight_decay > 0.0 && !spec.exempt_from_decay(p.name(), p.shape());
    for (Index begin = first; begin < last; begin += kRun) {
      runs.push_back({.begin = begin, .end = std::min(begin + kRun, last), .decays = decays, .parameter = first});
    }
  }
  return runs;
}

}  // namespace

bool has_rank_one(std::string_view, std::span<const std::int64_t> shape) { return shape.size() == 1; }

template <typename T>
BasicOptimizer<T>::BasicOptimizer(BasicParameterStore<T>& store, OptimizerSpec spec, Schedule schedule)
    : store_(store),
      spec_(std::move(spec)),
      schedule_(std::move(schedule)),
      rule_(std::make_unique<const BasicRule<T>>(rule_of<T>(spec_))) {
  require_valid(spec_);
  require_valid(schedule_);
  runs_ = cut_runs(store, spec_);
  for (std::size_t i = 0; i < rule_->slots.size(); ++i) {
    slots_.emplace_back(store.flat_size(), T{0});
    slot_data_.push_back(slots_.back().data());
  }
}

template <typename T>
BasicOptimizer<T>::~BasicOptimizer() = default;

template <typename T>
double BasicOptimizer<T>::rate(std::uint64_t update) const {
  return spec_.learning_rate * schedule_factor(schedule_, update);
}

// Where the rule finds the gradients: kernels multiply out themselves what is kept as factors, the plain forms do not.
template <typename T>
const T* BasicOptimizer<T>::prepare_gradients() {
  if constexpr (std::is_same_v<T, float>) {
    auto run = runs_.begin();
    for (Parameter& p : store_.parameters()) {
      const GradientFactors<float>* factors = p.gradient_factors();
      if (factors == nullptr) {
        p.gradient();
      }
      for (const Index first = p.value() - store_.values(); run != runs_.end() && run->parameter == first; ++run) {
        run->factors = factors;
      }
    }
    return store_.gradient_memory();
  } else {
    return store_.gradients();
  }
}

template <typename T>
void BasicOptimizer<T>::step(std::uint64_t update, double gradient_scale) {
  if (slots_.front().size() != store_.flat_size()) {
    throw Error(
        fmt::format("optimizer: made for {} values, the store has {} now; make the optimizer after the whole model",
                    slots_.front().size(), store_.flat_size()));
  }
  const double lr = rate(update);
  const bool decoupled = spec_.kind == OptimizerKind::kAdamW;
  rule_->apply(spec_, {.runs = runs_,
                       .number = update,
                       .rate = lr,
                       .gradient_scale = gradient_scale,
                       .decay = decoupled ? kernels::Decay::kDecoupled : kernels::Decay::kL2,
                       .decay_amount = decoupled ? lr * spec_.weight_decay : spec_.weight_decay,
                       .g = prepare_gradients(),
                       .w = store_.values(),
                       .slots = slot_data_});
  store_.clear_gradients();
}

template <typename T>
std::vector<NamedArray<T>> BasicOptimizer<T>::slots() {
  std::vector<NamedArray<T>> all;
  for (std::size_t i = 0; i < slot_data_.size(); ++i) {
    std::vector<NamedArray<T>> named = store_.list_flat(rule_->slots[i], slot_data_[i]);
    std::move(named.begin(), named.end(), std::back_inserter(all));
  }
  return all;
}

template class BasicOptimizer<float>;
template class BasicOptimizer<double>;

}  // namespace normlab::nn
