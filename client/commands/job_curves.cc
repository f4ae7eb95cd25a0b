#include "client/commands/job_curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace normlab::client {

absl::StatusOr<ChosenSeries> ChooseSeries(Client& client, const std::string& job_id,
                                          const std::vector<std::string>& chosen) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Series> all, client.ListSeries(job_id));
  ChosenSeries series;
  for (const v1::Series& one : all) {
    const bool taken = chosen.empty() || std::find(chosen.begin(), chosen.end(), one.name()) != chosen.end();
    (taken ? series.taken : series.left_out).push_back(one.name());
  }
  return series;
}

absl::Status CheckSomeJobHas(Client& client, const std::vector<v1::Job>& jobs, const std::vector<std::string>& chosen) {
  std::set<std::string> missing(chosen.begin(), chosen.end());
  for (auto job = jobs.begin(); job != jobs.end() && !missing.empty(); ++job) {
    NORMLAB_ASSIGN_OR_RETURN(const ChosenSeries series, ChooseSeries(client, job->job_id(), chosen));
    for (const std::string& name : series.taken) {
      missing.erase(name);
    }
  }
  if (!missing.empty()) {
    return absl::NotFoundError(fmt::format("no job here has a series {}; list them: normlab curve {}",
                                           fmt::join(missing, ", "), jobs.empty() ? "JOB" : jobs[0].job_id()));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ReadCurveResponse> ReadWhatIsWhole(Session& session, Client& client, const std::string& job_id,
                                                      const std::string& series) {
  v1::ReadCurveRequest request;
  request.set_job_id(job_id);
  request.set_series(series);
  request.set_skip_damaged(true);
  NORMLAB_ASSIGN_OR_RETURN(v1::ReadCurveResponse curve, client.ReadCurve(request));
  if (!curve.damage().empty()) {
    session.Note(fmt::format("{}\n", curve.damage()));
  }
  return curve;
}

}  // namespace normlab::client
