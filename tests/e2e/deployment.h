// deployment.h - normlabd and workers as real processes on a home of their own, for tests that start and kill them.
//
// Every process is started with the means of a user: command lines and signals. The destructor kills what is left and
// removes the home; when the test has failed, it prints the logs first.
#pragma once

#include <grpcpp/channel.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "normlab/v1/curves.grpc.pb.h"
#include "normlab/v1/jobs.grpc.pb.h"
#include "normlab/v1/worker.grpc.pb.h"
#include "tests/scratch_folder.h"

namespace normlab::e2e {

// Bits of a value by series and step.
using Curve = std::map<std::pair<std::string, std::uint64_t>, std::uint64_t>;

// A data set that this machine has ("mnist", "fashion_mnist"); empty if there is none. Tests skip with kNoData then.
std::string AvailableDataset();
inline constexpr char kNoData[] =
    "no data set found; run `normlab data fetch mnist`, or: apt-get install dataset-fashion-mnist";

// A run of a second or two: a narrow network with layer normalisation on a part of the data.
v1::JobSpec SmallSpec();
// The same network on a run of days: for a job that is interrupted, which must not end by itself, however fast the
// machine.
v1::JobSpec EndlessSpec();

class Deployment {
 public:
  explicit Deployment(std::vector<std::string> server_flags);
  ~Deployment();
  Deployment(const Deployment&) = delete;
  Deployment& operator=(const Deployment&) = delete;

  // Returns when the server serves.
  void StartServer();
  // Sends `signal` and returns when the process has ended.
  void EndServer(int signal);

  pid_t server_pid() const { return server_; }
  // A connection of its own.
  std::shared_ptr<grpc::Channel> Connect() const;

  // A worker started by hand, with its log in Log(pid).
  pid_t StartWorker(const std::vector<std::string>& flags);
  int WaitForExit(pid_t pid);
  std::string Log(pid_t pid) const;

  // Runs `normlab` with these arguments and --home; returns its exit code and what it printed.
  std::pair<int, std::string> RunClient(std::vector<std::string> arguments);
  // The same, and leaves it running; the destructor ends it.
  pid_t StartClient(std::vector<std::string> arguments);
  // What the clients run so far have said on stderr.
  std::string ClientLog() const;

  std::string Submit(const v1::JobSpec& spec);
  std::string Resume(const std::string& job);
  void Cancel(const std::string& job);
  v1::Job Get(const std::string& job);
  // Follows the job until `done`, across restarts of the server; fails the test after two minutes.
  v1::Job WaitUntil(const std::string& job, const std::function<bool(const v1::Job&)>& done);
  v1::Job WaitUntilTerminal(const std::string& job);
  // Cancels the job once it has done more than `steps`, and returns what it was then.
  v1::Job CancelBeyond(const std::string& job, std::uint64_t steps);
  // RUNNING, in an attempt later than `after`.
  v1::Job WaitUntilRunning(const std::string& job, int after = 0);
  // Returns when a point of the job is on disk.
  void WaitForPoints(const std::string& job);
  // The process that runs the job.
  static pid_t WorkerPid(const v1::Job& job);

  // Every stored point. A point that is stored twice, or out of order, fails the test.
  Curve ReadCurve(const std::string& job);

  v1::WorkerService::Stub& worker_service() { return *workers_; }
  const std::string& home() const { return folder_.path(); }

 private:
  const ScratchFolder folder_;
  std::vector<std::string> server_flags_;
  pid_t server_ = -1;
  std::vector<pid_t> workers_by_hand_, clients_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::unique_ptr<v1::CurveService::Stub> curves_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
};

}  // namespace normlab::e2e
