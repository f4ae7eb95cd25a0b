// correlation.h - how two lists of numbers of one length go together.
#pragma once

#include <span>

namespace normlab {

// Pearson's r; 0 where one of them does not vary. At least two numbers each.
double Pearson(std::span<const double> x, std::span<const double> y);
// Spearman's rho: Pearson's r of the ranks, of which equal numbers share the mean.
double Spearman(std::span<const double> x, std::span<const double> y);
double MeanSquaredError(std::span<const double> x, std::span<const double> y);

}  // namespace normlab
