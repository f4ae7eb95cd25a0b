// fake_service.h - WorkerService in memory, answering by script: what a session meets, without a store or a clock.
#pragma once

#include <grpcpp/server.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "normlab/v1/worker.grpc.pb.h"

namespace normlab::workers {

// Thread safety: everything behind `mu`. Tests set up before the session starts and look after it has ended.
class FakeService : public v1::WorkerService::Service {
 public:
  FakeService();
  ~FakeService() override;
  std::shared_ptr<grpc::Channel> Channel();

  // Queues a lease on the toy job, attempt `number`.
  void AddJob(int number, std::chrono::milliseconds lease = std::chrono::seconds(60),
              std::optional<std::uint64_t> checkpoint_step = std::nullopt);
  // The next calls of `method` are answered with `status`, one each, before any effect.
  void Script(const std::string& method, grpc::Status status, int times = 1);
  // The next call of `method` takes effect, and its answer is lost.
  void LoseAnswer(const std::string& method) { lost_answers_.insert(method); }

  std::function<v1::HeartbeatResponse(const v1::HeartbeatRequest&)> on_heartbeat;
  std::function<v1::AwaitOrderResponse()> on_order;  // unset: no order ever comes
  bool drops_files = false;                          // counts and checks files, and keeps none of their bytes
  std::function<void()> on_points;                   // before they are stored
  std::function<void()> on_empty_lease = [] {};

  using Points = std::map<std::pair<std::string, std::uint64_t>, double>;
  Points points;
  std::uint64_t repeated_points = 0;
  std::uint64_t different_points = 0;
  std::map<std::uint64_t, std::string> checkpoints;
  // For every checkpoint: the highest step of train/loss stored before it.
  std::map<std::uint64_t, std::uint64_t> last_step_before_checkpoint;
  std::map<std::string, std::string> artifacts;
  std::vector<v1::FinishRequest> finished;
  std::vector<std::string> lease_request_ids;
  std::string authorization;
  std::string data_sha256;                 // as the last start told it
  std::string arithmetic = "AVX3/libm.1";  // of what is stored; a start that names another one drops it

  grpc::Status Lease(grpc::ServerContext*, const v1::LeaseRequest*, v1::LeaseResponse*) override;
  grpc::Status Start(grpc::ServerContext*, const v1::StartRequest*, v1::StartResponse*) override;
  grpc::Status Heartbeat(grpc::ServerContext*, const v1::HeartbeatRequest*, v1::HeartbeatResponse*) override;
  grpc::Status AwaitOrder(grpc::ServerContext*, const v1::AwaitOrderRequest*, v1::AwaitOrderResponse*) override;
  grpc::Status AppendPoints(grpc::ServerContext*, const v1::AppendPointsRequest*, v1::AppendPointsResponse*) override;
  grpc::Status PutCheckpoint(grpc::ServerContext*, grpc::ServerReader<v1::PutCheckpointRequest>*,
                             v1::PutCheckpointResponse*) override;
  grpc::Status GetCheckpoint(grpc::ServerContext*, const v1::GetCheckpointRequest*,
                             grpc::ServerWriter<v1::GetCheckpointResponse>*) override;
  grpc::Status PutArtifact(grpc::ServerContext*, grpc::ServerReader<v1::PutArtifactRequest>*,
                           v1::PutArtifactResponse*) override;
  grpc::Status Finish(grpc::ServerContext*, const v1::FinishRequest*, v1::FinishResponse*) override;

 private:
  std::optional<grpc::Status> Scripted(const std::string& method);
  grpc::Status Answer(const std::string& method);

  Mutex mu_;
  std::map<std::string, std::deque<grpc::Status>> script_;
  std::set<std::string> lost_answers_;
  std::deque<v1::LeaseResponse> jobs_;
  std::optional<std::pair<std::string, v1::LeaseResponse>> last_lease_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace normlab::workers
