#include "results/stats/downsample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace normlab::stats {
namespace {

std::vector<std::size_t> All(std::size_t n) {
  std::vector<std::size_t> all(n);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

// Where run `i` of `runs` equal ones over [0, n) begins.
std::size_t RunBegin(std::size_t i, std::size_t runs, std::size_t n) { return i * n / runs; }

struct Centre {
  double step = 0;
  double value = 0;
};

// Of the finite points in [begin, end); of the steps alone if there are none.
Centre CentreOf(std::span<const std::uint64_t> steps, std::span<const double> values, std::size_t begin,
                std::size_t end) {
  Centre mean;
  double finite = 0;
  for (std::size_t i = begin; i < end; ++i) {
    if (std::isfinite(values[i])) {
      mean.step += static_cast<double>(steps[i]);
      mean.value += values[i];
      ++finite;
    }
  }
  if (finite == 0) {
    return {static_cast<double>(steps[begin]), 0.0};
  }
  return {mean.step / finite, mean.value / finite};
}

}  // namespace

std::vector<std::size_t> MinMax(std::span<const double> values, std::size_t max_points) {
  const std::size_t n = values.size();
  if (n <= max_points) {
    return All(n);
  }
  if (max_points == 1) {
    return {n - 1};
  }
  const std::size_t runs = max_points / 2;
  std::vector<std::size_t> picked;
  picked.reserve(max_points);
  for (std::size_t run = 0; run < runs; ++run) {
    const std::size_t begin = RunBegin(run, runs, n);
    const std::size_t end = RunBegin(run + 1, runs, n);
    std::size_t least = n;
    std::size_t greatest = n;
    for (std::size_t i = begin; i < end; ++i) {
      if (!std::isfinite(values[i])) {
        continue;
      }
      least = least == n || values[i] < values[least] ? i : least;
      greatest = greatest == n || values[i] > values[greatest] ? i : greatest;
    }
    if (least == n) {
      picked.push_back(begin);
      continue;
    }
    picked.push_back(std::min(least, greatest));
    if (least != greatest) {
      picked.push_back(std::max(least, greatest));
    }
  }
  return picked;
}

std::vector<std::size_t> Lttb(std::span<const std::uint64_t> steps, std::span<const double> values,
                              std::size_t max_points) {
  const std::size_t n = values.size();
  if (n <= max_points) {
    return All(n);
  }
  if (max_points == 1) {
    return {n - 1};
  }
  const std::size_t runs = max_points - 2;
  std::vector<std::size_t> picked = {0};
  picked.reserve(max_points);
  for (std::size_t run = 0; run < runs; ++run) {
    const std::size_t begin = 1 + RunBegin(run, runs, n - 2);
    const std::size_t end = 1 + RunBegin(run + 1, runs, n - 2);
    const std::size_t next_end = run + 1 < runs ? 1 + RunBegin(run + 2, runs, n - 2) : n;
    const Centre next = CentreOf(steps, values, end, next_end);
    const std::size_t last = picked.back();
    const double x = static_cast<double>(steps[last]);
    const double y = std::isfinite(values[last]) ? values[last] : next.value;
    std::size_t best = begin;
    double best_area = -1;
    for (std::size_t i = begin; i < end; ++i) {
      const double area =
          std::abs((x - next.step) * (values[i] - y) - (x - static_cast<double>(steps[i])) * (next.value - y));
      if (std::isfinite(values[i]) && area > best_area) {
        best = i;
        best_area = area;
      }
    }
    picked.push_back(best);
  }
  picked.push_back(n - 1);
  return picked;
}

std::optional<std::size_t> LastFinite(std::span<const double> values) {
  for (std::size_t i = values.size(); i-- > 0;) {
    if (std::isfinite(values[i])) {
      return i;
    }
  }
  return std::nullopt;
}

std::size_t PointsPerLine(std::size_t lines) {
  constexpr std::size_t kMost = 1000, kLeast = 16, kAll = 200'000;
  return std::clamp(kAll / std::max<std::size_t>(lines, 1), kLeast, kMost);
}

}  // namespace normlab::stats
