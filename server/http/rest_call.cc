#include "server/http/rest_call.h"

#include <fmt/format.h>

#include <utility>

#include "server/edge/errors.h"
#include "server/http/router.h"

namespace normlab::server::http {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kData[] = "data";
constexpr char kLast[] = "last";

const FieldDescriptor* Field(const Message& message, const char* name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

class RestRun : public std::enable_shared_from_this<RestRun> {
 public:
  RestRun(std::shared_ptr<Connection> connection, const RestApi& api, RestCall call, Services& services)
      : connection_(std::move(connection)),
        api_(api),
        rest_(std::move(call)),
        call_(std::make_shared<Call>(services, *rest_.method, Authorization(connection_->header()),
                                     connection_->executor())),
        response_(NewMessage(rest_.method->output_type())) {}

  void Run() {
    connection_->OnGone([self = shared_from_this()] { self->Leave(); });
    if (rest_.method->client_streaming()) {
      connection_->BeginBody([self = shared_from_this()] {
        self->call_->Start([self](bool ok) { ok ? self->SendPath() : self->Finish(); });
      });
    } else {
      connection_->ReadBody(connection_->limits().body_bytes,
                            [self = shared_from_this()](const std::string& body) { self->SendWhole(body); });
    }
  }

 private:
  // ---- The request.

  void SendWhole(const std::string& body) {
    const std::uint64_t most = rest_.body_bytes;
    absl::Status read = most != 0 && body.size() > most
                            ? BadField("body", fmt::format("has {} bytes; expected at most {}", body.size(), most))
                            : absl::OkStatus();
    if (read.ok() && !body.empty()) {
      read = api_.ReadBody(body, *rest_.request);
    }
    if (!read.ok()) {
      call_->Cancel();
      connection_->Respond(api_.Error(ToGrpc(read)));
      return;
    }
    connection_->Watch();
    call_->Start([self = shared_from_this()](bool ok) {
      if (!ok) {
        self->Finish();
        return;
      }
      self->call_->Write(*self->rest_.request, /*last=*/true,
                         [self](bool sent) { sent ? self->Read() : self->Finish(); });
    });
  }

  void SendPath() {
    call_->Write(*rest_.request, /*last=*/false,
                 [self = shared_from_this()](bool ok) { ok ? self->SendPiece() : self->Finish(); });
  }

  void SendPiece() {
    connection_->ReadPiece([self = shared_from_this()](std::string_view piece, bool last) {
      Message& message = *self->rest_.request;
      message.Clear();
      message.GetReflection()->SetString(&message, Field(message, kData), std::string(piece));
      message.GetReflection()->SetBool(&message, Field(message, kLast), last);
      self->call_->Write(message, last, [self, last](bool ok) {
        if (!ok) {
          self->Finish();
        } else if (last) {
          self->connection_->Watch();
          self->Read();
        } else {
          self->SendPiece();
        }
      });
    });
  }

  // ---- The answer.

  void Read() {
    call_->Read([self = shared_from_this()](bool ok) {
      if (!self->left_) {
        ok ? self->OnMessage() : self->Finish();
      }
    });
  }

  void OnMessage() {
    absl::StatusOr<std::string> body = absl::InternalError("a service answered with something else than its message");
    if (call_->Take(*response_)) {
      body = rest_.method->server_streaming()
                 ? response_->GetReflection()->GetString(*response_, Field(*response_, kData))
                 : api_.WriteBody(*response_);
    }
    if (!body.ok()) {
      call_->Cancel();
      OnStatus(ToGrpc(body.status()));
    } else if (rest_.method->server_streaming()) {
      Forward(*body);
    } else {
      body_ = *std::move(body);
      Finish();
    }
  }

  void Forward(std::string_view piece) {
    if (piece.empty()) {
      Read();  // an empty chunk would end the answer
      return;
    }
    if (!std::exchange(begun_, true)) {
      connection_->Begin(kBytes);
    }
    connection_->Write(piece, [self = shared_from_this()] { self->Read(); });
  }

  void Finish() {
    call_->Finish([self = shared_from_this()](const grpc::Status& status) {
      if (!self->left_) {
        self->OnStatus(status);
      }
    });
  }

  void OnStatus(const grpc::Status& status) {
    if (!status.ok()) {
      // Of an answer that has begun the end is left out, by which its reader knows.
      begun_ ? connection_->Close() : connection_->Respond(api_.Error(status));
    } else if (begun_) {
      connection_->End();
    } else if (rest_.method->server_streaming()) {
      connection_->Respond({.content_type = kBytes});
    } else {
      connection_->Respond({.content_type = "application/json", .body = std::move(body_)});
    }
  }

  void Leave() {
    left_ = true;
    call_->Cancel();
  }

  static constexpr char kBytes[] = "application/octet-stream";

  const std::shared_ptr<Connection> connection_;
  const RestApi& api_;
  const RestCall rest_;
  const std::shared_ptr<Call> call_;
  const std::unique_ptr<Message> response_;
  std::string body_;
  bool begun_ = false;  // the answer, in pieces
  bool left_ = false;   // the caller has
};

}  // namespace

void RunRestCall(std::shared_ptr<Connection> connection, const RestApi& api, RestCall call, Services& services) {
  std::make_shared<RestRun>(std::move(connection), api, std::move(call), services)->Run();
}

}  // namespace normlab::server::http
