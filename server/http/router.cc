#include "server/http/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/rfc7230.hpp>
#include <optional>

#include "base/text.h"
#include "server/edge/errors.h"
#include "server/http/limits.h"
#include "server/http/methods.h"
#include "server/http/openapi.h"

namespace normlab::server::http {
namespace {

using boost::beast::http::field;
using boost::beast::http::verb;
using google::protobuf::MethodDescriptor;
using Header = boost::beast::http::request_header<>;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kNdjson = "application/x-ndjson";
constexpr std::string_view kNoPage =
    "This normlabd was built without its page. Build it with Node.js at hand (apt-get install nodejs npm; "
    "tools/dev build), or call the API: /openapi.json describes it.\n";

std::string_view Text(boost::beast::string_view text) { return {text.data(), text.size()}; }

Answer NotFound(std::string_view path) {
  return ErrorAnswer(
      absl::NotFoundError(fmt::format("{}: nothing is here; a call is POST /v1/SERVICE/METHOD, such as "
                                      "/v1/JobService/ListJobs; /openapi.json lists all",
                                      OneLine(path, kMaxTold))));
}

Answer WrongVerb(const Header& header, std::string_view allowed) {
  Answer answer =
      ErrorAnswer(absl::UnimplementedError(fmt::format("{} is not served here; expected {}",
                                                       OneLine(Text(header.method_string()), kMaxTold), allowed)),
                  405);
  answer.headers.emplace_back("Allow", allowed);
  return answer;
}

// "application/json; charset=utf-8" is application/json; other charsets are not spoken.
bool IsType(const Header& header, std::string_view type) {
  std::string value(Text(header[field::content_type]));
  std::erase(value, ' ');
  std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return std::tolower(c); });
  return header.count(field::content_type) == 1 && (value == type || value == fmt::format("{};charset=utf-8", type));
}

// What is wrong with a request that ought to be a POST of `type`; absent: nothing.
std::optional<Answer> RefusePost(const Header& header, std::string_view type) {
  if (header.method() != verb::post) {
    return WrongVerb(header, "POST");
  }
  if (IsType(header, type)) {
    return std::nullopt;
  }
  return ErrorAnswer(absl::InvalidArgumentError(fmt::format(
                         "Content-Type: {}: expected {}", OneLine(Text(header[field::content_type]), kMaxTold), type)),
                     415);
}

bool TakesGzip(const Header& header) {
  for (const auto& coding : boost::beast::http::ext_list(header[field::accept_encoding])) {
    if (boost::beast::iequals(coding.first, "gzip")) {
      const auto weight = std::find_if(coding.second.begin(), coding.second.end(),
                                       [](const auto& parameter) { return parameter.first == "q"; });
      return weight == coding.second.end() || weight->second.find_first_of("123456789") != std::string::npos;
    }
  }
  return false;
}

Answer PageAnswer(const Header& header, const Page& page) {
  Answer answer{
      .content_type = std::string(page.media_type),
      .headers = {{"ETag", std::string(page.etag)}, {"Cache-Control", "no-cache"}, {"Vary", "Accept-Encoding"}}};
  if (Text(header[field::if_none_match]) == page.etag) {
    answer.status = 304;
    answer.content_type.clear();
  } else if (TakesGzip(header)) {
    answer.headers.emplace_back("Content-Encoding", "gzip");
    answer.body = page.gzip;
  } else {
    answer.body = page.content;
  }
  return answer;
}

}  // namespace

std::string Authorization(const Header& header) {
  return header.count(field::authorization) == 1 ? std::string(Text(header[field::authorization])) : "";
}

Router::Router(RouterParts parts) : parts_(std::move(parts)), origins_(parts_.loopback), openapi_(OpenApiDocument()) {}

Route Router::Find(const Header& header) const {
  const std::string_view target = Text(header.target());
  const std::string_view path = target.substr(0, target.find('?'));
  if (header.version() != 11) {
    return ErrorAnswer(absl::UnimplementedError("only HTTP/1.1 is spoken here"), 505);
  }
  const bool reads = header.method() == verb::get || header.method() == verb::head;
  if (const absl::Status origin = origins_.Check(header, reads && path == "/"); !origin.ok()) {
    return ErrorAnswer(origin);
  }
  if (target == "/session") {
    return FindSession(header);
  }
  if (path == "/metrics") {
    return FindMetrics(header);
  }
  for (const RestApi* api : parts_.apis) {
    if (api->Owns(path)) {
      return FindRest(header, *api, path, target.substr(std::min(target.size(), path.size() + 1)));
    }
  }
  return path.starts_with("/v1/") ? FindCall(header, target) : Route(FindFile(header, path));
}

Route Router::FindSession(const Header& header) const {
  std::optional<Answer> refusal = RefusePost(header, kJson);
  return refusal ? Route(*std::move(refusal)) : Route(OpenSession{});
}

Route Router::FindMetrics(const Header& header) const {
  if (header.method() != verb::get) {
    return WrongVerb(header, "GET");
  }
  if (const absl::Status known = parts_.identify(Authorization(header)); !known.ok()) {
    return ErrorAnswer(known);
  }
  return ReadMetrics{};
}

Route Router::FindCall(const Header& header, std::string_view path) const {
  const MethodDescriptor* method = FindMethod(path);
  if (method == nullptr) {
    return NotFound(path);
  }
  if (std::optional<Answer> refusal = RefusePost(header, method->client_streaming() ? kNdjson : kJson)) {
    return *std::move(refusal);
  }
  if (const absl::Status known = parts_.identify(Authorization(header)); !known.ok()) {
    return ErrorAnswer(known);
  }
  return method;
}

Route Router::FindRest(const Header& header, const RestApi& api, std::string_view path, std::string_view query) const {
  if (const absl::Status known = parts_.identify(Authorization(header)); !known.ok()) {
    return api.Error(ToGrpc(known));
  }
  absl::StatusOr<RestCall> call = api.Find(Text(header.method_string()), path, query);
  if (!call.ok()) {
    return api.Error(ToGrpc(call.status()));
  }
  // A form of a hostile page could send the other types a body may have.
  if (header.method() == verb::post && !call->method->client_streaming() && !IsType(header, kJson)) {
    return api.Error(
        ToGrpc(BadField("Content-Type", fmt::format("is {}; expected {}",
                                                    OneLine(Text(header[field::content_type]), kMaxTold), kJson))));
  }
  return RestRoute{.api = &api, .call = *std::move(call)};
}

Answer Router::FindFile(const Header& header, std::string_view path) const {
  const auto page =
      std::find_if(parts_.pages.begin(), parts_.pages.end(), [path](const Page& p) { return p.path == path; });
  const bool known = page != parts_.pages.end() || path == "/healthz" || path == "/openapi.json" || path == "/";
  if (!known) {
    return NotFound(path);
  }
  if (header.method() != verb::get && header.method() != verb::head) {
    return WrongVerb(header, "GET, HEAD");
  }
  if (page != parts_.pages.end()) {
    return PageAnswer(header, *page);
  }
  if (path == "/openapi.json") {
    return {.content_type = "application/json", .body = openapi_};
  }
  if (path == "/healthz") {
    return parts_.serving() ? Answer{.content_type = "text/plain", .body = "ok\n"}
                            : Answer{.status = 503, .content_type = "text/plain", .body = "not serving\n"};
  }
  return {.status = 404, .content_type = "text/plain; charset=utf-8", .body = std::string(kNoPage)};
}

}  // namespace normlab::server::http
