// access.h - who may call: everyone who can open the Unix socket, and whoever shows the token on a loopback port.
//
// The token is 256 random bits in a file of mode 0600. The server keeps only its SHA-256, so a memory dump or a log
// never shows it.
//
// Thread safety: Access is immutable after making; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "server/edge/caller.h"

namespace normlab::server {

class Access {
 public:
  // `token`: what callers on TCP must show; empty: nobody on TCP may call.
  explicit Access(std::string_view token);

  // `peer` is gRPC's name of the caller ("unix:", "ipv4:127.0.0.1:4711"), `authorization` the value of that metadata
  // entry. kUnauthenticated unless the caller came through the Unix socket or shows the token.
  absl::StatusOr<Principal> Identify(std::string_view peer, std::string_view authorization) const;

 private:
  std::string token_sha256_;  // empty: no token
};

}  // namespace normlab::server
