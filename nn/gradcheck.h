// gradcheck.h - compares the gradients of a function of a store's parameters with finite differences, in double.
//
// The function's output may have any shape: a random cotangent weighs its values, because equal weights hide errors
// (the gradient of a sum of normalised values is zero whatever the backward does). What is to be checked goes into the
// store, inputs too; give gains values that differ. Keep values away from kinks by more than `step`.
//
// Differences are central and of fourth order: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h, good to about 1e-11.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "nn/parameter.h"
#include "nn/tape.h"

namespace normlab::nn {

struct GradCheckOptions {
  double step = 1e-4;
  double tolerance = 1e-7;  // of |analytic - numeric| / max(|analytic|, |numeric|, floor)
  double floor = 1e-2;      // gradients below this are compared absolutely
  std::uint64_t seed = 1;   // of the cotangent
};

struct GradCheckReport {
  bool ok = true;
  double worst_error = 0.0;
  std::string worst;  // "gain[3]: analytic 0.25, numeric 0.5, error 0.5 (tolerance 1e-07)"
};

using Differentiable = std::function<BasicVar<double>(BasicTape<double>& tape)>;

// Leaves the values of the store as they were, its gradients cleared. A non-finite value or gradient is not ok.
GradCheckReport check_gradients(BasicParameterStore<double>& store, const Differentiable& f,
                                const GradCheckOptions& options = {});

}  // namespace normlab::nn
