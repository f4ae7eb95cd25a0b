#include "results/store/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <set>

#include "results/store/jobs.h"
#include "results/store/series.h"

namespace normlab::store {
namespace {

constexpr std::uint64_t kMaxStep = std::numeric_limits<std::int64_t>::max();

std::uint64_t Bits(double value) { return std::bit_cast<std::uint64_t>(value); }

// A decimal that reads back to the same bits; a NaN's payload is told by the bits beside it.
std::string Show(double value) { return fmt::format("{} (bits {:#018x})", value, Bits(value)); }

// Compares the points of `column` at or before the series' last step with what is stored. Their number.
absl::StatusOr<std::size_t> CompareRepeated(Connection& db, AttemptId attempt, const SeriesRow& series,
                                            const PointColumns& column) {
  if (series.info.points == 0 || column.steps.empty() || column.steps.front() > series.info.last_step) {
    return 0;
  }
  const auto end = std::upper_bound(column.steps.begin(), column.steps.end(), series.info.last_step);
  const auto repeated = static_cast<std::size_t>(end - column.steps.begin());
  Points stored;
  NORMLAB_RETURN_IF_ERROR(
      ReadPoints(db, series, column.steps.front(), column.steps[repeated - 1], Unpack::kAll, stored));
  std::size_t at = 0;
  for (std::size_t i = 0; i < repeated; ++i) {
    const std::uint64_t step = column.steps[i];
    while (at < stored.size() && stored.steps[at] < step) {
      ++at;
    }
    if (at == stored.size() || stored.steps[at] != step) {
      return absl::InvalidArgumentError(fmt::format(
          "series \"{}\" of {} goes on to step {} and has no point at step {}; a series grows at its end only",
          column.series, JobName(attempt.job), series.info.last_step, step));
    }
    if (Bits(stored.values[at]) != Bits(column.values[i])) {
      return absl::DataLossError(fmt::format(
          "not deterministic: series \"{}\" of {} has {} at step {}, stored by attempt {}; attempt {} measured {}",
          column.series, JobName(attempt.job), Show(stored.values[at]), step, stored.attempts[at], attempt.number,
          Show(column.values[i])));
    }
  }
  return repeated;
}

// A column of a call whose repeated points have been compared.
struct Checked {
  SeriesRow series;
  const PointColumns* column;
  std::size_t repeated;
};

}  // namespace

absl::Status CheckColumns(const std::vector<PointColumns>& columns) {
  std::set<std::string_view> names;
  for (const PointColumns& column : columns) {
    const auto wrong = [&](const std::string& what) {
      return absl::InvalidArgumentError(fmt::format("points of series \"{}\": {}", column.series, what));
    };
    const std::size_t n = column.steps.size();
    if (column.series.empty()) {
      return wrong("the series has no name");
    }
    if (!names.insert(column.series).second) {
      return wrong("the series is named twice in one call; expected one column for each");
    }
    if (column.values.size() != n || column.wall_ms.size() != n) {
      return wrong(fmt::format("{} steps, {} values, {} wall times; expected as many of each", n, column.values.size(),
                               column.wall_ms.size()));
    }
    const auto bad = std::adjacent_find(column.steps.begin(), column.steps.end(), std::greater_equal<>());
    if (bad != column.steps.end()) {
      return wrong(fmt::format("step {} follows step {}; expected rising steps", *(bad + 1), *bad));
    }
    if (n > 0 && column.steps.back() > kMaxStep) {
      return wrong(fmt::format("step {} is above {}", column.steps.back(), kMaxStep));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<AppendResult> AppendPoints(Connection& db, AttemptId attempt, const std::vector<PointColumns>& columns) {
  AppendResult result;
  std::vector<Checked> checked;
  for (const PointColumns& column : columns) {
    NORMLAB_ASSIGN_OR_RETURN(SeriesRow series, FindSeries(db, attempt.job, column.series));
    NORMLAB_ASSIGN_OR_RETURN(const std::size_t repeated, CompareRepeated(db, attempt, series, column));
    result.repeated += repeated;
    result.stored += column.steps.size() - repeated;
    checked.push_back({std::move(series), &column, repeated});
  }
  if (result.stored == 0) {
    return result;
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t last_sequence,
                           db.Int("UPDATE counter SET sequence = sequence + ?1 RETURNING sequence", result.stored));
  std::uint64_t sequence = static_cast<std::uint64_t>(last_sequence) - result.stored;
  for (auto& [series, column, repeated] : checked) {
    Points points;
    points.steps.assign(column->steps.begin() + repeated, column->steps.end());
    points.wall_ms.assign(column->wall_ms.begin() + repeated, column->wall_ms.end());
    points.values.assign(column->values.begin() + repeated, column->values.end());
    points.attempts.assign(points.steps.size(), attempt.number);
    for (std::size_t i = 0; i < points.steps.size(); ++i) {
      points.sequences.push_back(++sequence);
    }
    NORMLAB_RETURN_IF_ERROR(AppendToSeries(db, attempt.job, points, series));
  }
  return result;
}

}  // namespace normlab::store
