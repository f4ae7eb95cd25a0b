#include "server/http/sessions.h"

#include <nlohmann/json.hpp>

#include "proto/transport/link_code.h"
#include "server/edge/errors.h"

namespace normlab::server::http {

absl::StatusOr<std::string> Sessions::Redeem(const std::string& code) {
  NORMLAB_ASSIGN_OR_RETURN(std::string token, token_());
  const auto made = ReadLinkCode(token, code);
  const Clock::time_point now = now_();
  const auto is_old = [now](Clock::time_point t) { return now - t > kLinkCodeLife; };
  // Codes hold whole milliseconds.
  if (made && *made + std::chrono::milliseconds(1) > since_ && *made <= now && !is_old(*made)) {
    const MutexLock lock(mu_);
    std::erase_if(used_, [&](const auto& used) { return is_old(used.second); });
    if (used_.emplace(code, *made).second) {
      return token;
    }
  }
  return WithReason(absl::UnauthenticatedError("this link was used, is older than 5 minutes, or is of another server; "
                                               "get a new one: normlab page"),
                    "LINK");
}

Answer Sessions::Exchange(std::string_view body) {
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.size() != 1 || !json.contains("code") || !json["code"].is_string()) {
    return ErrorAnswer(BadField("code", R"(is missing; expected {"code":"..."} and nothing else)"));
  }
  const absl::StatusOr<std::string> token = Redeem(json["code"].get<std::string>());
  if (!token.ok()) {
    return ErrorAnswer(token.status());
  }
  return {.content_type = "application/json", .body = nlohmann::json{{"token", *token}, {"role", "admin"}}.dump()};
}

}  // namespace normlab::server::http
