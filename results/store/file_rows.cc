#include "results/store/file_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace normlab::store {
namespace {

constexpr std::string_view kCheckpointUses = "SELECT count(*) FROM checkpoint WHERE file = ?1";
constexpr std::string_view kArtifactUses = "SELECT count(*) FROM artifact WHERE file = ?1";

// The files of `rows` that are named no more.
template <typename Row>
absl::StatusOr<std::vector<std::string>> Unnamed(Connection& db, std::string_view count_uses,
                                                 const std::vector<Row>& rows) {
  std::set<std::string> unnamed;
  for (const Row& row : rows) {
    NORMLAB_ASSIGN_OR_RETURN(const std::int64_t uses, db.Int(count_uses, row.file));
    if (uses == 0) {
      unnamed.insert(row.file);
    }
  }
  return std::vector<std::string>(unnamed.begin(), unnamed.end());
}

}  // namespace

absl::StatusOr<std::vector<CheckpointRow>> CheckpointRows(Connection& db, JobId job) {
  std::vector<CheckpointRow> rows;
  Query row = db.Ask("SELECT step, size, crc32c, file FROM checkpoint WHERE job = ?1 ORDER BY step DESC", job);
  while (row.Next()) {
    CheckpointRow checkpoint;
    checkpoint.info.step = row.Unsigned(0);
    checkpoint.info.size = row.Unsigned(1);
    checkpoint.info.crc32c = static_cast<std::uint32_t>(row.Int(2));
    checkpoint.file = row.Text(3);
    rows.push_back(std::move(checkpoint));
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return rows;
}

absl::StatusOr<std::vector<std::string>> InsertCheckpoint(Connection& db, AttemptId attempt, const CheckpointInfo& info,
                                                          const std::string& file) {
  NORMLAB_ASSIGN_OR_RETURN(std::vector<CheckpointRow> candidates, CheckpointRows(db, attempt.job));
  candidates.push_back({info, file});  // of three, it may be the one that goes
  // Where earlier attempts were further, this one did not begin: it could not read them. They must not outlive its own.
  NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM checkpoint WHERE job = ?1 AND step > ?2 AND attempt < ?3", attempt.job,
                                 info.step, attempt.number));
  NORMLAB_RETURN_IF_ERROR(
      db.Run("INSERT OR REPLACE INTO checkpoint(job, step, attempt, size, crc32c, file) "
             "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
             attempt.job, info.step, attempt.number, info.size, info.crc32c, file));
  NORMLAB_RETURN_IF_ERROR(
      db.Run("DELETE FROM checkpoint WHERE job = ?1 "
             "AND step NOT IN (SELECT step FROM checkpoint WHERE job = ?1 ORDER BY step DESC LIMIT 2)",
             attempt.job));
  return Unnamed(db, kCheckpointUses, candidates);
}

// A row of `checkpoint` of a job that SUCCEEDED or DIVERGED, other than the newest with an update behind it.
#define NORMLAB_UNNEEDED                                                                                      \
  "(SELECT state FROM job WHERE id = checkpoint.job) IN (4, 7) AND step <> (SELECT coalesce(max(kept.step), " \
  "-1) FROM checkpoint kept JOIN job ON job.id = kept.job WHERE kept.job = checkpoint.job AND kept.step < "   \
  "steps_done)"

absl::StatusOr<std::vector<std::string>> DeleteUnneededCheckpoints(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<CheckpointRow> before, CheckpointRows(db, job));
  NORMLAB_RETURN_IF_ERROR(
      db.Run("DELETE FROM checkpoint WHERE (job, step) IN (SELECT job, step FROM checkpoint WHERE "
             "job = ?1 AND " NORMLAB_UNNEEDED ")",
             job));
  return Unnamed(db, kCheckpointUses, before);
}

absl::StatusOr<std::vector<JobId>> JobsWithUnneededCheckpoints(Connection& db, int limit) {
  return db.Ints("SELECT DISTINCT job FROM checkpoint WHERE " NORMLAB_UNNEEDED " LIMIT ?1", limit);
}

absl::StatusOr<std::vector<std::string>> DeleteCheckpoints(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<CheckpointRow> before, CheckpointRows(db, job));
  NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM checkpoint WHERE job = ?1", job));
  return Unnamed(db, kCheckpointUses, before);
}

absl::StatusOr<std::vector<ArtifactRow>> ArtifactRows(Connection& db, JobId job) {
  std::vector<ArtifactRow> rows;
  Query row =
      db.Ask("SELECT name, media_type, step, size, crc32c, file FROM artifact WHERE job = ?1 ORDER BY name", job);
  while (row.Next()) {
    rows.push_back({{.name = row.Text(0),
                     .media_type = row.Text(1),
                     .step = row.Unsigned(2),
                     .size = row.Unsigned(3),
                     .crc32c = static_cast<std::uint32_t>(row.Int(4))},
                    row.Text(5)});
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return rows;
}

absl::Status CheckArtifactName(std::string_view name) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good = !name.empty() && name.size() <= 128 && alphanumeric(name[0]) &&
                    std::all_of(name.begin(), name.end(),
                                [&](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
  return good ? absl::OkStatus()
              : absl::InvalidArgumentError(
                    fmt::format("artifact name \"{}\": expected a letter or digit and then at most 127 "
                                "letters, digits, dots, underscores and hyphens",
                                name.substr(0, 128)));
}

absl::StatusOr<std::vector<std::string>> InsertArtifact(Connection& db, AttemptId attempt, const ArtifactRow& row) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<ArtifactRow> before, ArtifactRows(db, attempt.job));
  NORMLAB_RETURN_IF_ERROR(
      db.Run("INSERT OR REPLACE INTO artifact(job, name, media_type, step, size, crc32c, file) "
             "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
             attempt.job, row.info.name, row.info.media_type, row.info.step, row.info.size, row.info.crc32c, row.file));
  return Unnamed(db, kArtifactUses, before);
}

absl::StatusOr<std::vector<std::string>> DeleteArtifacts(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<ArtifactRow> before, ArtifactRows(db, job));
  NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM artifact WHERE job = ?1", job));
  return Unnamed(db, kArtifactUses, before);
}

}  // namespace normlab::store
