#include "server/mlflow/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/parse_number.h"
#include "proto/spec_text.h"
#include "results/store/external_runs.h"
#include "server/edge/errors.h"
#include "server/mlflow/paging.h"
#include "server/mlflow/runs.h"

namespace normlab::server {
namespace {

constexpr int kUsual = 25'000;  // values of a page, as the client asks for
constexpr int kMost = 50'000;

// "step:time:bits".
absl::StatusOr<std::optional<store::PointPlace>> ReadPlace(std::string_view token) {
  std::optional<store::PointPlace> place;
  if (token.empty()) {
    return place;
  }
  const std::size_t first = token.find(':');
  const std::size_t second = token.find(':', first == std::string_view::npos ? first : first + 1);
  if (second != std::string_view::npos) {
    const auto step = ParseWhole<std::uint64_t>(token.substr(0, first));
    const auto wall_ms = ParseWhole<std::int64_t>(token.substr(first + 1, second - first - 1));
    const auto bits = ParseWhole<std::int64_t>(token.substr(second + 1));
    if (step && wall_ms && bits) {
      place = store::PointPlace{*step, *wall_ms, *bits};
      return place;
    }
  }
  return BadField("page_token", fmt::format("is {}; expected the token of an earlier page", Shown(token)));
}

// The curve of a job of ours, which has one value for each step, as a history.
absl::StatusOr<store::History> OfOurs(Core& core, store::JobId job, const std::string& key,
                                      const std::optional<store::PointPlace>& after, std::size_t limit) {
  store::CurveRange range;
  range.from_step = after ? after->step + 1 : 0;
  absl::StatusOr<store::Curve> curve = core.store.ReadCurve(job, key, range);
  store::History history;
  if (absl::IsNotFound(curve.status())) {
    return history;
  }
  NORMLAB_RETURN_IF_ERROR(curve.status());
  const std::size_t shown = std::min(limit, curve->steps.size());
  for (std::size_t i = 0; i < shown; ++i) {
    history.points.push_back(
        {.series = key, .step = curve->steps[i], .wall_ms = curve->wall_ms[i], .value = curve->values[i]});
  }
  if (shown < curve->steps.size()) {
    history.next = store::PointPlace{.step = curve->steps[shown - 1]};
  }
  return history;
}

}  // namespace

absl::Status GetMetricHistory(Core& core, const mlflow::GetMetricHistoryRequest& request,
                              mlflow::GetMetricHistoryResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const std::size_t limit, ReadLimit(request.max_results(), kUsual, kMost));
  NORMLAB_ASSIGN_OR_RETURN(const auto after, ReadPlace(request.page_token()));
  NORMLAB_ASSIGN_OR_RETURN(const RunView run, LoadRun(core, request.run_id(), request.run_uuid()));
  const std::string& key = request.metric_key();
  NORMLAB_ASSIGN_OR_RETURN(const store::History history,
                           run.job.external
                               ? core.store.external().ReadHistory(run.job.id, key, after, static_cast<int>(limit))
                               : OfOurs(core, run.job.id, key, after, limit));
  for (const store::LoggedPoint& point : history.points) {
    mlflow::Metric& metric = *response.add_metrics();
    metric.set_key(key);
    metric.set_value(point.value);
    metric.set_timestamp(point.wall_ms);
    metric.set_step(static_cast<std::int64_t>(point.step));
  }
  if (history.next) {
    response.set_next_page_token(
        fmt::format("{}:{}:{}", history.next->step, history.next->wall_ms, history.next->bits));
  }
  return absl::OkStatus();
}

}  // namespace normlab::server
