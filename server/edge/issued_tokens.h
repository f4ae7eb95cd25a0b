// issued_tokens.h - tokens that were made for people and programs: named, of a role, and revoked one by one.
//
// Kept in one JSON file of mode 0600 as SHA-256, which is no secret: a token has 256 random bits, so nobody finds it from its hash.
// A change is on disk before it holds.
//
// Thread safety: all methods, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "proto/spec.h"
#include "server/edge/caller.h"
#include "server/edge/grant.h"

namespace normlab::server {

struct IssuedToken {
  std::string name;
  Role role = Role::kViewer;
  std::string sha256;           // of the token, in hexadecimal
  std::int64_t created_ms = 0;  // Unix time, as the next; or rotated
  std::int64_t expires_ms = 0;  // 0: never
  std::int64_t revoked_ms = 0;  // 0: it was not
};

class IssuedTokens {
 public:
  struct Made {
    IssuedToken record;
    std::string secret;  // which is kept nowhere
  };

  // From the file `path`; none if there is no file. kInvalidArgument, naming it, if it cannot be understood.
  static absl::StatusOr<std::unique_ptr<IssuedTokens>> Open(std::string path);

  // `lifetime` 0: without end. kAlreadyExists while a token of this name is good, kResourceExhausted beyond a thousand, and
  // kInvalidArgument with the wrong fields: `name` and `lifetime_seconds` beside those in `violations`.
  absl::StatusOr<Made> Create(const std::string& name, Role role, std::chrono::seconds lifetime,
                              std::vector<FieldViolation> violations = {}) ABSL_LOCKS_EXCLUDED(mu_);
  // Another secret, with the lifetime that the token had. kNotFound, or kFailedPrecondition for one that was revoked.
  absl::StatusOr<Made> Rotate(const std::string& name) ABSL_LOCKS_EXCLUDED(mu_);
  // Also of one that was revoked before. kNotFound.
  absl::StatusOr<IssuedToken> Revoke(const std::string& name) ABSL_LOCKS_EXCLUDED(mu_);
  // By name.
  std::vector<IssuedToken> List() const ABSL_LOCKS_EXCLUDED(mu_);

  // Of the token with this hash; null if none that is good has it.
  std::shared_ptr<const Grant> Find(std::string_view sha256) const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    IssuedToken record;
    std::shared_ptr<Grant> grant;
  };
  using Entries = std::map<std::string, Entry>;  // by name

  explicit IssuedTokens(std::string path) : path_(std::move(path)) {}
  absl::Status Load();
  absl::StatusOr<Entries::iterator> FindName(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Puts `record` on disk and then in place of what has its name.
  absl::Status Put(IssuedToken record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string path_;
  mutable Mutex mu_;
  Entries entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace normlab::server
