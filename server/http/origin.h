// origin.h - whether a request comes from our own page or a program, and not from another page in the user's browser.
//
// A browser sends whatever a page anywhere asks it to; what keeps a hostile page out is what the browser says beside:
// - Host, which is the name the user's page was loaded by. A name that its owner makes point here (DNS rebinding) is no
//   name of ours.
// - Origin and Sec-Fetch-Site, which say who asks. Another port of this machine counts as another page.
// Programs send neither of the two, and need a token like everybody.
//
// Thread safety: immutable after making; any thread.
#pragma once

#include <boost/beast/http/message.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "proto/transport/address.h"

namespace normlab::server::http {

class OriginPolicy {
 public:
  // Of a server that listens on this address and port.
  explicit OriginPolicy(const Loopback& loopback);

  // kPermissionDenied, with what is expected, for a request from elsewhere. A link from anywhere may open the page itself
  // (`opens_page`), which knows nothing yet.
  absl::Status Check(const boost::beast::http::request_header<>& header, bool opens_page) const;

 private:
  absl::Status CheckHost(const boost::beast::http::request_header<>& header) const;

  std::vector<std::string> hosts_;  // "127.0.0.1:7070"
};

}  // namespace normlab::server::http
