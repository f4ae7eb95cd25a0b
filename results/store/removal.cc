#include "results/store/removal.h"

#include <fmt/format.h>

#include "results/store/file_rows.h"
#include "results/store/jobs.h"
#include "results/store/loose.h"
#include "results/store/tail.h"

namespace normlab::store {
namespace {

// About as much work as a group of points, so that a deletion does not hold up those who wait behind it.
constexpr int kPurgedChunks = 128;
constexpr int kPurgedLoose = 10'000;  // points of loose series

absl::Status CheckOver(Connection& db, JobId id) {
  NORMLAB_ASSIGN_OR_RETURN(const JobState state, StateOf(db, id));
  return IsTerminal(state)
             ? absl::OkStatus()
             : absl::FailedPreconditionError(fmt::format(
                   "{} is {}; cancel it and wait for it to stop before deleting it", JobName(id), StateName(state)));
}

}  // namespace

absl::Status DropSeries(Connection& db, JobId job) {
  NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO purge(series) SELECT id FROM series WHERE job = ?1", job));
  return db.Run("DELETE FROM series WHERE job = ?1", job);
}

absl::StatusOr<RemovedFiles> DropResults(Connection& db, JobId job) {
  RemovedFiles files;
  NORMLAB_ASSIGN_OR_RETURN(files.checkpoints, DeleteCheckpoints(db, job));
  NORMLAB_ASSIGN_OR_RETURN(files.artifacts, DeleteArtifacts(db, job));
  NORMLAB_RETURN_IF_ERROR(DropSeries(db, job));
  return files;
}

absl::StatusOr<RemovedFiles> DeleteJob(Connection& db, JobId id) {
  NORMLAB_RETURN_IF_ERROR(CheckOver(db, id));
  NORMLAB_ASSIGN_OR_RETURN(RemovedFiles files, DropResults(db, id));
  NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM job WHERE id = ?1", id));
  return files;
}

Details PiecesOf(JobId id, bool readable, RemovedFiles& files) {
  Details pieces;
  const auto add = [&](auto remove) {
    pieces.push_back([id, readable, remove](Connection& db) -> absl::Status {
      NORMLAB_RETURN_IF_ERROR(readable ? CheckOver(db, id) : absl::OkStatus());
      return remove(db);
    });
  };
  add([id, &files](Connection& db) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(files.checkpoints, DeleteCheckpoints(db, id));
    return absl::OkStatus();
  });
  add([id, &files](Connection& db) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(files.artifacts, DeleteArtifacts(db, id));
    return absl::OkStatus();
  });
  add([id](Connection& db) { return DropSeries(db, id); });
  add([id](Connection& db) { return db.Run("DELETE FROM label WHERE job = ?1", id); });
  add([id](Connection& db) { return db.Run("DELETE FROM fact WHERE job = ?1", id); });
  add([id](Connection& db) { return db.Run("DELETE FROM attempt WHERE job = ?1", id); });
  add([id](Connection& db) { return db.Run("DELETE FROM external_text WHERE job = ?1", id); });
  add([id](Connection& db) { return db.Run("DELETE FROM external_run WHERE job = ?1", id); });
  return pieces;
}

absl::Status DeleteRow(Connection& db, JobId id) {
  NORMLAB_RETURN_IF_ERROR(CheckOver(db, id));
  const Connection::WithoutForeignKeys unchecked(db);
  return db.Run("DELETE FROM job WHERE id = ?1", id);
}

absl::StatusOr<std::int64_t> NextToPurge(Connection& db, std::int64_t series) {
  return db.Int("SELECT series FROM purge WHERE series > ?1 ORDER BY series LIMIT 1", series);
}

absl::Status PurgeSome(Connection& db, std::int64_t series) {
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t chunks,
                           db.Change("DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE series = ?1 LIMIT ?2)",
                                     series, kPurgedChunks));
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t overviews,
                           db.Change("DELETE FROM overview WHERE series = ?1 AND last_step IN "
                                     "(SELECT last_step FROM overview WHERE series = ?1 LIMIT ?2)",
                                     series, kPurgedChunks));
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t loose, RemoveLoose(db, series, kPurgedLoose));
  NORMLAB_RETURN_IF_ERROR(ClearTail(db, series));
  if (chunks < kPurgedChunks && overviews < kPurgedChunks && loose < kPurgedLoose) {
    NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM purge WHERE series = ?1", series));
  }
  return absl::OkStatus();
}

}  // namespace normlab::store
