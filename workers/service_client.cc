#include "workers/service_client.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>
#include <grpcpp/client_context.h>

#include <utility>

#include "base/crc32c.h"
#include "workers/call.h"

namespace normlab::workers {
namespace {

using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;

constexpr std::size_t kPiece = 256 << 10;
constexpr milliseconds kUnary{20'000};  // a commit that waits for a slow disk is not an error

// A file may take a second per MiB before the call is given up and tried again.
milliseconds ForBytes(std::size_t bytes) { return milliseconds(30'000 + bytes / 1024); }

// Sends header and pieces; ends early when the server has answered already.
template <typename Request, typename Header>
void WriteFile(grpc::ClientWriter<Request>& writer, Header header, std::string_view bytes) {
  header.set_size(bytes.size());
  header.set_crc32c(Crc32c(bytes));
  Request request;
  *request.mutable_header() = std::move(header);
  bool open = writer.Write(request);
  for (std::size_t at = 0; open && at < bytes.size(); at += kPiece) {
    const std::string_view piece = bytes.substr(at, kPiece);
    request.set_data(piece.data(), piece.size());
    open = writer.Write(request);
  }
  writer.WritesDone();
}

absl::Status CheckFile(const v1::PutCheckpointRequest::Header& header, std::string_view bytes) {
  if (bytes.size() != header.size() || Crc32c(bytes) != header.crc32c()) {
    return absl::DataLossError(
        fmt::format("checkpoint of step {}: {} bytes with CRC32C {:08x} arrived; {} with {:08x} were announced",
                    header.step(), bytes.size(), Crc32c(bytes), header.size(), header.crc32c()));
  }
  return absl::OkStatus();
}

}  // namespace

// A client context whose call ends when `stop` is triggered.
class ServiceClient::Call {
 public:
  Call(const ServiceClient& client, milliseconds deadline, std::stop_token stop)
      : cancel_(std::move(stop), [this] { context_.TryCancel(); }) {
    context_.set_deadline(std::chrono::system_clock::now() + deadline);
    if (!client.authorization_.empty()) {
      context_.AddMetadata("authorization", client.authorization_);
    }
  }
  grpc::ClientContext* context() { return &context_; }

 private:
  grpc::ClientContext context_;
  std::stop_callback<std::function<void()>> cancel_;
};

ServiceClient::ServiceClient(const std::shared_ptr<grpc::ChannelInterface>& channel, std::string token)
    : stub_(v1::WorkerService::NewStub(channel)), authorization_(token.empty() ? "" : "Bearer " + token) {}

absl::StatusOr<v1::LeaseResponse> ServiceClient::Lease(const v1::LeaseRequest& request, std::stop_token stop) {
  Call call(*this, kUnary + milliseconds(TimeUtil::DurationToMilliseconds(request.wait())), std::move(stop));
  v1::LeaseResponse response;
  NORMLAB_RETURN_IF_ERROR(FromGrpc(stub_->Lease(call.context(), request, &response)));
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

absl::Status ServiceClient::PutCheckpoint(const v1::Attempt& attempt, std::uint64_t step, std::string_view bytes,
                                          std::stop_token stop) {
  Call call(*this, ForBytes(bytes.size()), std::move(stop));
  v1::PutCheckpointRequest::Header header;
  *header.mutable_attempt() = attempt;
  header.set_step(step);
  v1::PutCheckpointResponse response;
  const auto writer = stub_->PutCheckpoint(call.context(), &response);
  WriteFile(*writer, std::move(header), bytes);
  return FromGrpc(writer->Finish());
}

absl::StatusOr<std::string> ServiceClient::GetCheckpoint(const v1::Attempt& attempt, std::stop_token stop) {
  Call call(*this, milliseconds(120'000), std::move(stop));
  v1::GetCheckpointRequest request;
  *request.mutable_attempt() = attempt;
  const auto reader = stub_->GetCheckpoint(call.context(), request);
  v1::PutCheckpointRequest::Header header;
  v1::GetCheckpointResponse part;
  std::string bytes;
  while (reader->Read(&part)) {
    if (part.has_header()) {
      header = part.header();
    }
    bytes += part.data();
  }
  NORMLAB_RETURN_IF_ERROR(FromGrpc(reader->Finish()));
  NORMLAB_RETURN_IF_ERROR(CheckFile(header, bytes));
  return bytes;
}

absl::Status ServiceClient::PutArtifact(v1::PutArtifactRequest::Header header, std::string_view bytes,
                                        std::stop_token stop) {
  Call call(*this, ForBytes(bytes.size()), std::move(stop));
  v1::PutArtifactResponse response;
  const auto writer = stub_->PutArtifact(call.context(), &response);
  WriteFile(*writer, std::move(header), bytes);
  return FromGrpc(writer->Finish());
}

absl::Status ServiceClient::Finish(const v1::FinishRequest& request, std::stop_token stop) {
  Call call(*this, kUnary, std::move(stop));
  v1::FinishResponse response;
  return FromGrpc(stub_->Finish(call.context(), request, &response));
}

}  // namespace normlab::workers
