#include "server/tensorboard/scalars.h"

#include <fmt/format.h>

#include <algorithm>

namespace normlab::server {
namespace {

namespace tb = ::tensorboard::data;

// The series of a run that `query` wants; none of a job that was deleted meanwhile.
absl::StatusOr<std::vector<store::SeriesInfo>> WantedSeries(Core& core, const Run& run, const Query& query) {
  absl::StatusOr<std::vector<store::SeriesInfo>> all = core.store.ListSeries(run.job.id);
  if (absl::IsNotFound(all.status())) {
    return std::vector<store::SeriesInfo>();
  }
  NORMLAB_RETURN_IF_ERROR(all.status());
  std::erase_if(*all, [&query](const store::SeriesInfo& series) { return !query.Wants(series.name); });
  return all;
}

absl::StatusOr<store::Curve> ReadCurve(Core& core, const Run& run, const store::SeriesInfo& series,
                                       std::uint32_t points) {
  store::CurveRange range;
  range.max_points = points;
  range.downsampling = store::Downsampling::kLttb;
  if (points == 1) {
    range.from_step = series.last_step;  // no need to unpack the others
  }
  absl::StatusOr<store::Curve> curve = core.store.ReadCurve(run.job.id, series.name, range);
  if (absl::IsDataLoss(curve.status())) {
    range.skip_damaged = true;
    return core.store.ReadCurve(run.job.id, series.name, range);
  }
  return absl::IsNotFound(curve.status()) ? store::Curve() : curve;
}

void ToWire(const store::Curve& curve, tb::ScalarData& wire) {
  const auto n = static_cast<int>(curve.steps.size());
  wire.mutable_step()->Reserve(n);
  wire.mutable_wall_time()->Reserve(n);
  wire.mutable_value()->Reserve(n);
  for (std::size_t i = 0; i < curve.steps.size(); ++i) {
    wire.add_step(static_cast<std::int64_t>(curve.steps[i]));
    wire.add_wall_time(Seconds(curve.wall_ms[i]));
    wire.add_value(static_cast<float>(curve.values[i]));
  }
}

}  // namespace

absl::Status ListScalars(Core& core, const Caller& caller, const Query& query, tb::ListScalarsResponse& response) {
  const auto fill = [&](const Run& run, tb::ListScalarsResponse::RunEntry& entry) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::SeriesInfo> all, WantedSeries(core, run, query));
    for (const store::SeriesInfo& series : all) {
      auto& tag = *entry.add_tags();
      tag.set_tag_name(series.name);
      auto& metadata = *tag.mutable_metadata();
      metadata.set_max_step(static_cast<std::int64_t>(series.last_step));
      metadata.set_max_wall_time(LastAtWork(run.job));
      metadata.mutable_summary_metadata()->set_data_class(tensorboard::DATA_CLASS_SCALAR);
      metadata.mutable_summary_metadata()->mutable_plugin_data()->set_plugin_name(kScalars);
    }
    return absl::OkStatus();
  };
  return AddRuns(core, caller, query, response, fill);
}

absl::Status ReadScalars(Core& core, const Caller& caller, const Query& query, tb::ReadScalarsResponse& response) {
  std::uint64_t points = 0;
  const auto fill = [&](const Run& run, tb::ReadScalarsResponse::RunEntry& entry) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::SeriesInfo> all, WantedSeries(core, run, query));
    for (const store::SeriesInfo& series : all) {
      points += query.points == 0 ? series.points : std::min<std::uint64_t>(series.points, query.points);
      if (points > kMostScalars) {
        return BadField("downsample.num_points",
                        fmt::format("is {} (0: all), which makes more than {} points together; ask for fewer points, "
                                    "runs or tags",
                                    query.points, kMostScalars));
      }
      auto& tag = *entry.add_tags();
      tag.set_tag_name(series.name);
      NORMLAB_ASSIGN_OR_RETURN(const store::Curve curve, ReadCurve(core, run, series, query.points));
      ToWire(curve, *tag.mutable_data());
    }
    return absl::OkStatus();
  };
  return AddRuns(core, caller, query, response, fill);
}

}  // namespace normlab::server
