// affine.h - what follows the normalisation of a site: a gain and a bias for each of its units.
#pragma once

#include <vector>

#include "nn/parameter.h"
#include "nn/tape.h"

namespace normlab::nn {

enum class AffineSource {
  kOwn,      // trained with the site
  kNone,     // gain 1, bias 0
  kOutside,  // given with every call, of each example its own: adaptive normalisation
};

struct AffineSpec {
  AffineSource source = AffineSource::kOwn;
  // Of an own one alone:
  double gain_init = 1.0;  // 0.1 for recurrent batch norm (Cooijmans et al. 2016)
  double bias_init = 0.0;
  bool bias = true;  // without: the bias counts as 0
};

// A gain and a bias from outside, units x B each, whatever the positions: y = gain n + bias. An empty one counts as 1,
// or 0. Gradients flow to both.
template <typename T>
struct OutsideAffine {
  BasicVar<T> gain = {}, bias = {};
  explicit operator bool() const { return static_cast<bool>(gain) || static_cast<bool>(bias); }
};

// An own gain and bias of `n` values: "norm.gain" and "norm.bias" under `scope`. Of another source: nothing.
template <typename T>
class Affine {
 public:
  Affine(const AffineSpec& spec, const BasicScope<T>& scope, Index n)
      : gain_(owns(spec) ? &(scope / "norm").vector("gain", n, init::constant(spec.gain_init)) : nullptr),
        bias_(owns(spec) && spec.bias ? &(scope / "norm").vector("bias", n, init::constant(spec.bias_init)) : nullptr),
        no_bias_(static_cast<std::size_t>(owns(spec) && !spec.bias ? n : 0)) {}

  bool own() const { return gain_ != nullptr; }
  // Empty where there is none: ops take that as 1.
  BasicVar<T> gain(BasicTape<T>& tape) const { return own() ? tape.parameter(*gain_) : BasicVar<T>(); }
  // A constant 0 beside a gain without one.
  BasicVar<T> bias(BasicTape<T>& tape) const {
    if (bias_ != nullptr) {
      return tape.parameter(*bias_);
    }
    return own() ? tape.input("no bias", no_bias_.data(), gain_->size(), 1) : BasicVar<T>();
  }

 private:
  static bool owns(const AffineSpec& spec) { return spec.source == AffineSource::kOwn; }

  BasicParameter<T>* gain_;  // of the store
  BasicParameter<T>* bias_;
  std::vector<T> no_bias_;
};

}  // namespace normlab::nn
