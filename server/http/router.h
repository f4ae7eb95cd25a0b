// router.h - what a request gets, from its header alone: an answer at once, or the method that it calls.
//
//   POST /v1/SERVICE/METHOD        a call; needs a token
//   POST /session                  a one-time code for a token
//   GET  /, /assets/*              the page
//   what a RestApi owns            a call of that API; needs a token
//   GET  /openapi.json             what there is to call
//   GET  /healthz                  whether calls are served
//   GET  /metrics                  how the server is, as Prometheus reads it; needs a token
//
// Thread safety: immutable after making; any thread.
#pragma once

#include <google/protobuf/descriptor.h>

#include <boost/beast/http/message.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/http/answer.h"
#include "server/http/origin.h"
#include "server/http/pages.h"
#include "server/http/rest_api.h"

namespace normlab::server::http {

struct RouterParts {
  Loopback loopback;  // that is listened on
  std::span<const Page> pages;
  std::vector<const RestApi*> apis;
  // OK for the value of an Authorization header that shows a token of this server.
  std::function<absl::Status(std::string_view authorization)> identify;
  std::function<bool()> serving;  // false: calls are refused
};

struct OpenSession {};  // POST /session: its body has the code of a link
struct ReadMetrics {};  // GET /metrics
struct RestRoute {
  const RestApi* api;
  RestCall call;
};
using Route = std::variant<Answer, OpenSession, ReadMetrics, RestRoute, const google::protobuf::MethodDescriptor*>;

class Router {
 public:
  explicit Router(RouterParts parts);

  Route Find(const boost::beast::http::request_header<>& header) const;

 private:
  Route FindSession(const boost::beast::http::request_header<>& header) const;
  Route FindMetrics(const boost::beast::http::request_header<>& header) const;
  Route FindCall(const boost::beast::http::request_header<>& header, std::string_view path) const;
  Route FindRest(const boost::beast::http::request_header<>& header, const RestApi& api, std::string_view path,
                 std::string_view query) const;
  Answer FindFile(const boost::beast::http::request_header<>& header, std::string_view path) const;

  const RouterParts parts_;
  const OriginPolicy origins_;
  const std::string openapi_;
};

// The value of a request's Authorization header; empty: it has none, or several.
std::string Authorization(const boost::beast::http::request_header<>& header);

}  // namespace normlab::server::http
