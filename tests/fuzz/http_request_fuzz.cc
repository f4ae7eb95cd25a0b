// What stands at the HTTP port's end of the wire: any bytes as a request, up to the message that a service would get.
#include <google/protobuf/message.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <memory>

#include "server/http/json.h"
#include "server/http/router.h"
#include "server/http/sessions.h"
#include "tests/fuzz/require.h"

namespace normlab::server::http {
namespace {

constexpr Page kPages[] = {{"/", "text/html", "\"e\"", "page", "zip"}};

const Router& TestRouter() {
  static const Router router({.loopback = {.host = "127.0.0.1", .port = 80},
                              .pages = kPages,
                              .apis = {},
                              .identify = [](std::string_view) { return absl::OkStatus(); },
                              .serving = [] { return true; }});
  return router;
}

// What is a message is written as JSON that is the same message.
void ReadMessage(const google::protobuf::MethodDescriptor& method, const std::string& body) {
  const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input_type());
  const std::unique_ptr<google::protobuf::Message> message(prototype->New()), again(prototype->New());
  if (ReadJson(body, "", *message).ok()) {
    const absl::StatusOr<std::string> json = WriteJson(*message);
    Require(json.ok() && ReadJson(*json, "", *again).ok() && WriteJson(*again).value() == *json);
  }
}

void Request(const std::uint8_t* data, std::size_t size) {
  boost::beast::http::request_parser<boost::beast::http::string_body> parser;
  parser.header_limit(8 << 10);
  parser.body_limit(64 << 10);
  parser.eager(true);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(data, size), error);
  if (!parser.is_header_done()) {
    return;
  }
  const Route route = TestRouter().Find(parser.get());
  if (const auto* answer = std::get_if<Answer>(&route)) {
    Require(answer->status >= 200 && answer->status < 600);
    for (const auto& [name, value] : answer->headers) {
      Require(value.find_first_of("\r\n") == std::string::npos);
    }
  } else if (std::holds_alternative<OpenSession>(route)) {
    static Sessions sessions([] { return std::string(64, 'a'); });
    Require(sessions.Exchange(parser.get().body()).status != 200);
  } else {
    ReadMessage(*std::get<const google::protobuf::MethodDescriptor*>(route), parser.get().body());
  }
}

}  // namespace
}  // namespace normlab::server::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  normlab::server::http::Request(data, size);
  return 0;
}
