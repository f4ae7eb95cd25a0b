#include "results/store/curves.h"

#include <fmt/format.h>

#include <limits>
#include <optional>

#include "base/log.h"
#include "results/stats/downsample.h"
#include "results/store/jobs.h"
#include "results/store/overview.h"
#include "results/store/series.h"
#include "results/store/transitions.h"

namespace normlab::store {
namespace {

// Downsampling starts from an overview if that holds so many points for each one asked for: at 4, LTTB's choice is
// hardly ever another than from all points (Van Der Donckt et al. 2023).
constexpr std::size_t kOverviewRatio = 4;

// The points that `range` asks for, of `points`, which stand for `total`.
Curve Pick(Points points, std::uint64_t total, const CurveRange& range) {
  Curve curve;
  curve.points_total = total;
  if (range.max_points == 0 || points.size() <= range.max_points) {
    curve.steps = std::move(points.steps);
    curve.values = std::move(points.values);
    curve.wall_ms = std::move(points.wall_ms);
    return curve;
  }
  const std::vector<std::size_t> picked = range.downsampling == Downsampling::kLttb
                                              ? stats::Lttb(points.steps, points.values, range.max_points)
                                              : stats::MinMax(points.values, range.max_points);
  for (const std::size_t i : picked) {
    curve.steps.push_back(points.steps[i]);
    curve.values.push_back(points.values[i]);
    curve.wall_ms.push_back(points.wall_ms[i]);
  }
  return curve;
}

// Absent if it is damaged: the chunks behind it are then read instead, and tell whether they are sound.
absl::StatusOr<std::optional<Overview>> TryOverview(Connection& db, const SeriesRow& series, std::uint64_t from,
                                                    std::uint64_t to) {
  absl::StatusOr<Overview> overview = ReadOverview(db, series, from, to);
  if (absl::IsDataLoss(overview.status())) {
    Log(LogLevel::kWarning, "overview_damaged", {{"error", Message(overview.status())}});
    return std::nullopt;
  }
  NORMLAB_RETURN_IF_ERROR(overview.status());
  return *std::move(overview);
}

}  // namespace

absl::StatusOr<Curve> ReadCurve(Connection& db, JobId job, std::string_view series, const CurveRange& range) {
  NORMLAB_ASSIGN_OR_RETURN(const SeriesRow row, FindSeries(db, job, series));
  if (row.id == 0) {
    NORMLAB_RETURN_IF_ERROR(StateOf(db, job).status());
    return absl::NotFoundError(fmt::format("{} has no series \"{}\"", JobName(job), series));
  }
  const std::uint64_t to = range.to_step.value_or(std::numeric_limits<std::int64_t>::max());
  if (range.max_points > 0 && !range.skip_damaged && !row.loose && row.info.points > kChunkPoints * kOverviewRatio) {
    NORMLAB_ASSIGN_OR_RETURN(std::optional<Overview> overview, TryOverview(db, row, range.from_step, to));
    if (overview.has_value() && overview->points.size() >= kOverviewRatio * range.max_points) {
      return Pick(std::move(overview->points), overview->total, range);
    }
  }
  Points points;
  Damage damage;
  const absl::Status read = range.skip_damaged
                                ? ReadWholePoints(db, row, range.from_step, to, Unpack::kCurve, points, damage)
                                : ReadPoints(db, row, range.from_step, to, Unpack::kCurve, points);
  NORMLAB_RETURN_IF_ERROR(Annotate(read, fmt::format("series \"{}\" of {}", series, JobName(job))));
  const std::uint64_t total = points.size();
  Curve curve = Pick(std::move(points), total, range);
  if (damage.pieces > 0) {
    curve.damage = fmt::format("{} pieces of series \"{}\" of {} were left out: {}", damage.pieces, series,
                               JobName(job), damage.first);
  }
  return curve;
}

absl::StatusOr<std::vector<SeriesInfo>> ListSeries(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(std::vector<SeriesRow> rows, AllSeries(db, job));
  if (rows.empty()) {
    NORMLAB_RETURN_IF_ERROR(StateOf(db, job).status());
  }
  std::vector<SeriesInfo> all;
  all.reserve(rows.size());
  for (SeriesRow& row : rows) {
    all.push_back(std::move(row.info));
  }
  return all;
}

}  // namespace normlab::store
