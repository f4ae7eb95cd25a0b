#include "experiments/skip_thoughts/correlation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace normlab {
namespace {

double Mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

std::vector<double> Ranks(std::span<const double> x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> ranks(x.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && x[order[end]] == x[order[begin]]) {
      ++end;
    }
    for (std::size_t i = begin; i < end; ++i) {
      ranks[order[i]] = 0.5 * static_cast<double>(begin + end - 1);
    }
  }
  return ranks;
}

}  // namespace

double Pearson(std::span<const double> x, std::span<const double> y) {
  const double mean_x = Mean(x), mean_y = Mean(y);
  double xx = 0.0, yy = 0.0, xy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return xx > 0.0 && yy > 0.0 ? xy / std::sqrt(xx * yy) : 0.0;
}

double Spearman(std::span<const double> x, std::span<const double> y) { return Pearson(Ranks(x), Ranks(y)); }

double MeanSquaredError(std::span<const double> x, std::span<const double> y) {
  return std::transform_reduce(x.begin(), x.end(), y.begin(), 0.0, std::plus<>(),
                               [](double a, double b) { return (a - b) * (a - b); }) /
         static_cast<double>(x.size());
}

}  // namespace normlab
