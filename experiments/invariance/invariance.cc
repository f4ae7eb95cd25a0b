#include "experiments/invariance/invariance.h"

#include <fmt/format.h>

#include "experiments/engine.h"
#include "experiments/invariance/identities.h"
#include "experiments/invariance/transformations.h"

namespace normlab {
namespace {

class Invariance : public Experiment {
 public:
  Invariance(const v1::InvarianceConfig& config, std::uint64_t seed)
      : setting_{.norm = {.kind = NormKindOf(config.norm(), {.value = config.norm_eps()})},
                 .inputs = config.inputs(),
                 .units = config.units(),
                 .examples = config.examples(),
                 .weight_scale = config.weight_scale()},
        double_(config.precision() == v1::PRECISION_DOUBLE),
        trials_(static_cast<std::uint64_t>(config.trials())),
        seed_(seed) {}

  std::uint64_t TotalSteps() const override { return trials_; }

  StepResult Step(std::uint64_t step, Recorder& recorder) override {
    const auto residuals = double_ ? InvarianceResiduals<double>(setting_, seed_, step)
                                   : InvarianceResiduals<float>(setting_, seed_, step);
    recorder.Point("trial/number", step + 1, static_cast<double>(step + 1));
    for (std::size_t i = 0; i < residuals.size(); ++i) {
      recorder.Point(fmt::format("residual/{}", kTransformationNames[i]), step + 1, residuals[i]);
    }
    const auto identities =
        double_ ? IdentityResiduals<double>(setting_, seed_, step) : IdentityResiduals<float>(setting_, seed_, step);
    for (std::size_t i = 0; i < identities.size(); ++i) {
      recorder.Point(fmt::format("identity/{}", kIdentityNames[i]), step + 1, identities[i]);
    }
    return StepResult::kContinue;
  }

  std::vector<NamedTensor> State() override { return {}; }
  std::vector<NamedTensor> Weights() override { return {}; }

 private:
  const InvarianceSetting setting_;
  const bool double_;
  const std::uint64_t trials_;
  const std::uint64_t seed_;
};

}  // namespace

std::unique_ptr<Experiment> MakeInvariance(const v1::InvarianceConfig& config, std::uint64_t seed) {
  return std::make_unique<Invariance>(config, seed);
}

}  // namespace normlab
