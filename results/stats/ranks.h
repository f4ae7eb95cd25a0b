// ranks.h - two arms compared as a whole where some runs have no number: they diverged, or were not seen to the end.
//
// Thread safety: free functions.
#pragma once

#include <cstddef>
#include <span>

#include "results/stats/outcome.h"

namespace normlab::stats {

struct RankTest {
  int lean = 0;  // -1: the first arm lies lower more often than higher
  double p = 1;  // two-sided
};

// The exact permutation test of Gehan's statistic (Gehan 1965), which without censored runs is that of Mann and Whitney
// with ties: of all ways to deal the runs out to the arms, the share in which one lies as far below the other as here.
// Runs are not paired: its smallest value is 2 / C(2n, n), 0.1 for three runs an arm and 0.0022 for six, so that a
// correction for several comparisons leaves something. Beyond kMostRanked runs an arm, by the normal approximation.
inline constexpr std::size_t kMostRanked = 64;
RankTest TestRanks(std::span<const Outcome> a, std::span<const Outcome> b);

}  // namespace normlab::stats
