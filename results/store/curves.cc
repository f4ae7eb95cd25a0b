#include "results/store/curves.h"

#include <fmt/format.h>

#include <limits>

#include "results/store/downsample.h"
#include "results/store/jobs.h"
#include "results/store/series.h"

namespace normlab::store {
namespace {

// The points that `range` asks for.
Curve Pick(Points points, const CurveRange& range) {
  Curve curve;
  curve.points_total = points.size();
  if (range.max_points == 0 || points.size() <= range.max_points) {
    curve.steps = std::move(points.steps);
    curve.values = std::move(points.values);
    curve.wall_ms = std::move(points.wall_ms);
    return curve;
  }
  const std::vector<std::size_t> picked = range.downsampling == Downsampling::kLttb
                                              ? Lttb(points.steps, points.values, range.max_points)
                                              : MinMax(points.values, range.max_points);
  for (const std::size_t i : picked) {
    curve.steps.push_back(points.steps[i]);
    curve.values.push_back(points.values[i]);
    curve.wall_ms.push_back(points.wall_ms[i]);
  }
  return curve;
}

}  // namespace

absl::StatusOr<Curve> ReadCurve(Connection& db, JobId job, std::string_view series, const CurveRange& range) {
  NORMLAB_ASSIGN_OR_RETURN(const SeriesRow row, FindSeries(db, job, series));
  if (row.id == 0) {
    NORMLAB_RETURN_IF_ERROR(LoadJob(db, job).status());
    return absl::NotFoundError(fmt::format("{} has no series \"{}\"", JobName(job), series));
  }
  Points points;
  NORMLAB_RETURN_IF_ERROR(ReadPoints(db, row, range.from_step,
                                     range.to_step.value_or(std::numeric_limits<std::uint64_t>::max()), Unpack::kCurve,
                                     points));
  return Pick(std::move(points), range);
}

absl::StatusOr<std::vector<SeriesInfo>> ListSeries(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(std::vector<SeriesRow> rows, AllSeries(db, job));
  if (rows.empty()) {
    NORMLAB_RETURN_IF_ERROR(LoadJob(db, job).status());
  }
  std::vector<SeriesInfo> all;
  all.reserve(rows.size());
  for (SeriesRow& row : rows) {
    all.push_back(std::move(row.info));
  }
  return all;
}

}  // namespace normlab::store
