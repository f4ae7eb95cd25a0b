// service_client.h - WorkerService as plain blocking calls, one try each; files travel in pieces with their CRC32C.
//
// Thread safety: all methods, any thread. Every call has a deadline and ends early, with kCancelled, when its stop
// token is triggered. Errors are the server's own; see call.h for what to do about them.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"
#include "normlab/v1/worker.grpc.pb.h"

namespace normlab::workers {

class ServiceClient {
 public:
  // `token` goes with every call as a bearer token; empty: none.
  ServiceClient(const std::shared_ptr<grpc::ChannelInterface>& channel, std::string token);

  absl::StatusOr<v1::LeaseResponse> Lease(const v1::LeaseRequest& request, std::stop_token stop);
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(const v1::HeartbeatRequest& request,
                                                  std::chrono::milliseconds deadline, std::stop_token stop);
  absl::StatusOr<v1::AwaitOrderResponse> AwaitOrder(const v1::AwaitOrderRequest& request, std::stop_token stop);
  absl::Status AppendPoints(const v1::AppendPointsRequest& request, std::stop_token stop);
  absl::Status PutCheckpoint(const v1::Attempt& attempt, std::uint64_t step, std::string_view bytes,
                             std::stop_token stop);
  // kDataLoss when what arrived is not what was announced.
  absl::StatusOr<std::string> GetCheckpoint(const v1::Attempt& attempt, std::stop_token stop);
  absl::Status PutArtifact(v1::PutArtifactRequest::Header header, std::string_view bytes, std::stop_token stop);
  absl::Status Finish(const v1::FinishRequest& request, std::stop_token stop);

 private:
  class Call;

  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  const std::string authorization_;
};

}  // namespace normlab::workers
