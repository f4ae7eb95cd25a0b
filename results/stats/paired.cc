#include "results/stats/paired.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace normlab::stats {
namespace {

// Every sum first +- d +- d' ... over `differences`, smallest first. Each difference merges two sorted halves.
std::vector<double> SortedSums(double first, std::span<const double> differences) {
  std::vector<double> sums = {first}, lower, upper;
  for (double d : differences) {
    lower.clear();
    upper.clear();
    for (double sum : sums) {
      lower.push_back(sum - std::fabs(d));
      upper.push_back(sum + std::fabs(d));
    }
    sums.resize(2 * sums.size());
    std::merge(lower.begin(), lower.end(), upper.begin(), upper.end(), sums.begin());
  }
  return sums;
}

// Counts sign patterns of differences[1..] whose sum with differences[0] is at least `threshold` in magnitude. A
// pattern is a pair of half patterns: as the left sum rises, the right sums that fit it start and end earlier, so 2^n
// patterns are counted in 2^(n/2) steps.
std::uint64_t CountExtreme(std::span<const double> differences, double threshold) {
  const std::size_t middle = (differences.size() + 1) / 2;
  const std::vector<double> left = SortedSums(differences[0], differences.subspan(1, middle - 1));
  const std::vector<double> right = SortedSums(0, differences.subspan(middle));
  std::uint64_t extreme = 0;
  std::size_t high = right.size();  // right[high..] reach +threshold
  std::size_t low = right.size();   // right[..low) reach -threshold
  for (double sum : left) {
    while (high > 0 && sum + right[high - 1] >= threshold) {
      --high;
    }
    while (low > 0 && sum + right[low - 1] > -threshold) {
      --low;
    }
    // With a threshold of zero or less every pattern is extreme and the two ranges overlap.
    extreme += std::min(right.size(), right.size() - high + low);
  }
  return extreme;
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
  const std::uint64_t extreme = CountExtreme(differences, threshold);
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
  MedianEstimate estimate{.median = {Median(lows), Median(highs)}, .interval = {}};
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
