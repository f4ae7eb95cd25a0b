#include "client/commands/job_curves.h"

#include <fmt/format.h>

#include <algorithm>

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
