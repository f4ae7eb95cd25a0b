// optimizer.h - turns the gradients of a store into new values. Adam and SGD with momentum.
//
// step() is a function of the parameters, gradients, slots and the number of the update: nothing else is remembered, so
// restoring the named arrays and going on with the next number gives the bits of an uninterrupted run.
//
// Threads: one; the loop over the flat buffer is shared by base/parallel.h and gives the same bits for any team.
// Errors: nn::Error if parameters were added to the store after the optimizer was made.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nn/parameter.h"

namespace normlab::nn {

template <typename T>
class BasicOptimizer {
 public:
  virtual ~BasicOptimizer() = default;

  // Performs update number `update` (0-based) with gradients times `gradient_scale` (see clip.h), and clears them.
  virtual void step(std::uint64_t update, double gradient_scale = 1.0) = 0;

  // The optimizer's memory by name, "adam.m.hidden1.weight", in a fixed order.
  virtual std::vector<NamedArray<T>> slots() = 0;
};

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;            // outside the square root
  bool bias_correction = true;  // false: as some of the paper's released code has it
};

// w -= lr m^ / (sqrt(v^) + eps) with m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, and
// m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t), t = update + 1; without bias correction m^ = m, v^ = v.
// [Kingma and Ba 2015, alg. 1]
template <typename T>
class BasicAdam final : public BasicOptimizer<T> {
 public:
  // Borrows `store`, whose parameters are complete.
  BasicAdam(BasicParameterStore<T>& store, const AdamOptions& options);
  void step(std::uint64_t update, double gradient_scale = 1.0) override;
  std::vector<NamedArray<T>> slots() override;

 private:
  BasicParameterStore<T>& store_;
  AdamOptions options_;
  AlignedArray<T> m_, v_;
};

struct SgdOptions {
  double learning_rate = 1e-2;
  double momentum = 0.9;
};

// velocity = momentum velocity + g;  w -= lr velocity.
template <typename T>
class BasicSgd final : public BasicOptimizer<T> {
 public:
  BasicSgd(BasicParameterStore<T>& store, const SgdOptions& options);
  void step(std::uint64_t update, double gradient_scale = 1.0) override;
  std::vector<NamedArray<T>> slots() override;

 private:
  BasicParameterStore<T>& store_;
  SgdOptions options_;
  AlignedArray<T> velocity_;
};

using Optimizer = BasicOptimizer<float>;
using Adam = BasicAdam<float>;
using Sgd = BasicSgd<float>;

extern template class BasicAdam<float>;
extern template class BasicAdam<double>;
extern template class BasicSgd<float>;
extern template class BasicSgd<double>;

}  // namespace normlab::nn
