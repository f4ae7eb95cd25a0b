#include "server/edge/issued_tokens.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/clock.h"
#include "base/fs.h"
#include "base/nearest.h"
#include "base/sha256.h"
#include "proto/names.h"
#include "proto/spec_text.h"
#include "proto/transport/token.h"
#include "server/edge/errors.h"
#include "server/edge/roles.h"

namespace normlab::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxTokens = 1'000;
constexpr std::size_t kMaxName = 64;
constexpr std::uint64_t kMaxBytes = 4 << 20;
constexpr std::chrono::hours kLongest{24 * 366 * 10};

Json ToJson(const IssuedToken& record) {
  return {{"name", record.name},
          {"role", RoleName(record.role)},
          {"sha256", record.sha256},
          {"created_ms", record.created_ms},
          {"expires_ms", record.expires_ms},
          {"revoked_ms", record.revoked_ms}};
}

// Absent for anything that ToJson did not write.
std::optional<IssuedToken> FromJson(const Json& json) {
  const auto text = [&json](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
  };
  const auto time = [&json](const char* key) {
    return json.contains(key) && json[key].is_number_integer() ? json[key].get<std::int64_t>() : std::int64_t{-1};
  };
  if (!json.is_object()) {
    return std::nullopt;
  }
  const std::optional<Role> role = ReadRole(text("role"));
  const IssuedToken record{.name = text("name"),
                           .role = role.value_or(Role::kViewer),
                           .sha256 = text("sha256"),
                           .created_ms = time("created_ms"),
                           .expires_ms = time("expires_ms"),
                           .revoked_ms = time("revoked_ms")};
  const bool whole = role && IsName(record.name, false) && IsSha256Hex(record.sha256) && record.created_ms >= 0 &&
                     record.expires_ms >= 0 && record.revoked_ms >= 0;
  return whole ? std::optional<IssuedToken>(record) : std::nullopt;
}

std::shared_ptr<Grant> GrantOf(const IssuedToken& record) {
  return record.revoked_ms == 0 ? std::make_shared<Grant>(record.name, record.role, record.expires_ms) : nullptr;
}

absl::Status CheckNew(const std::string& name, std::chrono::seconds lifetime, std::vector<FieldViolation> violations) {
  if (!IsName(name, false) || name.size() > kMaxName) {
    violations.push_back(
        {"name",
         fmt::format("is {}; expected letters, digits, '.', '_' and '-', beginning with a letter or digit, at most {}",
                     Shown(name), kMaxName)});
  }
  if (lifetime < std::chrono::seconds(0) || lifetime > kLongest) {
    violations.push_back({"lifetime_seconds", fmt::format("is {}; expected 0 (without end) to {} (ten years)",
                                                          lifetime.count(), std::chrono::seconds(kLongest).count())});
  }
  return BadRequest(violations);
}

}  // namespace

absl::StatusOr<std::unique_ptr<IssuedTokens>> IssuedTokens::Open(std::string path) {
  std::unique_ptr<IssuedTokens> tokens(new IssuedTokens(std::move(path)));
  NORMLAB_RETURN_IF_ERROR(tokens->Load());
  return tokens;
}

absl::Status IssuedTokens::Load() {
  const MutexLock lock(mu_);
  const auto file = PosixFileSystem().Open(path_);
  if (absl::IsNotFound(file.status())) {
    return absl::OkStatus();
  }
  NORMLAB_RETURN_IF_ERROR(file.status());
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, ReadSmall(**file, kMaxBytes));
  const Json json = Json::parse(text, nullptr, false);
  const bool listed = json.is_object() && json.contains("tokens") && json["tokens"].is_array();
  for (std::size_t i = 0; listed && i < json["tokens"].size(); ++i) {
    const std::optional<IssuedToken> record = FromJson(json["tokens"][i]);
    if (!record || !entries_.emplace(record->name, Entry{*record, GrantOf(*record)}).second) {
      return absl::InvalidArgumentError(fmt::format(
          "{}: entry {} is not a token of its own name; correct it, or remove the file, and with it every token", path_,
          i + 1));
    }
  }
  return listed ? absl::OkStatus()
                : absl::InvalidArgumentError(
                      fmt::format("{} is not a list of tokens; remove it, and with it every token", path_));
}

absl::Status IssuedTokens::Put(IssuedToken record) {
  Json list = Json::array();
  bool there = false;
  for (const auto& [name, entry] : entries_) {
    there = there || name == record.name;
    list.push_back(ToJson(name == record.name ? record : entry.record));
  }
  if (!there) {
    list.push_back(ToJson(record));
  }
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().AtomicWrite(path_, Json{{"tokens", std::move(list)}}.dump(1) + "\n"));
  Entry& entry = entries_[record.name];
  if (entry.grant != nullptr) {
    entry.grant->End();
  }
  entry.grant = GrantOf(record);
  entry.record = std::move(record);
  return absl::OkStatus();
}

absl::StatusOr<IssuedTokens::Made> IssuedTokens::Create(const std::string& name, Role role,
                                                        std::chrono::seconds lifetime,
                                                        std::vector<FieldViolation> violations) {
  NORMLAB_RETURN_IF_ERROR(CheckNew(name, lifetime, std::move(violations)));
  NORMLAB_ASSIGN_OR_RETURN(std::string secret, NewToken());
  const MutexLock lock(mu_);
  const auto found = entries_.find(name);
  if (found != entries_.end() && found->second.grant != nullptr && found->second.grant->good()) {
    return absl::AlreadyExistsError(
        fmt::format("{} has a token; rotate or revoke it: normlab admin token rotate {}", name, name));
  }
  if (found == entries_.end() && entries_.size() >= kMaxTokens) {
    return absl::ResourceExhaustedError(
        fmt::format("there are {} tokens, which is the limit; names that were revoked can be used again", kMaxTokens));
  }
  IssuedToken record{.name = name, .role = role, .sha256 = Sha256Hex(secret), .created_ms = UnixMs()};
  if (lifetime.count() > 0) {
    record.expires_ms = record.created_ms + std::chrono::milliseconds(lifetime).count();
  }
  NORMLAB_RETURN_IF_ERROR(Put(record));
  return Made{.record = std::move(record), .secret = std::move(secret)};
}

absl::StatusOr<IssuedTokens::Entries::iterator> IssuedTokens::FindName(const std::string& name) {
  const auto found = entries_.find(name);
  if (found != entries_.end()) {
    return found;
  }
  std::vector<std::string> names;
  for (const auto& [known, entry] : entries_) {
    names.push_back(known);
  }
  return absl::NotFoundError(
      fmt::format("there is no token of the name {}{}", Shown(name), DidYouMean(Nearest(name, names))));
}

absl::StatusOr<IssuedTokens::Made> IssuedTokens::Rotate(const std::string& name) {
  NORMLAB_ASSIGN_OR_RETURN(std::string secret, NewToken());
  const MutexLock lock(mu_);
  NORMLAB_ASSIGN_OR_RETURN(const auto found, FindName(name));
  IssuedToken record = found->second.record;
  if (record.revoked_ms != 0) {
    return absl::FailedPreconditionError(
        fmt::format("the token of {} was revoked; make another: normlab admin token create {} --role {}", name, name,
                    RoleName(record.role)));
  }
  const std::int64_t lifetime = record.expires_ms == 0 ? 0 : record.expires_ms - record.created_ms;
  record.sha256 = Sha256Hex(secret);
  record.created_ms = UnixMs();
  record.expires_ms = lifetime == 0 ? 0 : record.created_ms + lifetime;
  NORMLAB_RETURN_IF_ERROR(Put(record));
  return Made{.record = std::move(record), .secret = std::move(secret)};
}

absl::StatusOr<IssuedToken> IssuedTokens::Revoke(const std::string& name) {
  const MutexLock lock(mu_);
  NORMLAB_ASSIGN_OR_RETURN(const auto found, FindName(name));
  IssuedToken record = found->second.record;
  if (record.revoked_ms == 0) {
    record.revoked_ms = UnixMs();
    NORMLAB_RETURN_IF_ERROR(Put(record));
  }
  return record;
}

std::vector<IssuedToken> IssuedTokens::List() const {
  const MutexLock lock(mu_);
  std::vector<IssuedToken> tokens;
  for (const auto& [name, entry] : entries_) {
    tokens.push_back(entry.record);
  }
  return tokens;
}

std::shared_ptr<const Grant> IssuedTokens::Find(std::string_view sha256) const {
  const MutexLock lock(mu_);
  for (const auto& [name, entry] : entries_) {
    if (entry.record.sha256 == sha256 && entry.grant != nullptr && entry.grant->good()) {
      return entry.grant;
    }
  }
  return nullptr;
}

}  // namespace normlab::server
