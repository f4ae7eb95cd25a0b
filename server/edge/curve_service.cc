#include "server/edge/curve_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/stream.h"

namespace normlab::server {
namespace {

constexpr std::size_t kPointsPerMessage = 4096;
constexpr int kMaxWatched = 1000;

absl::Status StreamCurve(Core& core, const v1::ReadCurveRequest& request,
                         grpc::ServerWriter<v1::ReadCurveResponse>& writer) {
  std::vector<FieldViolation> violations;
  const store::JobId job = ReadJobId(request.job_id(), "job_id", violations);
  const store::CurveRange range = ReadRange(request, violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const store::Curve curve, core.store.ReadCurve(job, request.series(), range));
  std::size_t begin = 0;
  do {  // an empty curve is one message too: it says how many points there are in all
    const std::size_t end = std::min(curve.steps.size(), begin + kPointsPerMessage);
    const auto piece = [begin, end](const auto& from, auto& to) {
      to.Add(from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(end));
    };
    v1::ReadCurveResponse response;
    piece(curve.steps, *response.mutable_steps());
    piece(curve.values, *response.mutable_values());
    piece(curve.wall_ms, *response.mutable_wall_ms());
    response.set_points_total(curve.points_total);
    response.set_damage(curve.damage);
    NORMLAB_RETURN_IF_ERROR(Send(response, writer));
    begin = end;
  } while (begin < curve.steps.size());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<store::JobId>> ReadWatched(const v1::WatchCurvesRequest& request) {
  std::vector<FieldViolation> violations;
  if (request.job_ids_size() < 1 || request.job_ids_size() > kMaxWatched) {
    violations.push_back(
        {"job_ids", fmt::format("names {} jobs; expected 1 to {}", request.job_ids_size(), kMaxWatched)});
  }
  std::vector<store::JobId> jobs;
  for (int i = 0; i < request.job_ids_size(); ++i) {
    jobs.push_back(ReadJobId(request.job_ids(i), fmt::format("job_ids[{}]", i), violations));
  }
  ReadCount(request.after_sequence(), "after_sequence", violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  return jobs;
}

// Forgets jobs that are terminal in `running`; kNotFound for unknown ones.
absl::Status DropTerminal(Core& core, std::vector<store::JobId>& running) {
  std::vector<store::JobId> still;
  for (const store::JobId id : running) {
    NORMLAB_ASSIGN_OR_RETURN(const store::Job job, core.store.GetJob(id));
    if (!store::IsTerminal(job.state)) {
      still.push_back(id);
    }
  }
  running = std::move(still);
  return absl::OkStatus();
}

absl::Status FollowCurves(Core& core, const v1::WatchCurvesRequest& request, const Caller& caller,
                          grpc::ServerWriter<v1::WatchCurvesResponse>& writer) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::JobId> jobs, ReadWatched(request));
  std::vector<store::JobId> running = jobs;
  std::uint64_t sequence = request.after_sequence();
  for (;;) {
    const std::uint64_t seen = core.news.Current();
    const auto looked = std::chrono::steady_clock::now();
    NORMLAB_RETURN_IF_ERROR(DropTerminal(core, running));  // before the points: what is terminal here gets no more
    NORMLAB_ASSIGN_OR_RETURN(const store::PointBatch batch,
                             core.store.PointsSince(jobs, sequence, static_cast<int>(kPointsPerMessage)));
    sequence = std::max(sequence, batch.sequence);
    if (!batch.columns.empty()) {
      v1::WatchCurvesResponse response;
      for (const store::PointBatch::Columns& columns : batch.columns) {
        ToWire(columns, *response.add_columns());
      }
      response.set_sequence(sequence);
      NORMLAB_RETURN_IF_ERROR(Send(response, writer));
      if (core.gate.draining()) {
        return Stopping();
      }
    } else if (running.empty()) {
      return absl::OkStatus();
    } else {
      NORMLAB_RETURN_IF_ERROR(WaitForNews(core, caller, seen, looked));
    }
  }
}

}  // namespace

grpc::Status CurveServiceImpl::ListSeries(grpc::ServerContext* context, const v1::ListSeriesRequest* request,
                                          v1::ListSeriesResponse* response) {
  return core_.gate.Call(*context, "CurveService.ListSeries", CallKind::kShort, [&](const Caller&) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(const store::JobId job, ReadJobId(request->job_id()));
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::SeriesInfo> all, core_.store.ListSeries(job));
    for (const store::SeriesInfo& series : all) {
      ToWire(series, *response->add_series());
    }
    return absl::OkStatus();
  });
}

grpc::Status CurveServiceImpl::ReadCurve(grpc::ServerContext* context, const v1::ReadCurveRequest* request,
                                         grpc::ServerWriter<v1::ReadCurveResponse>* writer) {
  return core_.gate.Call(*context, "CurveService.ReadCurve", CallKind::kRead,
                         [&](const Caller&) { return StreamCurve(core_, *request, *writer); });
}

grpc::Status CurveServiceImpl::WatchCurves(grpc::ServerContext* context, const v1::WatchCurvesRequest* request,
                                           grpc::ServerWriter<v1::WatchCurvesResponse>* writer) {
  return core_.gate.Call(*context, "CurveService.WatchCurves", CallKind::kStream,
                         [&](const Caller& caller) { return FollowCurves(core_, *request, caller, *writer); });
}

}  // namespace normlab::server
