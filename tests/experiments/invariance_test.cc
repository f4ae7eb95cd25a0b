// Table 1 of the paper through the normalizers that networks are trained with, and what would make it come out wrong.
#include <gtest/gtest.h>

#include <cmath>

#include "experiments/invariance/identities.h"
#include "experiments/invariance/transformations.h"

namespace normlab {
namespace {

using nn::NormKind;

// Rows of Table 1, RMSNorm's from its own paper; columns in the order of kTransformationNames.
struct Row {
  NormKind kind;
  std::array<bool, kTransformations> invariant;
};
constexpr Row kTable[] = {{NormKind::kBatch, {true, false, true, true, true, false}},
                          {NormKind::kWeight, {true, false, true, false, false, false}},
                          {NormKind::kLayer, {true, true, false, true, false, true}},
                          {NormKind::kRms, {true, false, false, true, false, true}},
                          {NormKind::kNone, {false, false, false, false, false, false}}};

InvarianceSetting Setting(NormKind kind, double eps = 0) { return {.norm = {.kind = kind, .eps = {.value = eps}}}; }

template <typename T>
void ExpectTable(double eps, double invariant_below, double varies_above) {
  for (const Row& row : kTable) {
    for (std::uint64_t trial = 0; trial < 8; ++trial) {
      const auto residuals = InvarianceResiduals<T>(Setting(row.kind, eps), 1, trial);
      for (std::size_t i = 0; i < residuals.size(); ++i) {
        if (row.invariant[i]) {
          EXPECT_LT(residuals[i], invariant_below) << static_cast<int>(row.kind) << " " << kTransformationNames[i];
        } else {
          EXPECT_GT(residuals[i], varies_above) << static_cast<int>(row.kind) << " " << kTransformationNames[i];
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
  const auto residuals = InvarianceResiduals<double>(Setting(NormKind::kLayer, 1e-5), 1, 0);
  EXPECT_GT(residuals[0], 1e-7);
  EXPECT_LT(residuals[0], 1e-5 / 2 * 16);
}

TEST(Table1, EpsDestroysInvarianceOfSmallSums) {
  InvarianceSetting small = Setting(NormKind::kLayer, 1e-5);
  small.weight_scale = 3e-3;
  EXPECT_GT(InvarianceResiduals<double>(small, 1, 0)[0], 1e-2);
}

TEST(Table1, LayerNormWithoutRecentringIsTakenForAnotherMethod) {
  // The mutant: root mean squares instead of deviations from the mean.
  EXPECT_GT(InvarianceResiduals<double>(Setting(NormKind::kRms), 1, 0)[1], 1e-3);
  EXPECT_LT(InvarianceResiduals<double>(Setting(NormKind::kLayer), 1, 0)[1], 1e-12);
}

TEST(Identities, HoldWhereScalesDoNotMatterAndNowhereElse) {
  for (const NormKind kind : {NormKind::kBatch, NormKind::kWeight, NormKind::kLayer, NormKind::kRms, NormKind::kNone}) {
    for (std::uint64_t trial = 0; trial < 8; ++trial) {
      const auto residuals = IdentityResiduals<double>(Setting(kind), 1, trial);
      for (std::size_t i = 0; i < residuals.size(); ++i) {
        const bool shares_deviation = kind == NormKind::kLayer || kind == NormKind::kRms;
        const bool holds = kind != NormKind::kNone && !(shares_deviation && i == 5);
        EXPECT_EQ(residuals[i] < 1e-9, holds)
            << static_cast<int>(kind) << " " << kIdentityNames[i] << " " << residuals[i];
        if (!holds) {
          EXPECT_GT(residuals[i], 1e-3) << static_cast<int>(kind) << " " << kIdentityNames[i];
        }
      }
    }
  }
}

TEST(Identities, EpsBreaksThem) {
  EXPECT_GT(IdentityResiduals<double>(Setting(NormKind::kLayer, 1e-2), 1, 0)[0], 1e-6);
}

TEST(Table1, TrialsAndSeedsAreTheirOwn) {
  const auto a = InvarianceResiduals<double>(Setting(NormKind::kLayer), 1, 0);
  EXPECT_EQ(a, InvarianceResiduals<double>(Setting(NormKind::kLayer), 1, 0));
  EXPECT_NE(a, InvarianceResiduals<double>(Setting(NormKind::kLayer), 1, 1));
  EXPECT_NE(a, InvarianceResiduals<double>(Setting(NormKind::kLayer), 2, 0));
}

}  // namespace
}  // namespace normlab
