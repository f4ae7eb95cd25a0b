// Table 1 of the paper through the normalizers that networks are trained with, and what would make it come out wrong.
#include <gtest/gtest.h>

#include <cmath>

#include "experiments/invariance/identities.h"
#include "experiments/invariance/transformations.h"

namespace normlab {
namespace {

using nn::BatchNorm;
using nn::LayerNorm;
using nn::NoNorm;
using nn::NormKind;
using nn::RmsNorm;
using nn::WeightNorm;

// Rows of Table 1, RMSNorm's from its own paper; columns in the order of kTransformationNames.
struct Row {
  NormKind kind;
  std::array<bool, kTransformations> invariant;
};
constexpr Row kTable[] = {{BatchNorm{}, {true, false, true, true, true, false}},
                          {WeightNorm{}, {true, false, true, false, false, false}},
                          {LayerNorm{}, {true, true, false, true, false, true}},
                          {RmsNorm{}, {true, false, false, true, false, true}},
                          {NoNorm{}, {false, false, false, false, false, false}}};

InvarianceSetting Setting(NormKind kind, double eps = 0) {
  std::visit(
      [eps](auto& norm) {
        if constexpr (requires { norm.eps; }) {
          norm.eps = {.value = eps};
        }
      },
      kind);
  return {.norm = {.kind = kind}};
}

template <typename T>
void ExpectTable(double eps, double invariant_below, double varies_above) {
  for (const Row& row : kTable) {
    for (std::uint64_t trial = 0; trial < 8; ++trial) {
      const auto residuals = InvarianceResiduals<T>(Setting(row.kind, eps), 1, trial);
      for (std::size_t i = 0; i < residuals.size(); ++i) {
        if (row.invariant[i]) {
          EXPECT_LT(residuals[i], invariant_below) << row.kind.index() << " " << kTransformationNames[i];
        } else {
          EXPECT_GT(residuals[i], varies_above) << row.kind.index() << " " << kTransformationNames[i];
        }
      }
    }
  }
}

TEST(Table1, HoldsInDoubleWithoutEps) { ExpectTable<double>(0, 1e-12, 1e-3); }
TEST(Table1, HoldsInFloatWithoutEps) { ExpectTable<float>(0, 1e-4, 1e-3); }
TEST(Table1, HoldsInFloatWithTheEpsOfTraining) { ExpectTable<float>(1e-5, 1e-3, 1e-3); }

TEST(Table1, EpsBreaksExactInvarianceAsTheFormulaSays) {
  // n' - n is about n eps / 2 (1 - 1 / delta^2) at a variance of 1, and delta lies in [1/4, 4].
  const auto residuals = InvarianceResiduals<double>(Setting(LayerNorm{}, 1e-5), 1, 0);
  EXPECT_GT(residuals[0], 1e-7);
  EXPECT_LT(residuals[0], 1e-5 / 2 * 16);
}

TEST(Table1, EpsDestroysInvarianceOfSmallSums) {
  InvarianceSetting small = Setting(LayerNorm{}, 1e-5);
  small.weight_scale = 3e-3;
  EXPECT_GT(InvarianceResiduals<double>(small, 1, 0)[0], 1e-2);
}

TEST(Table1, LayerNormWithoutRecentringIsTakenForAnotherMethod) {
  // The mutant: root mean squares instead of deviations from the mean.
  EXPECT_GT(InvarianceResiduals<double>(Setting(RmsNorm{}), 1, 0)[1], 1e-3);
  EXPECT_LT(InvarianceResiduals<double>(Setting(LayerNorm{}), 1, 0)[1], 1e-12);
}

TEST(Identities, HoldWhereScalesDoNotMatterAndNowhereElse) {
  for (const NormKind& kind : std::vector<NormKind>{BatchNorm{}, WeightNorm{}, LayerNorm{}, RmsNorm{}, NoNorm{}}) {
    for (std::uint64_t trial = 0; trial < 8; ++trial) {
      const auto residuals = IdentityResiduals<double>(Setting(kind), 1, trial);
      for (std::size_t i = 0; i < residuals.size(); ++i) {
        const bool shares_deviation = std::holds_alternative<LayerNorm>(kind) || std::holds_alternative<RmsNorm>(kind);
        const bool holds = !std::holds_alternative<NoNorm>(kind) && !(shares_deviation && i == 5);
        EXPECT_EQ(residuals[i] < 1e-9, holds) << kind.index() << " " << kIdentityNames[i] << " " << residuals[i];
        if (!holds) {
          EXPECT_GT(residuals[i], 1e-3) << kind.index() << " " << kIdentityNames[i];
        }
      }
    }
  }
}

TEST(Identities, EpsBreaksThem) { EXPECT_GT(IdentityResiduals<double>(Setting(LayerNorm{}, 1e-2), 1, 0)[0], 1e-6); }

TEST(Table1, TrialsAndSeedsAreTheirOwn) {
  const auto a = InvarianceResiduals<double>(Setting(LayerNorm{}), 1, 0);
  EXPECT_EQ(a, InvarianceResiduals<double>(Setting(LayerNorm{}), 1, 0));
  EXPECT_NE(a, InvarianceResiduals<double>(Setting(LayerNorm{}), 1, 1));
  EXPECT_NE(a, InvarianceResiduals<double>(Setting(LayerNorm{}), 2, 0));
}

}  // namespace
}  // namespace normlab
