// access.h - who calls: the user, who can open the Unix socket; a worker that shows what its launcher gave it; or whoever
// shows a role's token, or one that was made for him.
//
// The server keeps only the SHA-256 of tokens, so a memory dump or a log never shows one.
//
// Thread safety: any thread. Borrows the secrets and the tokens.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "server/edge/caller.h"
#include "server/edge/issued_tokens.h"
#include "server/edge/secrets.h"

namespace normlab::server {

// The Unix socket's caller if he is a process that this server started: a worker, which the socket's mode does not keep out.
inline constexpr std::string_view kChildPeer = "child";

class Access {
 public:
  // One token for each role that has one. `issued`: null: none were.
  Access(const std::map<Role, std::string>& tokens, const WorkerSecrets& secrets, const IssuedTokens* issued = nullptr);

  // `peer` is gRPC's name of the caller ("unix:", "ipv4:127.0.0.1:4711") or kChildPeer, `authorization` the value of that
  // metadata entry. The Unix socket's caller is an admin, unless he shows a token: a program that was given less keeps to it.
  // kUnauthenticated for a token that is not known, and without one on TCP and for this server's own workers.
  absl::StatusOr<Principal> Identify(std::string_view peer, std::string_view authorization) const;

 private:
  const WorkerSecrets& secrets_;
  const IssuedTokens* issued_;
  std::map<Role, std::string> sha256_;  // of tokens
};

}  // namespace normlab::server
