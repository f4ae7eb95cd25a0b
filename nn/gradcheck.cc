#include "nn/gradcheck.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace normlab::nn {
namespace {

// sum(cotangent * f()), with a cotangent that is the same at every call.
class WeightedOutput {
 public:
  WeightedOutput(const Differentiable& f, std::uint64_t seed) : f_(f), seed_(seed) {}

  double value() {
    BasicTape<double> tape(Recording::kOff);
    const BasicVar<double> y = f_(tape);
    return std::inner_product(y.data(), y.data() + y.size(), cotangent(y.size()), 0.0);
  }

  void backward() {
    BasicTape<double> tape;
    const BasicVar<double> y = f_(tape);
    tape.backward(y, cotangent(y.size()));
  }

 private:
  const double* cotangent(Index n) {
    if (cotangent_.empty()) {
      Rng rng(seed_, "gradcheck/cotangent");
      std::generate_n(std::back_inserter(cotangent_), n, [&] { return rng.Normal(); });
    }
    return cotangent_.data();
  }

  const Differentiable& f_;
  std::uint64_t seed_;
  std::vector<double> cotangent_;
};

double finite_difference(WeightedOutput& output, double& x, double h) {
  const double x0 = x;
  const auto at = [&](double shift) {
    x = x0 + shift;
    const double y = output.value();
    x = x0;
    return y;
  };
  return (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
}

}  // namespace

GradCheckReport check_gradients(BasicParameterStore<double>& store, const Differentiable& f,
                                const GradCheckOptions& options) {
  WeightedOutput output(f, options.seed);
  store.clear_gradients();
  output.backward();
  GradCheckReport report;
  for (BasicParameter<double>& p : store.parameters()) {
    const std::vector<double> analytic(p.gradient(), p.gradient() + p.size());
    for (Index i = 0; i < p.size(); ++i) {
      const double a = analytic[static_cast<std::size_t>(i)];
      const double numeric = finite_difference(output, p.value()[i], options.step);
      const double error = std::abs(a - numeric) / std::max({std::abs(a), std::abs(numeric), options.floor});
      // Written so that NaN fails.
      if (!(error <= report.worst_error)) {
        report.worst_error = error;
        report.worst = fmt::format("{}[{}]: analytic {}, numeric {}, error {:.2g} (tolerance {:.2g})", p.name(), i, a,
                                   numeric, error, options.tolerance);
      }
      report.ok = report.ok && error <= options.tolerance;
    }
  }
  store.clear_gradients();
  return report;
}

}  // namespace normlab::nn
