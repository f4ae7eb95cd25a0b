#include "results/stats/ranks.h"

#include <cmath>
#include <cstdlib>
#include <vector>

namespace normlab::stats {
namespace {

// For every run, how many of all it lies above less how many it lies below. They add up to zero.
std::vector<int> Scores(std::span<const Outcome> a, std::span<const Outcome> b) {
  std::vector<Outcome> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  std::vector<int> scores(all.size(), 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const Outcome& other : all) {
      scores[i] += Order(all[i], other);
    }
  }
  return scores;
}

// The share of all choices of `chosen` scores whose sum is at least `observed` in magnitude. ways[k][s] counts the
// choices of k scores with sum s - offset; doubles hold C(128, 64) to 1e-16 of itself.
double ShareAsExtreme(const std::vector<int>& scores, std::size_t chosen, int observed) {
  int offset = 0;
  for (const int score : scores) {
    offset += std::abs(score);
  }
  const auto width = 2 * static_cast<std::size_t>(offset) + 1;
  std::vector<std::vector<double>> ways(chosen + 1, std::vector<double>(width, 0));
  ways[0][static_cast<std::size_t>(offset)] = 1;
  for (const int score : scores) {
    for (std::size_t k = chosen; k-- > 0;) {
      for (std::size_t s = 0; s < width; ++s) {
        if (ways[k][s] > 0) {
          ways[k + 1][static_cast<std::size_t>(static_cast<std::ptrdiff_t>(s) + score)] += ways[k][s];
        }
      }
    }
  }
  double all = 0, extreme = 0;
  for (std::size_t s = 0; s < width; ++s) {
    all += ways[chosen][s];
    extreme += std::abs(static_cast<int>(s) - offset) >= observed ? ways[chosen][s] : 0;
  }
  return extreme / all;
}

// The same by the normal approximation, with the variance that permutations of these scores have.
double ShareByNormal(const std::vector<int>& scores, std::size_t chosen, int observed) {
  double squares = 0;
  for (const int score : scores) {
    squares += static_cast<double>(score) * score;
  }
  const auto n = static_cast<double>(scores.size()), k = static_cast<double>(chosen);
  const double sd = std::sqrt(k * (n - k) / (n * (n - 1)) * squares);
  return sd > 0 ? std::erfc(observed / sd / std::sqrt(2.0)) : 1;
}

}  // namespace

RankTest TestRanks(std::span<const Outcome> a, std::span<const Outcome> b) {
  if (a.empty() || b.empty()) {
    return {};
  }
  const std::vector<int> scores = Scores(a, b);
  int sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += scores[i];
  }
  const bool countable = scores.size() <= 2 * kMostRanked;
  return {.lean = sum < 0   ? -1
                  : sum > 0 ? 1
                            : 0,
          .p = countable ? ShareAsExtreme(scores, a.size(), std::abs(sum))
                         : ShareByNormal(scores, a.size(), std::abs(sum))};
}

}  // namespace normlab::stats
