#include "results/stats/paired.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace normlab::stats {
namespace {

// Counts sign patterns of differences[at..] whose sum with `sum` is at least `threshold` in magnitude.
std::uint64_t CountExtreme(std::span<const double> differences, std::size_t at, double sum, double threshold) {
  if (at == differences.size()) {
    return std::fabs(sum) >= threshold ? 1 : 0;
  }
  return CountExtreme(differences, at + 1, sum + differences[at], threshold) +
         CountExtreme(differences, at + 1, sum - differences[at], threshold);
}

// P(X <= k) for X ~ Binomial(n, 1/2).
double BinomialHalfCdf(int n, int k) {
  double term = std::ldexp(1.0, -n), sum = 0;
  for (int i = 0; i <= k; ++i) {
    sum += term;
    term *= static_cast<double>(n - i) / (i + 1);
  }
  return sum;
}

double SignTestP(std::span<const Bounded> differences) {
  const auto count = [&](auto sign_is) {
    return static_cast<int>(std::count_if(differences.begin(), differences.end(), sign_is));
  };
  const int positive = count([](const Bounded& d) { return d.lo > 0; });
  const int negative = count([](const Bounded& d) { return d.hi < 0; });
  const int n = static_cast<int>(differences.size());
  const int minority = n - std::max(positive, negative);
  return std::min(1.0, 2 * BinomialHalfCdf(n, minority));
}

}  // namespace

std::optional<double> SignFlipP(std::span<const double> differences) {
  const std::size_t n = differences.size();
  if (n == 0 || n > kMaxFlipPairs ||
      !std::all_of(differences.begin(), differences.end(), [](double d) { return std::isfinite(d); })) {
    return std::nullopt;
  }
  double sum = 0, magnitude = 0;
  for (double d : differences) {
    sum += d;
    magnitude += std::fabs(d);
  }
  // Sums that are equal in exact arithmetic may differ in rounding: they count as equal.
  const double threshold = std::fabs(sum) - 1e-12 * magnitude;
  // Flipping everything keeps |sum|, so the first sign is fixed and half the patterns are counted.
  const std::uint64_t extreme = CountExtreme(differences, 1, differences[0], threshold);
  return std::ldexp(static_cast<double>(extreme), 1 - static_cast<int>(n));
}

std::vector<double> HolmAdjust(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(p.size() - rank) * p[order[rank]]));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

MedianEstimate MedianDifference(std::span<const Bounded> differences, double confidence) {
  std::vector<double> lows, highs;
  for (const Bounded& d : differences) {
    lows.push_back(d.lo);
    highs.push_back(d.hi);
  }
  std::sort(lows.begin(), lows.end());
  std::sort(highs.begin(), highs.end());
  MedianEstimate estimate{.median = {Median(lows), Median(highs)}, .interval = {}, .sign_p = SignTestP(differences)};
  // The k-th smallest and k-th largest value enclose the median with probability 1 - 2 P(X < k).
  const int n = static_cast<int>(differences.size());
  int k = 0;
  while (2 * (k + 1) <= n && 1 - 2 * BinomialHalfCdf(n, k) >= confidence) {
    ++k;
  }
  if (k > 0) {
    estimate.interval = Interval{lows[static_cast<std::size_t>(k - 1)], highs[static_cast<std::size_t>(n - k)]};
  }
  return estimate;
}

}  // namespace normlab::stats
