#include "client/calls.h"

#include <fmt/format.h>

#include "client/error.h"
#include "client/reach.h"
#include "proto/check_text.h"
#include "proto/transport/token.h"

namespace normlab::client {

absl::Status CheckText(const google::protobuf::Message& request) {
  const auto bad = FindBadText(request);
  return bad ? InvalidFields({*bad}) : absl::OkStatus();
}

void SetDeadline(grpc::ClientContext& context, int seconds) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
}

absl::Status Damaged(std::string_view what, std::uint64_t size, std::uint64_t header_size) {
  return absl::DataLossError(fmt::format("{} arrived damaged ({} of {} bytes); try again", what, size, header_size));
}

PieceCall::~PieceCall() {
  queue_.Shutdown();
  void* tag;
  for (bool ok; queue_.Next(&tag, &ok);) {
  }
}

bool PieceCall::Step() {
  void* tag;
  bool ok = false;
  if (queue_.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + patience_) ==
      grpc::CompletionQueue::NextStatus::TIMEOUT) {
    stalled_ = true;
    context_.TryCancel();
    queue_.Next(&tag, &ok);
    return false;
  }
  return ok;
}

void Calls::Authorize(grpc::ClientContext& context) const {
  if (!connection_.authorization.empty()) {
    context.AddMetadata(kAuthorization, connection_.authorization);
  }
}

absl::Status Calls::Explain(const grpc::Status& status) const {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      if (connection_.channel->GetState(false) == GRPC_CHANNEL_READY) {
        return OfServer(absl::UnavailableError(
            fmt::format("the server at {} cannot answer now: {}", connection_.describe, status.error_message())));
      }
      return NoServer(connection_.endpoint);
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return OfServer(absl::DeadlineExceededError(fmt::format(
          "the server at {} did not answer in time; it may be overloaded, try again", connection_.describe)));
    case grpc::StatusCode::UNAUTHENTICATED:
      return OfServer(absl::UnauthenticatedError(fmt::format("the server at {} wants its token: --token-file FILE ({})",
                                                             connection_.describe, status.error_message())));
    case grpc::StatusCode::PERMISSION_DENIED:
      return OfServer(absl::PermissionDeniedError(
          fmt::format("the server at {} refuses this: {}", connection_.describe, status.error_message())));
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::UnimplementedError(
          fmt::format("the server at {} does not know this call; is it an older version?", connection_.describe));
    default:
      return FromGrpc(status);
  }
}

absl::Status Calls::CheckPieces(const PieceCall& call, const grpc::Status& status, std::string_view what) const {
  if (call.stalled()) {
    return OfServer(
        absl::DeadlineExceededError(fmt::format("the server at {} sent nothing of {} for {} s; try again",
                                                connection_.describe, what, piece_patience_.count() / 1000.0)));
  }
  if (!status.ok()) {
    return stop_.stop_requested() ? absl::CancelledError("interrupted") : Explain(status);
  }
  return absl::OkStatus();
}

}  // namespace normlab::client
