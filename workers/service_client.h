// service_client.h - WorkerService as plain blocking calls, one try each; files travel in pieces with their CRC32C.
//
// Thread safety: all methods, any thread. Every call is bounded in time and ends early, with kCancelled, when its stop
// token is triggered. Errors are the server's own; see call.h for what to do about them.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"
#include "normlab/v1/worker.grpc.pb.h"
#include "workers/spool.h"

namespace normlab::workers {

class ServiceClient {
 public:
  // `authorization` goes with every call, as Dial made it; empty: none.
  ServiceClient(const std::shared_ptr<grpc::ChannelInterface>& channel, std::string authorization);

  absl::StatusOr<v1::LeaseResponse> Lease(const v1::LeaseRequest& request, std::stop_token stop);
  absl::StatusOr<v1::StartResponse> Start(const v1::StartRequest& request, std::stop_token stop);
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(const v1::HeartbeatRequest& request,
                                                  std::chrono::milliseconds deadline, std::stop_token stop);
  absl::StatusOr<v1::AwaitOrderResponse> AwaitOrder(const v1::AwaitOrderRequest& request, std::stop_token stop);
  absl::Status AppendPoints(const v1::AppendPointsRequest& request, std::stop_token stop);
  // Files take as long as they take while pieces move; a call in which nothing has moved for long is kDeadlineExceeded.
  // `moved` is called for every piece.
  absl::Status PutCheckpoint(const v1::Attempt& attempt, std::uint64_t step, const SpoolFile& file,
                             const std::function<void()>& moved, std::stop_token stop);
  // Into an empty file. kDataLoss when what arrived is not what was announced.
  absl::Status GetCheckpoint(const v1::Attempt& attempt, SpoolFile& file, const std::function<void()>& moved,
                             std::stop_token stop);
  absl::Status PutArtifact(v1::PutArtifactRequest::Header header, const SpoolFile& file,
                           const std::function<void()>& moved, std::stop_token stop);
  absl::Status Finish(const v1::FinishRequest& request, std::stop_token stop);

 private:
  class Call;
  class Transfer;

  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  const std::string authorization_;
};

}  // namespace normlab::workers
