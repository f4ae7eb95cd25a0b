#include "client/commands/export_bundle.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/bundle.h"
#include "client/progress_line.h"
#include "client/text.h"

namespace normlab::client {
namespace {

// The curves that are wanted, and which the job has beside them.
absl::StatusOr<std::vector<BundledCurve>> ReadCurves(Session& session, Client& client, const BundleOptions& options,
                                                     BundledJob& job) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Series> all, client.ListSeries(job.job.job_id()));
  std::vector<BundledCurve> curves;
  for (const v1::Series& series : all) {
    const auto& wanted = options.series;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), series.name()) == wanted.end()) {
      job.left_out.push_back(series.name());
      continue;
    }
    v1::ReadCurveRequest request;
    request.set_job_id(job.job.job_id());
    request.set_series(series.name());
    request.set_skip_damaged(true);
    NORMLAB_ASSIGN_OR_RETURN(const v1::ReadCurveResponse curve, client.ReadCurve(request));
    if (!curve.damage().empty()) {
      session.Note(fmt::format("{}\n", curve.damage()));
    }
    curves.push_back({series.name(),
                      {.steps = {curve.steps().begin(), curve.steps().end()},
                       .values = {curve.values().begin(), curve.values().end()},
                       .wall_ms = {curve.wall_ms().begin(), curve.wall_ms().end()}}});
  }
  return curves;
}

absl::Status AddJob(Session& session, Client& client, const v1::Job& job, const BundleOptions& options,
                    BundleWriter& bundle) {
  BundledJob described{job, {}};
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<BundledCurve> curves, ReadCurves(session, client, options, described));
  std::vector<v1::Artifact> artifacts;
  if (options.artifacts) {
    NORMLAB_ASSIGN_OR_RETURN(artifacts, client.ListArtifacts(job.job_id()));
  }
  NORMLAB_RETURN_IF_ERROR(bundle.AddJob(described, curves, artifacts));
  for (const v1::Artifact& artifact : artifacts) {
    NORMLAB_RETURN_IF_ERROR(bundle.BeginArtifact(artifact));
    NORMLAB_RETURN_IF_ERROR(client.ReadArtifact(job.job_id(), artifact.name(),
                                                [&](std::string_view piece) { return bundle.AddData(piece); }));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExportBundle(Session& session, Client& client, const std::vector<v1::Job>& jobs,
                          const BundleOptions& options) {
  std::vector<v1::Job> ended;
  std::copy_if(jobs.begin(), jobs.end(), std::back_inserter(ended),
               [](const v1::Job& j) { return IsTerminal(j.state()); });
  if (ended.empty()) {
    return absl::FailedPreconditionError("none of these jobs has ended; only runs that are over go into a bundle");
  }
  if (ended.size() < jobs.size()) {
    session.Note(fmt::format("not ended, and so left out: {} of {} jobs\n", FormatCount(jobs.size() - ended.size()),
                             FormatCount(jobs.size())));
  }
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<FileOutput> output,
                           FileOutput::Open(options.file, session.environment().stop));
  NORMLAB_ASSIGN_OR_RETURN(const auto bundle, BundleWriter::Open(std::move(output), ended.size()));
  constexpr auto kQuiet = std::chrono::seconds(2);
  ProgressLine progress(session.console(), "export", "jobs", kQuiet);
  for (std::size_t i = 0; i < ended.size(); ++i) {
    NORMLAB_RETURN_IF_ERROR(AddJob(session, client, ended[i], options, *bundle));
    progress.Show(i + 1, ended.size());
  }
  NORMLAB_RETURN_IF_ERROR(bundle->Finish());
  session.Note(fmt::format("{} written: {} jobs. Elsewhere: normlab import {}\n", options.file,
                           FormatCount(ended.size()), options.file));
  return absl::OkStatus();
}

}  // namespace normlab::client
