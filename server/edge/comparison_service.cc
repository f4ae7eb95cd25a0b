#include "server/edge/comparison_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "proto/spec_text.h"
#include "results/judging/comparison.h"
#include "results/judging/render_comparison.h"
#include "server/edge/convert.h"
#include "server/edge/deliver.h"
#include "server/edge/errors.h"
#include "server/edge/stream.h"
#include "server/schedule/computed_by.h"
#include "server/schedule/external_seed.h"

namespace normlab::server {
namespace {

constexpr int kMostJobs = 10'000;
constexpr int kMostSeries = 16;

struct Asked {
  std::vector<store::JobId> jobs;
  std::vector<std::string> series;
};

template <typename Request>
absl::StatusOr<Asked> Read(const Request& request) {
  std::vector<FieldViolation> violations;
  if (request.job_ids_size() < 1 || request.job_ids_size() > kMostJobs) {
    violations.push_back(
        {"job_ids", fmt::format("names {} jobs; expected 1 to {}", request.job_ids_size(), kMostJobs)});
  }
  if (request.series_size() > kMostSeries) {
    violations.push_back(
        {"series", fmt::format("names {} series; expected at most {}", request.series_size(), kMostSeries)});
  }
  Asked asked;
  for (int i = 0; i < request.job_ids_size(); ++i) {
    asked.jobs.push_back(ReadJobId(request.job_ids(i), fmt::format("job_ids[{}]", i), violations));
  }
  asked.series = {request.series().begin(), request.series().end()};
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  return asked;
}

// What the jobs have in series of one name.
struct Shared {
  std::size_t seen = 0;  // by jobs
  std::size_t jobs = 0;  // those of them that did not diverge
  bool differs = false;  // a series that only counts passes is the same for all and says nothing
  store::SeriesInfo first;
};

// Those every job has and on which some two differ; of one job, all. One that diverged may have ended before it measured
// anything, which says nothing of what it would have. kFailedPrecondition if there is none.
absl::StatusOr<std::vector<std::string>> ChooseSeries(Core& core, const std::vector<store::JobId>& jobs) {
  std::map<std::string, Shared> all;
  std::size_t whole = 0;
  for (const store::JobId job : jobs) {
    NORMLAB_ASSIGN_OR_RETURN(const store::Job stored, core.store.GetJob(job));
    const bool is_whole = stored.state != store::JobState::kDiverged;
    whole += is_whole ? 1 : 0;
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::SeriesInfo> series, core.store.ListSeries(job));
    for (const store::SeriesInfo& info : series) {
      Shared& shared = all[info.name];
      shared.first = shared.seen++ == 0 ? info : shared.first;
      shared.jobs += is_whole ? 1 : 0;
      const store::SeriesInfo& first = shared.first;
      shared.differs |= info.points != first.points || info.min != first.min || info.max != first.max ||
                        info.last != first.last || info.not_finite != first.not_finite;
    }
  }
  std::vector<std::string> chosen;
  for (const auto& [name, shared] : all) {
    if (shared.jobs == whole && (shared.differs || jobs.size() == 1) && chosen.size() < kMostSeries) {
      chosen.push_back(name);
    }
  }
  if (chosen.empty()) {
    return absl::FailedPreconditionError(
        all.empty() ? "the jobs have measured nothing yet"
                    : "the jobs have no series in common on which they differ; name one with series");
  }
  return chosen;
}

// What runs of one arm have in common. External runs are of no arm of ours, whatever their parameters.
std::vector<std::pair<std::string, std::string>> FieldsOf(const store::Job& job, const v1::JobSpec& spec) {
  if (!job.external) {
    return ConfigFields(spec);
  }
  std::vector<std::pair<std::string, std::string>> fields = {{"external", job.experiment}};
  for (const auto& [name, value] : job.external->params) {
    if (name != kSeedParam) {
      fields.emplace_back(name, value);
    }
  }
  return fields;
}

absl::StatusOr<judging::ComparedJob> ReadJob(Core& core, store::JobId id, const std::vector<std::string>& series) {
  NORMLAB_ASSIGN_OR_RETURN(const store::Job stored, core.store.GetJob(id));
  v1::Job wire;
  ToWire(stored, wire);
  judging::ComparedJob job{
      .name = wire.job_id(),
      .experiment = stored.experiment,
      .fields = FieldsOf(stored, wire.spec()),
      .seed = stored.external ? ExternalSeed(stored).value_or(0) : wire.spec().seed(),
      .state = fmt::format("{}{}", stored.external ? "external, " : "", store::StateName(stored.state)),
      .diverged = stored.state == store::JobState::kDiverged,
      .computed_by = ComputedByText(stored.facts),
      .curves = {}};
  // Runs that were fed other data repeat nothing: what they were fed is part of what they are.
  if (const std::string content = ContentText(stored.facts); !content.empty()) {
    job.fields.emplace_back(kContentFact, content);
  }
  for (const std::string& name : series) {
    stats::Curve& curve = job.curves.emplace_back();
    absl::StatusOr<store::Curve> read = core.store.ReadCurve(id, name, {});
    if (absl::IsNotFound(read.status())) {
      continue;
    }
    NORMLAB_RETURN_IF_ERROR(read.status());
    curve.x.assign(read->steps.begin(), read->steps.end());
    curve.y = std::move(read->values);
  }
  return job;
}

// kNotFound for a series that none of the jobs has.
absl::Status CheckRecorded(const std::vector<judging::ComparedJob>& jobs, const std::vector<std::string>& series) {
  for (std::size_t s = 0; s < series.size(); ++s) {
    if (std::all_of(jobs.begin(), jobs.end(),
                    [s](const judging::ComparedJob& job) { return job.curves[s].x.empty(); })) {
      return absl::NotFoundError(
          fmt::format("none of the jobs has a series {}; see `normlab curve {}` for those of one", Shown(series[s]),
                      jobs.front().name));
    }
  }
  return absl::OkStatus();
}

// Memory follows the points, so they are counted before any is read.
absl::Status CheckSize(Core& core, const Asked& asked) {
  const std::uint64_t most = core.gate.limits().compared_points;
  std::uint64_t points = 0;
  for (const store::JobId job : asked.jobs) {
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::SeriesInfo> series, core.store.ListSeries(job));
    for (const store::SeriesInfo& info : series) {
      const auto times = std::count(asked.series.begin(), asked.series.end(), info.name);  // a name may be given twice
      points += info.points * static_cast<std::uint64_t>(times);
    }
    if (points > most) {
      return BadField("job_ids",
                      fmt::format("have more than {} points in the compared series together; name fewer jobs "
                                  "or series",
                                  most));
    }
  }
  return absl::OkStatus();
}

// Those of `series` of which higher is better: which the caller names, and those of which a paper says so. A name that is
// not compared is a mistake.
absl::StatusOr<std::set<std::string>> ChooseSides(const std::vector<std::unique_ptr<judging::Paper>>& papers,
                                                  const std::vector<judging::ComparedJob>& jobs,
                                                  const std::vector<std::string>& series,
                                                  std::set<std::string> higher_is_better) {
  for (const std::string& name : higher_is_better) {
    if (std::find(series.begin(), series.end(), name) == series.end()) {
      return BadField("higher_is_better", fmt::format("names {}, which is not compared; expected some of {}",
                                                      Shown(name), fmt::join(series, ", ")));
    }
  }
  std::set<std::string> experiments;
  for (const judging::ComparedJob& job : jobs) {
    experiments.insert(job.experiment);
  }
  for (const std::string& experiment : experiments) {
    for (const auto& paper : papers) {
      std::copy_if(series.begin(), series.end(), std::inserter(higher_is_better, higher_is_better.end()),
                   [&](const std::string& name) { return paper->HigherIsBetter(experiment, name); });
    }
  }
  return higher_is_better;
}

template <typename Request>
absl::StatusOr<judging::Comparison> MakeComparison(Core& core, const Caller& caller, const Request& request,
                                                   std::set<std::string> higher_is_better) {
  NORMLAB_ASSIGN_OR_RETURN(Asked asked, Read(request));
  if (asked.series.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(asked.series, ChooseSeries(core, asked.jobs));
  }
  NORMLAB_RETURN_IF_ERROR(CheckSize(core, asked));
  std::vector<judging::ComparedJob> jobs;
  jobs.reserve(asked.jobs.size());
  for (const store::JobId id : asked.jobs) {
    if (caller.cancelled()) {
      return ReaderGone();
    }
    NORMLAB_ASSIGN_OR_RETURN(judging::ComparedJob job, ReadJob(core, id, asked.series));
    jobs.push_back(std::move(job));
  }
  NORMLAB_RETURN_IF_ERROR(CheckRecorded(jobs, asked.series));
  NORMLAB_ASSIGN_OR_RETURN(higher_is_better, ChooseSides(core.papers, jobs, asked.series, std::move(higher_is_better)));
  return judging::Compare(std::move(jobs), std::move(asked.series), higher_is_better);
}

absl::Status Compare(Core& core, const Caller& caller, const v1::CompareJobsRequest& request,
                     v1::CompareJobsResponse& answer) {
  NORMLAB_ASSIGN_OR_RETURN(
      const judging::Comparison comparison,
      MakeComparison(core, caller, request, {request.higher_is_better().begin(), request.higher_is_better().end()}));
  return Deliver(request.format(), report::Format::kTerminal, answer,
                 [&](report::Format format) { return judging::RenderTable(comparison, format); });
}

absl::Status Plot(Core& core, const Caller& caller, const v1::PlotJobsRequest& request, v1::PlotJobsResponse& answer) {
  NORMLAB_ASSIGN_OR_RETURN(const judging::Comparison comparison, MakeComparison(core, caller, request, {}));
  return Deliver(request.format(), report::Format::kSvg, answer,
                 [&](report::Format format) { return judging::RenderPlot(comparison, request.log_y(), format); });
}

// What few may do at a time is over before a slow reader is waited for.
template <typename Response, typename Make>
grpc::Status MakeAndSend(Core& core, grpc::ServerContext& context, std::string_view method, const Make& make,
                         grpc::ServerWriter<Response>& writer) {
  Response answer;
  const grpc::Status made =
      core.gate.Call(context, method, CallKind::kCompare, [&](const Caller& caller) { return make(caller, answer); });
  return made.ok() ? core.gate.Call(context, method, CallKind::kRead,
                                    [&](const Caller&) { return SendInPieces(std::move(answer), writer); })
                   : made;
}

}  // namespace

grpc::Status ComparisonServiceImpl::CompareJobs(grpc::ServerContext* context, const v1::CompareJobsRequest* request,
                                                grpc::ServerWriter<v1::CompareJobsResponse>* writer) {
  return MakeAndSend(
      core_, *context, "ComparisonService.CompareJobs",
      [&](const Caller& caller, v1::CompareJobsResponse& answer) { return Compare(core_, caller, *request, answer); },
      *writer);
}

grpc::Status ComparisonServiceImpl::PlotJobs(grpc::ServerContext* context, const v1::PlotJobsRequest* request,
                                             grpc::ServerWriter<v1::PlotJobsResponse>* writer) {
  return MakeAndSend(
      core_, *context, "ComparisonService.PlotJobs",
      [&](const Caller& caller, v1::PlotJobsResponse& answer) { return Plot(core_, caller, *request, answer); },
      *writer);
}

}  // namespace normlab::server
