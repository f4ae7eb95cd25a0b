// downsample.h - picks the points of a long curve that a plot needs. Pure functions of the values; deterministic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace normlab::stats {

// MinMax and Lttb return rising positions in `values`, at most max_points > 0 of them, and all of them if there are no
// more than that. Values that are not finite are picked only where nothing else is there to pick.

// The least and the greatest value of each of max_points / 2 runs of equal length (+-1): spikes stay. With max_points
// 1, the last point.
std::vector<std::size_t> MinMax(std::span<const double> values, std::size_t max_points);

// Largest triangle three buckets (Steinarsson 2013): the first and the last point, and from each of max_points - 2 runs
// between them the point that spans the largest triangle with the point picked before and the mean of the next run.
std::vector<std::size_t> Lttb(std::span<const std::uint64_t> steps, std::span<const double> values,
                              std::size_t max_points);

// Where a run that diverged was last at: the position of the last finite value, or none.
std::optional<std::size_t> LastFinite(std::span<const double> values);

// How many points each of `lines` lines of a picture may have, so that a picture of many can still be opened.
std::size_t PointsPerLine(std::size_t lines);

}  // namespace normlab::stats
