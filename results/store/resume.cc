#include "results/store/resume.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "results/store/jobs.h"
#include "results/store/series.h"

namespace normlab::store {
namespace {

absl::Status CopyPoints(Connection& db, JobId from, JobId to, std::uint64_t last_step) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<SeriesRow> all, AllSeries(db, from));
  for (const SeriesRow& old : all) {
    Points points;
    Damage damage;
    NORMLAB_RETURN_IF_ERROR(ReadWholePoints(db, old, 0, last_step, Unpack::kAll, points, damage));
    if (damage.pieces > 0) {
      NORMLAB_RETURN_IF_ERROR(NoteDamage(db, to,
                                         fmt::format("series \"{}\": {} pieces could not be taken over from {} ({})",
                                                     old.info.name, damage.pieces, JobName(from), damage.first)));
    }
    if (points.size() == 0) {
      continue;
    }
    NORMLAB_ASSIGN_OR_RETURN(const std::int64_t last,
                             db.Int("UPDATE counter SET sequence = sequence + ?1 RETURNING sequence", points.size()));
    std::uint64_t sequence = static_cast<std::uint64_t>(last) - points.size();
    std::generate(points.sequences.begin(), points.sequences.end(), [&] { return ++sequence; });
    std::fill(points.attempts.begin(), points.attempts.end(), 0);
    NORMLAB_ASSIGN_OR_RETURN(SeriesRow series, FindSeries(db, to, old.info.name));
    NORMLAB_RETURN_IF_ERROR(AppendToSeries(db, to, points, series));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Resumable> FindResumable(JobFiles& files, Readers& readers, JobId id) {
  Resumable found;
  absl::StatusOr<JobFiles::OpenedCheckpoint> checkpoint = files.OpenCheckpoint(id);
  if (checkpoint.ok()) {
    found.checkpoint = std::move(checkpoint->row);
  } else if (!absl::IsNotFound(checkpoint.status()) && !absl::IsDataLoss(checkpoint.status())) {
    return checkpoint.status();
  }
  found.job = readers.Read([id](Connection& db) { return LoadReadable(db, id); });
  return found;
}

absl::StatusOr<JobId> ContinueJob(Connection& db, ReadableJob readable, const std::optional<CheckpointRow>& checkpoint,
                                  std::int64_t now_ms, Details& details) {
  Job& old = readable.job;
  if (old.external) {
    return absl::FailedPreconditionError(
        fmt::format("{} is the run of another program, which alone can go on with it", JobName(old.id)));
  }
  NORMLAB_ASSIGN_OR_RETURN(const JobState state, StateOf(db, old.id));
  if (state != JobState::kCancelled && state != JobState::kFailed) {
    return absl::FailedPreconditionError(
        fmt::format("{} is {}; only a CANCELLED or FAILED job can be resumed", JobName(old.id), StateName(state)));
  }
  NewJob job;
  job.spec = std::move(old.spec);
  job.experiment = std::move(old.experiment);
  job.identity = std::move(old.identity);
  job.dataset = std::move(old.dataset);
  job.priority = old.priority;
  job.labels = std::move(old.labels);
  NORMLAB_ASSIGN_OR_RETURN(const JobId made, InsertJob(db, job, now_ms));
  const std::uint64_t step = checkpoint.has_value() ? checkpoint->info.step : 0;
  NORMLAB_RETURN_IF_ERROR(db.Run("UPDATE job SET steps_done = ?2, steps_total = ?3, resumed_from = ?4 WHERE id = ?1",
                                 made, step, old.steps_total, old.id));
  if (checkpoint.has_value()) {
    NORMLAB_RETURN_IF_ERROR(InsertCheckpoint(db, {made, 0}, checkpoint->info, checkpoint->file).status());
    NORMLAB_RETURN_IF_ERROR(CopyPoints(db, old.id, made, step));
    old.facts.erase(std::string(kDamageFact));  // noted above for what the new job lacks
    old.facts.erase(kRestartedFact);            // it would take an attempt of the new job for that one
    // What computed them; the next attempt compares, and starts again if it is not known.
    details.push_back([made, facts = std::move(old.facts)](Connection& db) { return MergeFacts(db, made, facts); });
  }
  if (!readable.lost.empty()) {
    details.push_back(
        [made, what = fmt::format("the {} of {} could not be taken over", readable.lost, JobName(old.id))](
            Connection& db) { return NoteDamage(db, made, what); });
  }
  return made;
}

}  // namespace normlab::store
