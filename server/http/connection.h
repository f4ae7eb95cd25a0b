// connection.h - HTTP/1.1 on one socket: reads requests one after the other, hands each to the site, writes its answer.
//
// A request is read no further than its header until its handler asks for the body, piece by piece, and an answer is
// written piece by piece: whatever is long waits where it comes from, and takes no memory here. Every wait ends after the
// time that Limits gives it. While an answer is not begun the socket is watched, so that a caller who leaves is noticed.
//
// Threads: everything of a connection runs on its strand, calls to it as well as what it calls.
#pragma once

#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/answer.h"
#include "server/http/limits.h"

namespace normlab::server::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

using Header = beast::http::request_header<>;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Called with each request whose header is read; it must see to an answer in the end.
  using Handler = std::function<void(const std::shared_ptr<Connection>&)>;
  // The next piece of a body, which may be empty; `last`: there is no more.
  using OnPiece = std::function<void(std::string_view piece, bool last)>;

  using OnBody = std::function<void(std::string body)>;

  // `place` is held as long as the connection lives.
  Connection(asio::ip::tcp::socket socket, const Limits& limits, const Handler& handler, std::shared_ptr<void> place);

  // From any thread.
  void Start();
  // Closes when the answer under way is written, at once if there is none. From any thread.
  void Finish();
  // Closes now. From any thread.
  void Close();

  const Limits& limits() const { return limits_; }
  const Header& header() const { return parser_->get(); }
  asio::any_io_executor executor() { return stream_.get_executor(); }

  // `gone` is called, once at most, if the caller leaves, or is refused by the connection itself, before his answer is
  // whole. Nothing that was asked for is called back then.
  void OnGone(std::function<void()> gone) { gone_ = std::move(gone); }

  // The whole body; one of more bytes is refused.
  void ReadBody(std::size_t at_most, OnBody then);
  // A body of any length: begun once, then piece by piece. Begun, callers who wait to be asked for it ("Expect:
  // 100-continue") send it.
  void BeginBody(std::function<void()> then);
  void ReadPiece(OnPiece then);
  // Notices from now on that a caller leaves. To be called when the body is read.
  void Watch();

  // A whole answer.
  void Respond(const Answer& answer);
  // One in pieces: Begin, then Write, each after `then` of the one before, then End.
  void Begin(std::string_view content_type);
  void Write(std::string_view piece, std::function<void()> then);
  void End();

 private:
  void AwaitRequest();
  void ReadHeader();
  void OnHeader(beast::error_code error);
  void ReadSome(OnPiece then);
  void CollectBody(std::string body, std::size_t at_most, OnBody then);
  void RefuseBody(std::size_t at_most);
  void Send(std::function<void()> then);
  void Gone();
  void Linger();
  void DropRest();

  beast::tcp_stream stream_;
  const Limits limits_;
  const Handler& handler_;
  const std::shared_ptr<void> place_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::buffer_body>> parser_;
  std::string piece_;  // of a body, while it is read
  std::string out_;    // on its way
  std::function<void()> gone_;
  bool answering_ = false;
  bool watching_ = false;  // a wait on the socket is under way
  bool last_ = false;      // closes after this answer
};

}  // namespace normlab::server::http
