// random_layer.h - a normalised layer with random gains and biases, and random things to feed it: what Table 1 and the
// identities beside it are measured on. For the files of this folder.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "experiments/invariance/transformations.h"
#include "nn/ops/linear.h"

namespace normlab {

template <typename T>
std::vector<T> Normals(Rng& rng, nn::Index n, double deviation) {
  std::vector<T> values(static_cast<std::size_t>(n));
  std::generate(values.begin(), values.end(), [&] { return static_cast<T>(deviation * rng.Normal()); });
  return values;
}

// y = N(W x) with a gain and a bias that are not 1 and 0.
template <typename T>
class NormalisedLayer {
 public:
  NormalisedLayer(const InvarianceSetting& setting, std::uint64_t seed, Rng& rng)
      : setting_(setting),
        store_(seed),
        weight_(nn::BasicScope<T>(store_).matrix("weight", setting.units, setting.inputs, nn::init::zeros())),
        normalizer_(nn::make_normalizer(setting.norm, nn::BasicScope<T>(store_, "norm"), {.units = setting.units})) {
    for (nn::BasicParameter<T>& parameter : store_.parameters()) {
      if (&parameter != &weight_) {
        std::for_each_n(parameter.value(), parameter.size(),
                        [&](T& value) { value += static_cast<T>(0.3 * rng.Normal()); });
      }
    }
  }

  // weight: units x inputs, row by row; x: inputs x examples, example by example; so are the outputs.
  std::vector<T> operator()(const std::vector<T>& weight, const std::vector<T>& x) {
    const nn::BasicVar<T> y = Forward(weight, x);
    return {y.data(), y.data() + y.size()};
  }

  // The gradient of sum(cotangent * outputs) with respect to the weight, laid out like it.
  std::vector<T> Gradient(const std::vector<T>& weight, const std::vector<T>& x, const std::vector<T>& cotangent) {
    store_.clear_gradients();
    const nn::BasicVar<T> y = Forward(weight, x);
    tape_.backward(y, cotangent.data());
    return {weight_.gradient(), weight_.gradient() + weight_.size()};
  }

 private:
  nn::BasicVar<T> Forward(const std::vector<T>& weight, const std::vector<T>& x) {
    std::copy(weight.begin(), weight.end(), weight_.value());
    tape_.reset();
    const nn::BasicVar<T> input = tape_.input("x", x.data(), setting_.inputs, setting_.examples);
    const nn::BasicVar<T> w = normalizer_->weight(tape_.parameter(weight_));
    return normalizer_->sums(nn::linear(w, input), {.mode = nn::Mode::kTrain});
  }

  const InvarianceSetting& setting_;
  nn::BasicParameterStore<T> store_;
  nn::BasicParameter<T>& weight_;
  std::unique_ptr<nn::BasicNormalizer<T>> normalizer_;
  nn::BasicTape<T> tape_;
};

// Far enough from 1 to tell, either way: in [1/4, 1/1.5] or [1.5, 4].
inline double Factor(Rng& rng) {
  const double log_factor = std::log(1.5) + rng.Uniform() * std::log(4 / 1.5);
  return std::exp(rng.Uniform() < 0.5 ? -log_factor : log_factor);
}

template <typename T>
void Scale(T* first, nn::Index n, double factor) {
  std::for_each_n(first, n, [factor](T& value) { value *= static_cast<T>(factor); });
}

}  // namespace normlab
