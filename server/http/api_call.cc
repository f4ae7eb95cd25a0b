#include "server/http/api_call.h"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "server/edge/errors.h"
#include "server/http/json.h"
#include "server/http/router.h"

namespace normlab::server::http {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr std::chrono::seconds kFirstHeartbeat{1};  // so that a reader soon knows that his stream has begun

class ApiCall : public std::enable_shared_from_this<ApiCall> {
 public:
  ApiCall(std::shared_ptr<Connection> connection, const MethodDescriptor& method, Services& services, Render render)
      : connection_(std::move(connection)),
        method_(method),
        render_(std::move(render)),
        call_(std::make_shared<Call>(services, method, Authorization(connection_->header()), connection_->executor())),
        request_(NewMessage(method.input_type())),
        response_(NewMessage(method.output_type())),
        heartbeat_(connection_->executor()) {}

  void Run() {
    connection_->OnGone([self = shared_from_this()] { self->Leave(); });
    if (render_) {
      SendRequest();
    } else if (method_.client_streaming()) {
      connection_->BeginBody([self = shared_from_this()] {
        self->call_->Start([self](bool ok) { ok ? self->ReadLines() : self->Finish(); });
      });
    } else {
      connection_->ReadBody(connection_->limits().body_bytes,
                            [self = shared_from_this()](const std::string& body) { self->SendWhole(body); });
    }
  }

 private:
  // ---- The request.

  void SendWhole(const std::string& body) {
    const absl::Status read = ReadJson(body, "", *request_);
    if (!read.ok()) {
      Refuse(read);
      return;
    }
    SendRequest();
  }

  void SendRequest() {
    connection_->Watch();
    call_->Start([self = shared_from_this()](bool ok) {
      if (!ok) {
        self->Finish();
        return;
      }
      self->call_->Write(*self->request_, /*last=*/true, [self](bool sent) {
        self->StartHeartbeat();
        sent ? self->Read() : self->Finish();
      });
    });
  }

  // Takes one line after the other from what was received, and more when there is none.
  void ReadLines() {
    const std::size_t end = text_.find('\n', searched_);
    if (end != std::string::npos) {
      const std::string line = text_.substr(0, end);
      text_.erase(0, end + 1);
      searched_ = 0;
      SendLine(line);
    } else if (text_.size() > connection_->limits().body_bytes) {
      Refuse(BadField(fmt::format("line {}", line_ + 1),
                      fmt::format("is longer than {} bytes", connection_->limits().body_bytes)));
    } else if (read_) {
      text_.empty() ? EndLines() : SendLine(std::exchange(text_, std::string()));
    } else {
      searched_ = text_.size();
      connection_->ReadPiece([self = shared_from_this()](std::string_view piece, bool last) {
        self->text_ += piece;
        self->read_ = last;
        self->ReadLines();
      });
    }
  }

  void SendLine(const std::string& line) {
    ++line_;
    request_->Clear();
    if (const absl::Status read = ReadJson(line, fmt::format("line {}", line_), *request_); !read.ok()) {
      Refuse(read);
      return;
    }
    call_->Write(*request_, /*last=*/false,
                 [self = shared_from_this()](bool ok) { ok ? self->ReadLines() : self->Finish(); });
  }

  void EndLines() {
    connection_->Watch();
    call_->WritesDone([self = shared_from_this()](bool ok) { ok ? self->Read() : self->Finish(); });
  }

  // The request itself is wrong: no service hears of it, or no more of it.
  void Refuse(const absl::Status& why) {
    call_->Cancel();
    connection_->Respond(ErrorAnswer(why));
  }

  // ---- The answer.

  void Read() {
    call_->Read([self = shared_from_this()](bool ok) {
      if (self->left_) {
        return;
      }
      ok ? self->OnMessage() : self->Finish();
    });
  }

  void OnMessage() {
    absl::StatusOr<std::string> json = absl::InternalError("a service answered with something else than its message");
    if (call_->Take(*response_)) {
      if (render_) {
        answer_ = render_(*response_);
        Finish();
        return;
      }
      json = WriteJson(*response_);
    }
    if (!json.ok()) {
      call_->Cancel();
      OnStatus(ToGrpc(json.status()));
    } else if (method_.server_streaming()) {
      event_ = fmt::format("data: {}\n\n", *json);
      SendEvent(Next::kMessage);
    } else {
      answer_ = {.content_type = "application/json", .body = *std::move(json)};
      Finish();
    }
  }

  void Finish() {
    call_->Finish([self = shared_from_this()](const grpc::Status& status) {
      if (!self->left_) {
        self->OnStatus(status);
      }
    });
  }

  void OnStatus(const grpc::Status& status) {
    ended_ = true;
    heartbeat_.cancel();
    if (method_.server_streaming() && (begun_ || status.ok())) {
      event_ = status.ok() ? "event: end\ndata: {}\n\n" : fmt::format("event: error\ndata: {}\n\n", ErrorJson(status));
      SendEvent(Next::kEnd);
    } else if (!status.ok()) {
      connection_->Respond(ErrorAnswer(status));
    } else {
      connection_->Respond(answer_);
    }
  }

  // ---- Events, one on its way at a time.

  enum class Next { kNothing, kMessage, kEnd };  // once an event is sent

  // Sends event_, after the heartbeat that is on its way.
  void SendEvent(Next next) {
    next_ = next;
    if (std::exchange(writing_, true)) {
      return;
    }
    if (!std::exchange(begun_, true)) {
      connection_->Begin("text/event-stream");
    }
    connection_->Write(std::exchange(event_, std::string()), [self = shared_from_this()] { self->EventSent(); });
  }

  void EventSent() {
    writing_ = false;
    if (!event_.empty()) {
      SendEvent(next_);
      return;
    }
    switch (std::exchange(next_, Next::kNothing)) {
      case Next::kMessage:
        Read();
        break;
      case Next::kEnd:
        connection_->End();
        break;
      case Next::kNothing:
        break;
    }
  }

  void StartHeartbeat() {
    if (method_.server_streaming()) {
      heartbeat_.expires_after(begun_ ? connection_->limits().heartbeat : kFirstHeartbeat);
      heartbeat_.async_wait([weak = weak_from_this()](beast::error_code error) {
        const auto self = weak.lock();
        if (error || self == nullptr || self->ended_ || self->left_) {
          return;
        }
        if (!self->writing_) {
          self->event_ = ": waiting\n\n";
          self->SendEvent(Next::kNothing);
        }
        self->StartHeartbeat();
      });
    }
  }

  void Leave() {
    left_ = true;
    heartbeat_.cancel();
    call_->Cancel();
  }

  const std::shared_ptr<Connection> connection_;
  const MethodDescriptor& method_;
  const Render render_;
  const std::shared_ptr<Call> call_;
  const std::unique_ptr<Message> request_;
  const std::unique_ptr<Message> response_;
  asio::steady_timer heartbeat_;
  std::string text_;          // what is left of lines received
  Answer answer_;             // of a call without a stream
  std::size_t searched_ = 0;  // bytes of text_ that hold no end of a line
  int line_ = 0;
  bool read_ = false;  // the whole request
  std::string event_;  // that waits to be sent
  Next next_ = Next::kNothing;
  bool writing_ = false;
  bool begun_ = false;  // the stream has
  bool ended_ = false;  // the call has
  bool left_ = false;   // the caller has
};

}  // namespace

void RunApiCall(std::shared_ptr<Connection> connection, const MethodDescriptor& method, Services& services,
                Render render) {
  std::make_shared<ApiCall>(std::move(connection), method, services, std::move(render))->Run();
}

}  // namespace normlab::server::http
