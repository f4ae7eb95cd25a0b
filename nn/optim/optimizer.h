// optimizer.h - turns the gradients of a store into new values: one spec for all kinds of optimizer.
//
//   kind           with g the gradient times its scale, t = update + 1, lr = learning_rate times the schedule's factor
//   adam           m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  w -= lr m^ / (sqrt(v^) + eps)
//                  with m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t), or m^ = m, v^ = v without bias correction
//                  [Kingma and Ba 2015, alg. 1]
//   adamw          the same, after w -= lr weight_decay w [Loshchilov and Hutter 2019]
//   sgd            u = momentum u + g;  w -= lr u, or with nesterov w -= lr (g + momentum u)
//   rmsprop        n = alpha n + (1 - alpha) g^2;  u = momentum u + g / (sqrt(n) + eps);  w -= lr u
//   rmsprop_graves n as above;  m = alpha m + (1 - alpha) g;  u = momentum u - lr g / sqrt(n - m^2 + eps);  w += u
//                  [Graves 2013, eq. 38-45], whose constants are lr 1e-4, alpha 0.95, momentum 0.9, eps 1e-4
//
// All but adamw count weight decay as an L2 penalty: g += weight_decay w. As PyTorch's optimizers of these names do.
//
// step() is a function of the parameters, gradients, slots and the number of the update: nothing else is remembered, so
// restoring the named arrays and going on with the next number gives the bits of an uninterrupted run.
//
// A gradient that is kept as factors (BasicParameter::keep_gradient_factors) is multiplied out piece by piece while its
// parameter is updated, for the same bits: the weights of a layer and their slots are then all the memory a step goes over.
//
// Threads: one; the loop over the flat buffer is shared by base/parallel.h and gives the same bits for any team.
// Errors: nn::Error for a spec that means nothing, and if parameters were added to the store after the optimizer was
// made.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "nn/kernels/update.h"
#include "nn/optim/schedule.h"
#include "nn/parameter.h"

namespace normlab::nn {

enum class OptimizerKind { kAdam, kAdamW, kSgd, kRmsprop, kRmspropGraves };

// Whether a parameter is one of some group, from its name and its shape as checkpoints have it.
using ParameterPredicate = std::function<bool(std::string_view name, std::span<const std::int64_t> shape)>;

// Biases and gains.
bool has_rank_one(std::string_view name, std::span<const std::int64_t> shape);

struct OptimizerSpec {
  OptimizerKind kind = OptimizerKind::kAdam;
  double learning_rate = 1e-3;
  // adam, adamw:
  double beta1 = 0.9, beta2 = 0.999;
  bool bias_correction = true;  // false: as some of the paper's released code has it
  // sgd, rmsprop, rmsprop_graves:
  double momentum = 0.0;
  bool nesterov = false;  // sgd, with momentum
  double alpha = 0.99;    // rmsprop, rmsprop_graves
  double eps = 1e-8;      // outside the square root, but for rmsprop_graves; not of sgd
  double weight_decay = 0.0;
  ParameterPredicate exempt_from_decay = has_rank_one;
};

template <typename T>
struct BasicRule;

template <typename T>
class BasicOptimizer {
 public:
  // See make_optimizer.
  BasicOptimizer(BasicParameterStore<T>& store, OptimizerSpec spec, Schedule schedule);
  ~BasicOptimizer();
  BasicOptimizer(const BasicOptimizer&) = delete;
  BasicOptimizer& operator=(const BasicOptimizer&) = delete;

  // The learning rate of update number `update`.
  double rate(std::uint64_t update) const;

  // Performs update number `update` (0-based) with gradients times `gradient_scale` (see clip.h), and clears them.
  void step(std::uint64_t update, double gradient_scale = 1.0);

  // The optimizer's memory by name, "adam.m.hidden1.weight", in a fixed order.
  std::vector<NamedArray<T>> slots();

 private:
  const T* prepare_gradients();

  BasicParameterStore<T>& store_;
  OptimizerSpec spec_;
  Schedule schedule_;
  std::unique_ptr<const BasicRule<T>> rule_;
  std::vector<AlignedArray<T>> slots_;  // as the rule names them
  std::vector<T*> slot_data_;
  std::vector<kernels::UpdateRun> runs_;
};

// Borrows `store`, whose parameters are complete.
template <typename T>
std::unique_ptr<BasicOptimizer<T>> make_optimizer(BasicParameterStore<T>& store, const OptimizerSpec& spec,
                                                  const Schedule& schedule = {}) {
  return std::make_unique<BasicOptimizer<T>>(store, spec, schedule);
}

using Optimizer = BasicOptimizer<float>;

extern template class BasicOptimizer<float>;
extern template class BasicOptimizer<double>;

}  // namespace normlab::nn
