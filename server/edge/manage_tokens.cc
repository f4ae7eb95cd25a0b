#include "server/edge/manage_tokens.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace normlab::server {
namespace {

using google::protobuf::util::TimeUtil;

v1::Role ToWire(Role role) {
  switch (role) {
    case Role::kViewer:
      return v1::ROLE_VIEWER;
    case Role::kSubmitter:
      return v1::ROLE_SUBMITTER;
    case Role::kWorker:
      return v1::ROLE_WORKER;
    case Role::kAdmin:
      return v1::ROLE_ADMIN;
  }
  return v1::ROLE_UNSPECIFIED;
}

Role ReadRole(v1::Role role, std::vector<FieldViolation>& violations) {
  switch (role) {
    case v1::ROLE_VIEWER:
      return Role::kViewer;
    case v1::ROLE_SUBMITTER:
      return Role::kSubmitter;
    case v1::ROLE_WORKER:
      return Role::kWorker;
    case v1::ROLE_ADMIN:
      return Role::kAdmin;
    default:
      violations.push_back({"role", fmt::format("is {}; expected that of a viewer, submitter, worker or admin",
                                                static_cast<int>(role))});
      return Role::kViewer;
  }
}

void ToWire(const IssuedToken& token, v1::Token& wire) {
  wire.set_name(token.name);
  wire.set_role(ToWire(token.role));
  *wire.mutable_created() = TimeUtil::MillisecondsToTimestamp(token.created_ms);
  if (token.expires_ms != 0) {
    *wire.mutable_expires() = TimeUtil::MillisecondsToTimestamp(token.expires_ms);
  }
  if (token.revoked_ms != 0) {
    *wire.mutable_revoked() = TimeUtil::MillisecondsToTimestamp(token.revoked_ms);
  }
}

// No duration of IssuedTokens overflows when it looks at what is too long.
std::chrono::seconds ReadLifetime(std::uint64_t seconds) {
  return std::chrono::seconds(std::min<std::uint64_t>(seconds, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

absl::Status CreateToken(IssuedTokens& tokens, const v1::CreateTokenRequest& request,
                         v1::CreateTokenResponse& response) {
  std::vector<FieldViolation> violations;
  const Role role = ReadRole(request.role(), violations);
  NORMLAB_ASSIGN_OR_RETURN(
      const IssuedTokens::Made made,
      tokens.Create(request.name(), role, ReadLifetime(request.lifetime_seconds()), std::move(violations)));
  ToWire(made.record, *response.mutable_token());
  response.set_secret(made.secret);
  return absl::OkStatus();
}

absl::Status ListTokens(const IssuedTokens& tokens, v1::ListTokensResponse& response) {
  for (const IssuedToken& token : tokens.List()) {
    ToWire(token, *response.add_tokens());
  }
  return absl::OkStatus();
}

absl::Status RotateToken(IssuedTokens& tokens, const v1::RotateTokenRequest& request,
                         v1::RotateTokenResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const IssuedTokens::Made made, tokens.Rotate(request.name()));
  ToWire(made.record, *response.mutable_token());
  response.set_secret(made.secret);
  return absl::OkStatus();
}

absl::Status RevokeToken(IssuedTokens& tokens, const v1::RevokeTokenRequest& request,
                         v1::RevokeTokenResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const IssuedToken token, tokens.Revoke(request.name()));
  ToWire(token, *response.mutable_token());
  return absl::OkStatus();
}

}  // namespace normlab::server
