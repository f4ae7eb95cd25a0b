// session.h - the life of a worker: lease a job, run it, report it, lease the next.
//
// A session outlives its server: it keeps trying until it is stopped. Three things end a job without an outcome, and
// the server then gives it to another attempt: a lost lease (dropped at once), the server's wish to go down, and a stop
// of this process (both checkpoint first).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "experiments/experiment.h"
#include "workers/lease.h"
#include "workers/outbox.h"
#include "workers/runner.h"
#include "workers/service_client.h"

namespace normlab::workers {

struct SessionOptions {
  std::string worker;      // "host:pid", for people
  std::string arithmetic;  // of this process, see nn/cpu.h
  std::vector<std::string> data_directories;
  std::string spool_directory;               // where files wait to be sent
  std::map<std::string, std::string> facts;  // of this process: instruction set, threads, build
  bool once = false;                         // return after one job
  // Return after so long without one; then it is an error that the server was away all the time. Absent: never.
  std::optional<std::chrono::milliseconds> idle = std::nullopt;
  // How long an attempt may get nowhere, and what ends the process then.
  std::chrono::milliseconds stall{900'000};
  std::function<void()> on_stall;
  bool leave_with_server = false;  // return when the server goes down: it starts workers of its own
  std::chrono::milliseconds lease_wait{20'000};
  RunnerOptions runner;
  OutboxOptions outbox;
  Backoff backoff;
  std::function<Lease::Clock::time_point()> now = Lease::Clock::now;  // measures leases
  // How an experiment is made; tests put a small one here.
  std::function<absl::StatusOr<std::unique_ptr<Experiment>>(const v1::JobSpec&, const ExperimentContext&)>
      make_experiment;
  // As ImportedDataSha256; tests put theirs here too.
  std::function<absl::StatusOr<std::string>(const v1::JobSpec&, const std::vector<std::string>&)> imported_data;
};

// Runs jobs in the calling thread, which is the one whose SetThreads counts, until `stop` is requested (OK; a job under
// way has been checkpointed), one job is done with `once`, or the server goes down with `leave_with_server`. An error
// is the server's refusal to talk to this worker at all, such as a wrong token.
absl::Status RunSession(ServiceClient& client, const SessionOptions& options, std::stop_token stop);

}  // namespace normlab::workers
