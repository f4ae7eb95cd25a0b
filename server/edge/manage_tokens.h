// manage_tokens.h - tokens that are made for somebody, as AdminService's messages.
//
// Thread safety: free functions, any thread.
#pragma once

#include "base/status.h"
#include "normlab/v1/admin.pb.h"
#include "server/edge/issued_tokens.h"

namespace normlab::server {

absl::Status CreateToken(IssuedTokens& tokens, const v1::CreateTokenRequest& request,
                         v1::CreateTokenResponse& response);
absl::Status ListTokens(const IssuedTokens& tokens, v1::ListTokensResponse& response);
absl::Status RotateToken(IssuedTokens& tokens, const v1::RotateTokenRequest& request,
                         v1::RotateTokenResponse& response);
absl::Status RevokeToken(IssuedTokens& tokens, const v1::RevokeTokenRequest& request,
                         v1::RevokeTokenResponse& response);

}  // namespace normlab::server
