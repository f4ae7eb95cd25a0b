// calls.h - how the calls of client.h go out: deadlines, safe repetitions, streams, files in pieces, readable errors. Internal to
// client.cc: gRPC's generated code is all that costs much to compile here.
//
// Thread safety: all methods, any thread.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/crc32c.h"
#include "base/status.h"
#include "client/client.h"
#include "client/connection.h"

namespace normlab::client {

inline constexpr int kRenderSeconds = 60;  // a report reads every curve of a table

// What is sent is UTF-8: protobuf drops a request that is not, with a line of its own on stderr.
absl::Status CheckText(const google::protobuf::Message& request);

void SetDeadline(grpc::ClientContext& context, int seconds);

inline std::uint64_t SizeOf(const v1::ReadArtifactResponse::Header& header) { return header.artifact().size(); }
inline std::uint64_t SizeOf(const v1::ReadCheckpointResponse::Header& header) { return header.size(); }

// kDataLoss, for a file that is not what its header announced; `header_size` 0: there was none.
absl::Status Damaged(std::string_view what, std::uint64_t size, std::uint64_t header_size);

// A call whose every step has a deadline of its own: what one takes between them does not count.
class PieceCall {
 public:
  explicit PieceCall(std::chrono::milliseconds patience) : patience_(patience) {}
  ~PieceCall();
  PieceCall(const PieceCall&) = delete;
  PieceCall& operator=(const PieceCall&) = delete;

  grpc::ClientContext& context() { return context_; }
  grpc::CompletionQueue* queue() { return &queue_; }
  bool stalled() const { return stalled_; }

  // Waits for the step that was begun; false if it failed or took too long, which cancels the call.
  bool Step();

 private:
  const std::chrono::milliseconds patience_;
  bool stalled_ = false;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
};

// Checks a file while it passes.
template <typename Response>
class Incoming {
 public:
  explicit Incoming(const PieceSink& sink) : sink_(sink) {}

  absl::Status Take(const Response& part) {
    if (part.has_header()) {
      header_ = part.header();
    }
    size_ += part.data().size();
    crc32c_ = Crc32c(part.data(), crc32c_);
    return sink_(part.data());
  }

  absl::StatusOr<typename Response::Header> End(std::string_view what) const {
    if (!header_ || size_ != SizeOf(*header_) || crc32c_ != header_->crc32c()) {
      return Damaged(what, size_, header_ ? SizeOf(*header_) : 0);
    }
    return *header_;
  }

 private:
  const PieceSink& sink_;
  std::optional<typename Response::Header> header_;
  std::uint64_t size_ = 0;
  std::uint32_t crc32c_ = 0;
};

class Calls {
 public:
  Calls(Connection connection, std::stop_token stop, std::chrono::milliseconds piece_patience)
      : connection_(std::move(connection)), stop_(std::move(stop)), piece_patience_(piece_patience) {}

  const Connection& connection() const { return connection_; }
  const std::stop_token& stop() const { return stop_; }

  void Authorize(grpc::ClientContext& context) const;
  // A failure in words for the person who called.
  absl::Status Explain(const grpc::Status& status) const;

  // `attempts` in all, where the server was lost on the way.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(std::type_identity_t<Stub>& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request, int seconds, int attempts) const {
    NORMLAB_RETURN_IF_ERROR(CheckText(request));
    for (int attempt = 1;; ++attempt) {
      Response response;
      grpc::ClientContext context;
      SetDeadline(context, seconds);
      Authorize(context);
      const std::stop_callback cancel(stop_, [&context] { context.TryCancel(); });
      const grpc::Status status = (stub.*method)(&context, request, &response);
      if (status.ok()) {
        return response;
      }
      if (stop_.stop_requested()) {
        return absl::CancelledError("interrupted");
      }
      // A server that was reached and then lost may be restarting; worth another try with the same request id.
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE || attempt >= attempts) {
        return Explain(status);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(200 * attempt));
    }
  }

  // As Client::WatchJobs.
  template <typename Open, typename Message>
  absl::Status ReadStream(const Open& open, const std::function<bool(const Message&)>& on_message,
                          std::stop_token stop) const {
    grpc::ClientContext context;
    Authorize(context);
    const std::stop_callback cancel(stop_, [&context] { context.TryCancel(); });
    const std::stop_callback cancel_too(stop, [&context] { context.TryCancel(); });
    const auto reader = open(&context);
    Message message;
    bool wanted = true;
    while (wanted && reader->Read(&message)) {
      wanted = on_message(message);
    }
    if (!wanted) {
      context.TryCancel();
      reader->Finish();
      return absl::OkStatus();
    }
    const grpc::Status status = reader->Finish();
    if (status.ok()) {
      return absl::OkStatus();
    }
    return stop_.stop_requested() || stop.stop_requested() ? absl::CancelledError("interrupted") : Explain(status);
  }

  // A curve, table, figure or page that comes in pieces, as one.
  template <typename Response, typename Request, typename Open>
  absl::StatusOr<Response> ReadJoined(const Request& request, const Open& open) const {
    constexpr bool kHasContent = requires(Response response) { response.content(); };
    NORMLAB_RETURN_IF_ERROR(CheckText(request));
    Response whole;
    std::string content;
    const std::function<bool(const Response&)> join = [&](const Response& piece) {
      if constexpr (kHasContent) {
        content += piece.content();
      }
      whole.MergeFrom(piece);
      return true;
    };
    NORMLAB_RETURN_IF_ERROR(ReadStream(
        [&](grpc::ClientContext* context) {
          SetDeadline(*context, kRenderSeconds);
          return open(context);
        },
        join, {}));
    if constexpr (kHasContent) {
      whole.set_content(std::move(content));
    }
    return whole;
  }

  // A file that comes in pieces behind its header; `what` names it in errors.
  template <typename Response, typename Open>
  absl::StatusOr<typename Response::Header> ReadPieces(const Open& open, std::string_view what,
                                                       const PieceSink& sink) const {
    PieceCall call(piece_patience_);
    Authorize(call.context());
    const std::stop_callback cancel(stop_, [&call] { call.context().TryCancel(); });
    const auto reader = open(&call.context(), call.queue());
    Incoming<Response> file(sink);
    absl::Status taken;
    reader->StartCall(nullptr);
    if (call.Step()) {
      Response part;
      for (reader->Read(&part, nullptr); call.Step(); reader->Read(&part, nullptr)) {
        if (taken = file.Take(part); !taken.ok()) {
          call.context().TryCancel();
          break;
        }
      }
    }
    grpc::Status status;
    reader->Finish(&status, nullptr);
    call.Step();
    NORMLAB_RETURN_IF_ERROR(taken);
    NORMLAB_RETURN_IF_ERROR(CheckPieces(call, status, what));
    return file.End(what);
  }

  // The last message of a stream that says before how far it is.
  template <typename Response, typename Open>
  absl::StatusOr<Response> ReadLast(const Open& open, const Client::OnProgress& on_progress) const {
    Response last;
    const std::function<bool(const Response&)> take = [&](const Response& part) {
      if (part.has_progress()) {
        on_progress(part.progress());
      } else {
        last = part;
      }
      return true;
    };
    NORMLAB_RETURN_IF_ERROR(ReadStream(open, take, {}));
    return last;
  }

 private:
  // How the call of a file in pieces ended.
  absl::Status CheckPieces(const PieceCall& call, const grpc::Status& status, std::string_view what) const;

  const Connection connection_;
  const std::stop_token stop_;
  const std::chrono::milliseconds piece_patience_;
};

}  // namespace normlab::client
