#include "server/http/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <limits>
#include <utility>

namespace normlab::server::http {
namespace {

constexpr std::size_t kBuffer = 64 << 10;  // of what is received and not looked at yet
constexpr std::size_t kPiece = 64 << 10;   // of a body

// What every answer says: this page and nobody else may use it, as what it is and nothing else; it loads nothing from
// elsewhere, runs no code that stands in a page, and is shown in no frame.
constexpr std::string_view kCommonHeaders =
    "Server: normlabd\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

std::string StatusLine(int status) {
  const auto known = beast::http::int_to_status(static_cast<unsigned>(status));
  const beast::string_view reason = beast::http::obsolete_reason(known);
  return fmt::format("HTTP/1.1 {} {}\r\n", status, std::string_view(reason.data(), reason.size()));
}

std::string Whole(const Answer& answer, bool with_body, bool last) {
  std::string text = StatusLine(answer.status);
  text += kCommonHeaders;
  bool cached = false;
  for (const auto& [name, value] : answer.headers) {
    text += fmt::format("{}: {}\r\n", name, value);
    cached = cached || name == "Cache-Control";
  }
  text += cached ? "" : "Cache-Control: no-store\r\n";
  text += answer.content_type.empty() ? "" : fmt::format("Content-Type: {}\r\n", answer.content_type);
  text += answer.status == 304 ? "" : fmt::format("Content-Length: {}\r\n", answer.body.size());
  text += last ? "Connection: close\r\n\r\n" : "\r\n";
  return with_body ? text + answer.body : text;
}

// Why a request that could not be read is refused; absent for a connection that just ended.
std::optional<Answer> Refusal(beast::error_code why, const Limits& limits) {
  using Error = beast::http::error;
  if (why == Error::header_limit || why == Error::buffer_overflow) {
    return ErrorAnswer(
        absl::ResourceExhaustedError(fmt::format("the request's header is longer than {} bytes", limits.header_bytes)),
        431);
  }
  const bool ended = why == Error::end_of_stream || why == Error::partial_message;
  if (why.category() == make_error_code(Error::bad_method).category() && !ended) {
    return ErrorAnswer(absl::InvalidArgumentError(fmt::format("this is no HTTP/1.1 request: {}", why.message())));
  }
  return std::nullopt;
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, const Limits& limits, const Handler& handler,
                       std::shared_ptr<void> place)
    : stream_(std::move(socket)), limits_(limits), handler_(handler), place_(std::move(place)), buffer_(kBuffer) {}

void Connection::Start() {
  asio::dispatch(executor(), [self = shared_from_this()] { self->AwaitRequest(); });
}

void Connection::Finish() {
  asio::dispatch(executor(), [self = shared_from_this()] {
    self->last_ = true;
    if (!self->answering_) {
      self->Close();
    }
  });
}

void Connection::Close() {
  asio::dispatch(executor(), [self = shared_from_this()] {
    beast::error_code ignored;
    self->stream_.socket().close(ignored);
    self->Gone();
  });
}

void Connection::AwaitRequest() {
  answering_ = false;
  gone_ = nullptr;
  if (last_) {
    Close();
    return;
  }
  parser_.emplace();
  parser_->header_limit(limits_.header_bytes);
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());  // ReadBody has its own
  if (buffer_.size() > 0) {                                        // the next one came along with the last
    ReadHeader();
    return;
  }
  stream_.expires_after(limits_.idle);
  stream_.async_read_some(buffer_.prepare(limits_.header_bytes),
                          [self = shared_from_this()](beast::error_code error, std::size_t bytes) {
                            self->buffer_.commit(bytes);
                            if (error) {
                              self->Close();
                            } else {
                              self->ReadHeader();
                            }
                          });
}

void Connection::ReadHeader() {
  stream_.expires_after(limits_.header);
  beast::http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](beast::error_code error, std::size_t) { self->OnHeader(error); });
}

void Connection::OnHeader(beast::error_code error) {
  answering_ = true;
  if (!error) {
    last_ = last_ || !parser_->keep_alive();
    handler_(shared_from_this());
  } else if (const std::optional<Answer> refusal = Refusal(error, limits_)) {
    last_ = true;
    Respond(*refusal);
  } else {
    Close();
  }
}

void Connection::BeginBody(std::function<void()> then) {
  const beast::string_view expect = header()[beast::http::field::expect];
  if (parser_->is_done() || !beast::iequals(expect, "100-continue")) {
    then();
    return;
  }
  out_ = "HTTP/1.1 100 Continue\r\n\r\n";
  Send(std::move(then));
}

void Connection::ReadBody(std::size_t at_most, OnBody then) {
  if (parser_->content_length().value_or(0) > at_most) {
    RefuseBody(at_most);
    return;
  }
  BeginBody([self = shared_from_this(), at_most, then = std::move(then)] {
    self->stream_.expires_after(self->limits_.body);
    self->CollectBody("", at_most, then);
  });
}

void Connection::CollectBody(std::string body, std::size_t at_most, OnBody then) {
  ReadSome([self = shared_from_this(), body = std::move(body), at_most, then = std::move(then)](std::string_view piece,
                                                                                                bool last) mutable {
    body += piece;
    if (body.size() > at_most) {
      self->RefuseBody(at_most);
    } else if (last) {
      then(std::move(body));
    } else {
      self->CollectBody(std::move(body), at_most, std::move(then));
    }
  });
}

void Connection::RefuseBody(std::size_t at_most) {
  last_ = true;
  Gone();
  Respond(ErrorAnswer(absl::ResourceExhaustedError(fmt::format("the request's body is longer than {} bytes", at_most)),
                      413));
}

void Connection::ReadPiece(OnPiece then) {
  stream_.expires_after(limits_.body);
  ReadSome(std::move(then));
}

void Connection::ReadSome(OnPiece then) {
  if (parser_->is_done()) {
    then(std::string_view(), true);
    return;
  }
  piece_.resize(kPiece);
  parser_->get().body().data = piece_.data();
  parser_->get().body().size = piece_.size();
  beast::http::async_read_some(
      stream_, buffer_, *parser_,
      [self = shared_from_this(), then = std::move(then)](beast::error_code error, std::size_t) mutable {
        const std::size_t size = self->piece_.size() - self->parser_->get().body().size;
        if (!error || error == beast::http::error::need_buffer) {
          then(std::string_view(self->piece_).substr(0, size), self->parser_->is_done());
        } else if (const std::optional<Answer> refusal = Refusal(error, self->limits_)) {
          self->last_ = true;
          self->Gone();
          self->Respond(*refusal);
        } else {
          self->Close();
        }
      });
}

// A socket that becomes readable has the next request, whose sender is still there, or has ended.
void Connection::Watch() {
  if (std::exchange(watching_, true)) {
    return;
  }
  stream_.socket().async_wait(asio::socket_base::wait_read, [self = shared_from_this()](beast::error_code error) {
    self->watching_ = false;
    char byte = 0;
    if (!error && self->answering_ &&
        ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
      self->Close();
    }
  });
}

void Connection::Gone() {
  if (const auto gone = std::exchange(gone_, nullptr)) {
    gone();
  }
}

void Connection::Respond(const Answer& answer) {
  gone_ = nullptr;
  const bool unread = !parser_->is_done();  // what is left of the body cannot be told from the next request
  last_ = last_ || unread;
  out_ = Whole(answer, header().method() != beast::http::verb::head, last_);
  Send([self = shared_from_this(), unread] { unread ? self->Linger() : self->AwaitRequest(); });
}

void Connection::Begin(std::string_view content_type) {
  out_ = StatusLine(200);
  out_ += kCommonHeaders;
  out_ +=
      fmt::format("Cache-Control: no-store\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n", content_type);
}

void Connection::Write(std::string_view piece, std::function<void()> then) {
  out_ += fmt::format("{:x}\r\n", piece.size());
  out_ += piece;
  out_ += "\r\n";
  Send(std::move(then));
}

void Connection::End() {
  gone_ = nullptr;
  out_ += "0\r\n\r\n";
  Send([self = shared_from_this()] { self->AwaitRequest(); });
}

void Connection::Send(std::function<void()> then) {
  stream_.expires_after(limits_.write);
  asio::async_write(stream_, asio::buffer(out_),
                    [self = shared_from_this(), then = std::move(then)](beast::error_code error, std::size_t) {
                      self->out_.clear();
                      if (error) {
                        self->Close();
                      } else {
                        then();
                      }
                    });
}

// Closing a socket with bytes unread resets it, and the caller might never see his answer: what he still sends is dropped
// until he stops, but not for long.
void Connection::Linger() {
  beast::error_code ignored;
  stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  stream_.expires_after(limits_.linger);
  piece_.resize(kPiece);
  DropRest();
}

void Connection::DropRest() {
  stream_.async_read_some(asio::buffer(piece_), [self = shared_from_this()](beast::error_code error, std::size_t) {
    if (error) {
      self->Close();
    } else {
      self->DropRest();
    }
  });
}

}  // namespace normlab::server::http
