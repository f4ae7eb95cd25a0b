// requests.h - remembers what was answered to which request, so that a repeated one is not carried out twice.
//
// Both functions run inside the transaction that carries the request out: the answer is on disk if and only if its
// effect is.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

struct AnsweredJob {
  JobId job = 0;
  bool reused = false;
  int attempt = 0;
  JobId made = 0;          // of `job`, by a call that changes many
  absl::Status left = {};  // why such a call left it alone
};

// What was answered to `request`; absent if it is new or has no id. kAlreadyExists if its id was used for another
// method or body.
absl::StatusOr<std::optional<std::vector<AnsweredJob>>> FindAnswer(Connection& db, const Request& request,
                                                                   std::string_view method);
// How long an answer is remembered: far longer than any client repeats a request.
inline constexpr std::int64_t kAnswerKeptMs = std::int64_t{7} * 24 * 60 * 60 * 1000;
// Remembers `jobs` as the answer, instead of an earlier one if there is one, and forgets a few that are older than
// kAnswerKeptMs. Nothing if the request has no id.
absl::Status SaveAnswer(Connection& db, const Request& request, std::string_view method,
                        const std::vector<AnsweredJob>& jobs, std::int64_t now_ms);

}  // namespace normlab::store
