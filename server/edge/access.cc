#include "server/edge/access.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include "base/sha256.h"
#include "proto/transport/token.h"
#include "server/edge/roles.h"

namespace normlab::server {

Access::Access(const std::map<Role, std::string>& tokens, const WorkerSecrets& secrets, const IssuedTokens* issued)
    : secrets_(secrets), issued_(issued) {
  for (const auto& [role, token] : tokens) {
    sha256_[role] = Sha256Hex(token);
  }
}

absl::StatusOr<Principal> Access::Identify(std::string_view peer, std::string_view authorization) const {
  if (authorization.empty() && peer.starts_with("unix:")) {
    return Principal{.identity = kOwner, .role = Role::kAdmin};
  }
  const std::string_view token = TokenOf(authorization);
  if (const std::optional<std::string> worker = secrets_.WorkerOf(token)) {
    return Principal{.identity = *worker, .role = Role::kWorker, .worker_id = *worker};
  }
  const std::string shown = Sha256Hex(token);
  for (const auto& [role, sha256] : sha256_) {
    if (CRYPTO_memcmp(shown.data(), sha256.data(), sha256.size()) == 0) {
      return Principal{.identity = fmt::format("{} token", RoleName(role)), .role = role};
    }
  }
  if (issued_ != nullptr) {
    if (std::shared_ptr<const Grant> grant = issued_->Find(shown)) {
      Principal principal{.identity = grant->name(), .role = grant->role()};
      principal.grant = std::move(grant);
      return principal;
    }
  }
  return absl::UnauthenticatedError(
      fmt::format("{}: metadata \"authorization: Bearer <content of a token file>\"",
                  authorization.empty() ? "callers here need a token of the server"
                                        : "this is no token of the server, or it was revoked or has expired"));
}

}  // namespace normlab::server
