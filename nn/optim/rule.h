// rule.h - what tells one kind of optimizer from another: the slots it keeps and its update of flat arrays. For
// BasicOptimizer's use; each kind has a file of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/optim/optimizer.h"

namespace normlab::nn {

// One update, as a rule sees it. All arrays are of the store's flat layout, which `runs` cover.
template <typename T>
struct BasicUpdate {
  std::span<const kernels::UpdateRun> runs;
  std::uint64_t number;  // from 0
  double rate;
  double gradient_scale;
  kernels::Decay decay;
  double decay_amount;
  const T* g;
  T* w;
  std::span<T* const> slots;  // in the order of BasicRule::slots
};

template <typename T>
struct BasicRule {
  std::vector<std::string> slots;  // "adam.m." before a parameter's name
  void (*apply)(const OptimizerSpec&, const BasicUpdate<T>&);
};

template <typename T>
BasicRule<T> adam_rule(const OptimizerSpec& spec);  // kAdam and kAdamW
template <typename T>
BasicRule<T> sgd_rule(const OptimizerSpec& spec);
template <typename T>
BasicRule<T> rmsprop_rule(const OptimizerSpec& spec);
template <typename T>
BasicRule<T> rmsprop_graves_rule(const OptimizerSpec& spec);

// What the kernels of all rules begin with.
inline kernels::GradientScalars gradient_scalars(const BasicUpdate<float>& u) {
  return {
      .scale = static_cast<float>(u.gradient_scale), .decay = u.decay, .amount = static_cast<float>(u.decay_amount)};
}

// The plain form of the same: body(i, g) for each element in turn, after decay.
template <typename Body>
void for_each_gradient(const BasicUpdate<double>& u, Body&& body) {
  for (const kernels::UpdateRun& run : u.runs) {
    const kernels::Decay decay = run.decays ? u.decay : kernels::Decay::kNone;
    for (Index i = run.begin; i < run.end; ++i) {
      double g = u.gradient_scale * u.g[i];
      if (decay == kernels::Decay::kL2) {
        g += u.decay_amount * u.w[i];
      } else if (decay == kernels::Decay::kDecoupled) {
        u.w[i] -= u.decay_amount * u.w[i];
      }
      body(i, g);
    }
  }
}

}  // namespace normlab::nn
