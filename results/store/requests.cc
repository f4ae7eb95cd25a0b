#include "results/store/requests.h"

#include <fmt/format.h>

namespace normlab::store {

absl::StatusOr<std::optional<std::vector<AnsweredJob>>> FindAnswer(Connection& db, const Request& request,
                                                                   std::string_view method) {
  std::optional<std::vector<AnsweredJob>> answer;
  if (request.id.empty()) {
    return answer;
  }
  Query found = db.Ask("SELECT id, method, body_hash FROM request WHERE uid = ?1", request.id);
  if (!found.Next()) {
    NORMLAB_RETURN_IF_ERROR(found.status());
    return answer;
  }
  if (found.View(1) != method || found.View(2) != request.body_hash) {
    return absl::AlreadyExistsError(
        fmt::format("request id {} was used before, for {} with {}; choose a new id for a new request", request.id,
                    found.View(1), found.View(1) == method ? "another body" : "its own body"));
  }
  answer.emplace();
  Query row = db.Ask("SELECT job, reused, attempt, made, code, why FROM answer WHERE request = ?1 ORDER BY position",
                     found.Int(0));
  while (row.Next()) {
    answer->push_back({.job = row.Int(0),
                       .reused = row.Int(1) != 0,
                       .attempt = static_cast<int>(row.Int(2)),
                       .made = row.Int(3),
                       .left = absl::Status(static_cast<absl::StatusCode>(row.Int(4)), row.Text(5))});
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return answer;
}

absl::Status SaveAnswer(Connection& db, const Request& request, std::string_view method,
                        const std::vector<AnsweredJob>& jobs, std::int64_t now_ms) {
  if (request.id.empty()) {
    return absl::OkStatus();
  }
  // Two for one: however many came at once, they are all gone in the end, and no call has to forget many.
  NORMLAB_RETURN_IF_ERROR(
      db.Run("DELETE FROM request WHERE id IN (SELECT id FROM request ORDER BY id LIMIT 2) AND answered_ms < ?1",
             now_ms - kAnswerKeptMs));
  NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM request WHERE uid = ?1", request.id));
  NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO request(uid, method, body_hash, answered_ms) VALUES(?1, ?2, ?3, ?4)",
                                 request.id, method, request.body_hash, now_ms));
  const std::int64_t id = db.LastRowId();
  std::int64_t position = 0;
  for (const AnsweredJob& job : jobs) {
    NORMLAB_RETURN_IF_ERROR(
        db.Run("INSERT INTO answer(request, position, job, reused, attempt, made, code, why) "
               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
               id, position++, job.job, job.reused, job.attempt, job.made, static_cast<int>(job.left.code()),
               Message(job.left)));
  }
  return absl::OkStatus();
}

}  // namespace normlab::store
