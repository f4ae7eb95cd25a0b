#include "server/edge/access.h"

#include <openssl/crypto.h>

#include "base/sha256.h"
#include "proto/transport/token.h"

namespace normlab::server {

Access::Access(std::string_view token) : token_sha256_(token.empty() ? "" : Sha256Hex(token)) {}

absl::StatusOr<Principal> Access::Identify(std::string_view peer, std::string_view authorization) const {
  if (peer.starts_with("unix:")) {
    return Principal{.identity = "owner", .role = Role::kAdmin};
  }
  if (!token_sha256_.empty()) {
    const std::string shown = Sha256Hex(TokenOf(authorization));
    if (CRYPTO_memcmp(shown.data(), token_sha256_.data(), token_sha256_.size()) == 0) {
      return Principal{.identity = "token", .role = Role::kAdmin};
    }
  }
  return absl::UnauthenticatedError(
      "this port needs the server's token: metadata \"authorization: Bearer <content of the token file>\"");
}

}  // namespace normlab::server
