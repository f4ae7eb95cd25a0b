#include "server/http/origin.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "server/edge/errors.h"
#include "server/http/limits.h"

namespace normlab::server::http {
namespace {

using boost::beast::http::field;
using Header = boost::beast::http::request_header<>;

constexpr char kFetchSite[] = "Sec-Fetch-Site";
constexpr char kFetchDest[] = "Sec-Fetch-Dest";
constexpr char kFetchMode[] = "Sec-Fetch-Mode";

std::string_view Of(const Header& header, boost::beast::string_view name) {
  const boost::beast::string_view value = header[name];
  return {value.data(), value.size()};
}

absl::Status Refused(std::string_view name, std::string_view value, std::string_view why) {
  return WithReason(absl::PermissionDeniedError(fmt::format("{}: {}: {}", name, OneLine(value, kMaxTold), why)),
                    "ORIGIN");
}

}  // namespace

OriginPolicy::OriginPolicy(const Loopback& loopback) {
  const std::string numeric = loopback.host == "::1" ? "[::1]" : loopback.host;
  for (const std::string& host : {numeric, std::string("localhost")}) {
    hosts_.push_back(fmt::format("{}:{}", host, loopback.port));
    if (loopback.port == 80) {  // which browsers leave out
      hosts_.push_back(host);
    }
  }
}

absl::Status OriginPolicy::CheckHost(const Header& header) const {
  const std::string_view host = Of(header, "Host");
  if (header.count(field::host) == 1 && std::find(hosts_.begin(), hosts_.end(), host) != hosts_.end()) {
    return absl::OkStatus();
  }
  return Refused("Host", host,
                 fmt::format("this server answers to {} alone; a tunnel needs the same port at both ends",
                             fmt::join(hosts_, ", ")));
}

absl::Status OriginPolicy::Check(const Header& header, bool opens_page) const {
  NORMLAB_RETURN_IF_ERROR(CheckHost(header));
  if (opens_page && Of(header, kFetchMode) == "navigate" && Of(header, kFetchDest) == "document") {
    return absl::OkStatus();
  }
  if (header.count(field::origin) > 0) {
    const std::string_view origin = Of(header, "Origin");
    const bool ours = std::any_of(hosts_.begin(), hosts_.end(),
                                  [origin](const std::string& host) { return origin == "http://" + host; });
    if (!ours || header.count(field::origin) > 1) {
      return Refused("Origin", origin, "only the page of this server may call it");
    }
  }
  const std::string_view site = Of(header, kFetchSite);
  if (header.count(kFetchSite) > 0 && site != "same-origin" && site != "none") {
    return Refused(kFetchSite, site, "only the page of this server may call it");
  }
  return absl::OkStatus();
}

}  // namespace normlab::server::http
