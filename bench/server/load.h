// load.h - what the benchmarks of the service share: the real normlabd on a scratch home, and calls as workers make them.
//
// Whatever fails ends the program with exit status 2 and says why. Thread safety: const methods and free functions, any thread.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/temporary_directory.h"
#include "normlab/v1/jobs.grpc.pb.h"
#include "normlab/v1/worker.grpc.pb.h"

namespace normlab::bench {

using Clock = std::chrono::steady_clock;

double MsSince(Clock::time_point start);
// Of at least one value; sorts them.
double Percentile(std::vector<double>& values, double p);
[[noreturn]] void Die(const std::string& why);
void Must(const grpc::Status& status);
// Prints a figure beside its bar; whether it is met.
bool Report(std::string_view what, double value, std::string_view unit, double bar, bool at_least);

// normlabd on a scratch home, without workers, with its HTTP door open.
class Server {
 public:
  explicit Server(const std::vector<std::string>& more_arguments = {});
  ~Server() { Stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The CPU seconds it used, start and stop included: a figure that other load on the machine hardly changes.
  double Stop();
  // The CPU milliseconds it has used so far.
  double CpuMs() const;
  // The most memory that it had at once.
  double PeakMiB() const;
  // The answer to a call as the page makes it, on a connection of its own.
  std::string Post(const std::string& method, const std::string& json) const;
  // A connection of its own.
  std::shared_ptr<grpc::Channel> Connect() const;

 private:
  TemporaryDirectory folder_;
  pid_t pid_ = -1;
};

v1::CreateJobRequest Request(std::uint64_t seed);
// Queues `n` jobs, a multiple of 1,000, a thousand in a call.
void SubmitMany(v1::JobService::Stub& jobs, std::uint64_t n);
// Waits until there is a job.
v1::Attempt Lease(v1::WorkerService::Stub& workers);
void Finish(v1::WorkerService::Stub& workers, const v1::Attempt& attempt);
// A loss, point by point from `first` on.
void FillColumns(std::uint64_t first, std::uint64_t points, v1::AppendPointsRequest::Columns& columns);

}  // namespace normlab::bench
