#include "workers/service_client.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "proto/transport/token.h"
#include "workers/call.h"
#include "workers/watchdog.h"

namespace normlab::workers {
namespace {

using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

constexpr std::size_t kPiece = 256 << 10;
constexpr milliseconds kUnary{20'000};  // a commit that waits for a slow disk is not an error

// How long nothing may move. The server answers a file once it is on disk, which may take a slow one a second for 16 MiB.
milliseconds IdleLimit(std::uint64_t bytes) { return milliseconds(120'000 + bytes / (16 << 10)); }

}  // namespace

// A client context whose call ends when `stop` is triggered.
class ServiceClient::Call {
 public:
  Call(const ServiceClient& client, std::optional<milliseconds> deadline, std::stop_token stop)
      : cancel_(std::move(stop), [this] { context_.TryCancel(); }) {
    if (deadline) {
      context_.set_deadline(std::chrono::system_clock::now() + *deadline);
    }
    if (!client.authorization_.empty()) {
      context_.AddMetadata(kAuthorization, client.authorization_);
    }
  }
  grpc::ClientContext* context() { return &context_; }

 private:
  grpc::ClientContext context_;
  std::stop_callback<std::function<void()>> cancel_;
};

// A call that moves a file of about `bytes`, and ends when nothing has moved for long.
class ServiceClient::Transfer {
 public:
  Transfer(const ServiceClient& client, std::uint64_t bytes, const std::function<void()>& moved, std::stop_token stop)
      : call_(client, std::nullopt, std::move(stop)), limit_(IdleLimit(bytes)), moved_(moved), idle_(limit_, [this] {
          stalled_ = true;
          call_.context()->TryCancel();
        }) {}
  grpc::ClientContext* context() { return call_.context(); }

  // Sends header and pieces; ends early when the server has answered already.
  template <typename Request, typename Header>
  absl::Status Send(grpc::ClientWriter<Request>& writer, Header header, const SpoolFile& file) {
    header.set_size(file.size());
    header.set_crc32c(file.crc32c());
    Request request;
    *request.mutable_header() = std::move(header);
    bool open = writer.Write(request);
    for (std::uint64_t at = 0; open && at < file.size(); at += kPiece) {
      std::string& piece = *request.mutable_data();
      piece.resize(std::min<std::uint64_t>(kPiece, file.size() - at));
      if (const absl::Status read = file.Read(at, piece).status(); !read.ok()) {
        context()->TryCancel();
        writer.Finish();
        return read;
      }
      open = writer.Write(request);
      Moved();
    }
    writer.WritesDone();
    return End(writer.Finish());
  }

  void Moved() {
    idle_.Moved();
    moved_();
  }
  absl::Status End(const grpc::Status& status) const {
    return stalled_ && !status.ok()
               ? absl::DeadlineExceededError(fmt::format("nothing moved for {} s", limit_.count() / 1000))
               : FromGrpc(status);
  }

 private:
  Call call_;
  const milliseconds limit_;
  const std::function<void()>& moved_;
  std::atomic<bool> stalled_{false};
  Watchdog idle_;  // last: uses the others
};

ServiceClient::ServiceClient(const std::shared_ptr<grpc::ChannelInterface>& channel, std::string authorization)
    : stub_(v1::WorkerService::NewStub(channel)), authorization_(std::move(authorization)) {}

absl::StatusOr<v1::LeaseResponse> ServiceClient::Lease(const v1::LeaseRequest& request, std::stop_token stop) {
  Call call(*this, kUnary + milliseconds(TimeUtil::DurationToMilliseconds(request.wait())), std::move(stop));
  v1::LeaseResponse response;
  NORMLAB_RETURN_IF_ERROR(FromGrpc(stub_->Lease(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::StartResponse> ServiceClient::Start(const v1::StartRequest& request, std::stop_token stop) {
  Call call(*this, kUnary, std::move(stop));
  v1::StartResponse response;
  NORMLAB_RETURN_IF_ERROR(FromGrpc(stub_->Start(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::HeartbeatResponse> ServiceClient::Heartbeat(const v1::HeartbeatRequest& request,
                                                               milliseconds deadline, std::stop_token stop) {
  Call call(*this, deadline, std::move(stop));
  v1::HeartbeatResponse response;
  NORMLAB_RETURN_IF_ERROR(FromGrpc(stub_->Heartbeat(call.context(), request, &response)));
  return response;
}

absl::StatusOr<v1::AwaitOrderResponse> ServiceClient::AwaitOrder(const v1::AwaitOrderRequest& request,
                                                                 std::stop_token stop) {
  Call call(*this, kUnary + milliseconds(TimeUtil::DurationToMilliseconds(request.wait())), std::move(stop));
  v1::AwaitOrderResponse response;
  NORMLAB_RETURN_IF_ERROR(FromGrpc(stub_->AwaitOrder(call.context(), request, &response)));
  return response;
}

absl::Status ServiceClient::AppendPoints(const v1::AppendPointsRequest& request, std::stop_token stop) {
  Call call(*this, kUnary, std::move(stop));
  v1::AppendPointsResponse response;
  return FromGrpc(stub_->AppendPoints(call.context(), request, &response));
}

absl::Status ServiceClient::PutCheckpoint(const v1::Attempt& attempt, std::uint64_t step, const SpoolFile& file,
                                          const std::function<void()>& moved, std::stop_token stop) {
  Transfer transfer(*this, file.size(), moved, std::move(stop));
  v1::PutCheckpointRequest::Header header;
  *header.mutable_attempt() = attempt;
  header.set_step(step);
  v1::PutCheckpointResponse response;
  const auto writer = stub_->PutCheckpoint(transfer.context(), &response);
  return transfer.Send(*writer, std::move(header), file);
}

absl::Status ServiceClient::GetCheckpoint(const v1::Attempt& attempt, SpoolFile& file,
                                          const std::function<void()>& moved, std::stop_token stop) {
  Transfer transfer(*this, 0, moved, std::move(stop));
  v1::GetCheckpointRequest request;
  *request.mutable_attempt() = attempt;
  const auto reader = stub_->GetCheckpoint(transfer.context(), request);
  v1::PutCheckpointRequest::Header header;
  v1::GetCheckpointResponse part;
  absl::Status kept;
  while (kept.ok() && reader->Read(&part)) {
    if (part.has_header()) {
      header = part.header();
    }
    kept = file.Append(part.data());
    transfer.Moved();
  }
  if (!kept.ok()) {
    transfer.context()->TryCancel();
    reader->Finish();
    return kept;
  }
  NORMLAB_RETURN_IF_ERROR(transfer.End(reader->Finish()));
  if (file.size() != header.size() || file.crc32c() != header.crc32c()) {
    return absl::DataLossError(
        fmt::format("checkpoint of step {}: {} bytes with CRC32C {:08x} arrived; {} with {:08x} were announced",
                    header.step(), file.size(), file.crc32c(), header.size(), header.crc32c()));
  }
  return absl::OkStatus();
}

absl::Status ServiceClient::PutArtifact(v1::PutArtifactRequest::Header header, const SpoolFile& file,
                                        const std::function<void()>& moved, std::stop_token stop) {
  Transfer transfer(*this, file.size(), moved, std::move(stop));
  v1::PutArtifactResponse response;
  const auto writer = stub_->PutArtifact(transfer.context(), &response);
  return transfer.Send(*writer, std::move(header), file);
}

absl::Status ServiceClient::Finish(const v1::FinishRequest& request, std::stop_token stop) {
  Call call(*this, kUnary, std::move(stop));
  v1::FinishResponse response;
  return FromGrpc(stub_->Finish(call.context(), request, &response));
}

}  // namespace normlab::workers
