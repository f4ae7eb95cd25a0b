// job_curves.h - the curves of jobs as exports take them: those that are asked for, as far as they are whole.
#pragma once

#include <string>
#include <vector>

#include "client/commands/command.h"

namespace normlab::client {

// The names of a job's series, by whether they are in `chosen`; empty: all are.
struct ChosenSeries {
  std::vector<std::string> taken;
  std::vector<std::string> left_out;
};
absl::StatusOr<ChosenSeries> ChooseSeries(Client& client, const std::string& job_id,
                                          const std::vector<std::string>& chosen);

// kNotFound names those of `chosen` that none of the jobs has.
absl::Status CheckSomeJobHas(Client& client, const std::vector<v1::Job>& jobs, const std::vector<std::string>& chosen);

// A whole curve; what of it is damaged is left out, and said.
absl::StatusOr<v1::ReadCurveResponse> ReadWhatIsWhole(Session& session, Client& client, const std::string& job_id,
                                                      const std::string& series);

}  // namespace normlab::client
