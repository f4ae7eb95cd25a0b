#include "client/commands/export_bundle.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/bundle.h"
#include "client/commands/job_curves.h"
#include "client/progress_line.h"
#include "client/text.h"

namespace normlab::client {
namespace {

absl::StatusOr<std::vector<BundledCurve>> ReadCurves(Session& session, Client& client, const std::string& job_id,
                                                     const std::vector<std::string>& series) {
  std::vector<BundledCurve> curves;
  for (const std::string& name : series) {
    NORMLAB_ASSIGN_OR_RETURN(const v1::ReadCurveResponse curve, ReadWhatIsWhole(session, client, job_id, name));
    curves.push_back({name,
                      {.steps = {curve.steps().begin(), curve.steps().end()},
                       .values = {curve.values().begin(), curve.values().end()},
                       .wall_ms = {curve.wall_ms().begin(), curve.wall_ms().end()}}});
  }
  return curves;
}

absl::Status AddJob(Session& session, Client& client, const v1::Job& job, const BundleOptions& options,
                    BundleWriter& bundle) {
  NORMLAB_ASSIGN_OR_RETURN(const ChosenSeries series, ChooseSeries(client, job.job_id(), options.series));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<BundledCurve> curves,
                           ReadCurves(session, client, job.job_id(), series.taken));
  std::vector<v1::Artifact> artifacts;
  if (options.artifacts) {
    NORMLAB_ASSIGN_OR_RETURN(artifacts, client.ListArtifacts(job.job_id()));
  }
  NORMLAB_RETURN_IF_ERROR(bundle.AddJob({job, series.left_out}, curves, artifacts));
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
               [](const v1::Job& j) { return IsTerminal(j.state()) && !j.has_external(); });
  if (ended.empty()) {
    return absl::FailedPreconditionError(
        "none of these is a job of normlab that has ended; only those go into a bundle, which another store can check");
  }
  if (ended.size() < jobs.size()) {
    session.Note(fmt::format("not ended or external, and so left out: {} of {} jobs\n",
                             FormatCount(jobs.size() - ended.size()), FormatCount(jobs.size())));
  }
  NORMLAB_RETURN_IF_ERROR(CheckSomeJobHas(client, ended, options.series));
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
