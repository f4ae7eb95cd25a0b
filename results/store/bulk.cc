#include "results/store/bulk.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "results/store/jobs.h"
#include "results/store/transitions.h"

namespace normlab::store {
namespace {

using Kind = BulkChange::Kind;

// By BulkChange::Kind. A slice keeps the writer for some tens of milliseconds: to be resumed, a job has its points copied.
struct Way {
  std::string_view method;
  int slice;
};
constexpr std::array<Way, 4> kWays = {
    {{"CancelJobs", 500}, {"ResumeJobs", 10}, {"DeleteJobs", 50}, {"UpdateJobs", 500}}};

const Way& WayOf(Kind kind) { return kWays.at(static_cast<std::size_t>(kind)); }

// What is said of one job, while others go on.
bool IsOfOneJob(const absl::Status& status) { return absl::IsFailedPrecondition(status) || absl::IsNotFound(status); }

absl::Status Refuse(const Job& job, std::string_view why) {
  return absl::FailedPreconditionError(fmt::format("{} is {}; {}", JobName(job.id), StateName(job.state), why));
}

std::map<std::string, std::string> LabelsAfter(const Job& job, const BulkChange& change) {
  std::map<std::string, std::string> labels = job.labels;
  for (const std::string& key : change.remove_labels) {
    labels.erase(key);
  }
  for (const auto& [key, value] : change.set_labels) {
    labels[key] = value;
  }
  return labels;
}

absl::Status Update(Connection& db, const Job& job, const BulkChange& change) {
  const std::map<std::string, std::string> labels = LabelsAfter(job, change);
  const int priority = change.priority.value_or(job.priority);
  if (labels == job.labels && priority == job.priority) {
    return absl::OkStatus();
  }
  if (labels != job.labels) {
    NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM label WHERE job = ?1", job.id));
    for (const auto& [key, value] : labels) {
      NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO label(job, key, value) VALUES(?1, ?2, ?3)", job.id, key, value));
    }
  }
  return ChangeJob(db, "UPDATE job SET priority = ?2, " NORMLAB_NEW_REVISION " WHERE id = ?1", job.id, priority)
      .status();
}

}  // namespace

absl::Status BulkChanges::Check(const Job& job) const {
  if (!Matches(job, filter_)) {
    return Refuse(job, "that is no longer what was asked for");
  }
  switch (change_.kind) {
    case Kind::kCancel:
      return job.state == JobState::kQueued || job.state == JobState::kRunning
                 ? absl::OkStatus()
                 : Refuse(job, "there is nothing to cancel");
    case Kind::kResume:
      if (job.state != JobState::kCancelled && job.state != JobState::kFailed) {
        return Refuse(job, "only a CANCELLED or FAILED job can be resumed");
      }
      return change_.may_resume ? change_.may_resume(job) : absl::OkStatus();
    case Kind::kDelete:
      return IsTerminal(job.state) ? absl::OkStatus()
                                   : Refuse(job, "cancel it and wait for it to stop before deleting it");
    case Kind::kUpdate:
      if (change_.priority.has_value() && IsTerminal(job.state)) {
        return Refuse(job, "its priority means nothing any more");
      }
      if (const std::size_t labels = LabelsAfter(job, change_).size(); labels > change_.max_labels) {
        return absl::FailedPreconditionError(
            fmt::format("{} would have {} labels; expected at most {}", JobName(job.id), labels, change_.max_labels));
      }
  }
  return absl::OkStatus();
}

absl::StatusOr<JobId> BulkChanges::Resume(Connection& db, JobId id, Details& details) {
  const Resumable& source = sources_.at(id);
  NORMLAB_RETURN_IF_ERROR(source.job.status());
  NORMLAB_ASSIGN_OR_RETURN(const JobId made, ContinueJob(db, *source.job, source.checkpoint, parts_.now_ms(), details));
  const absl::Status room = CheckQueue(db, parts_.max_queued);
  NORMLAB_RETURN_IF_ERROR(absl::IsResourceExhausted(room) ? absl::FailedPreconditionError(Message(room)) : room);
  return made;
}

absl::Status BulkChanges::ChangeOne(Connection& db, JobId id, Details& details, AnsweredJob& row) {
  NORMLAB_ASSIGN_OR_RETURN(const Job job, LoadJob(db, id));
  NORMLAB_RETURN_IF_ERROR(Check(job));
  switch (change_.kind) {
    case Kind::kCancel: {
      NORMLAB_RETURN_IF_ERROR(Cancel(db, id, parts_.now_ms()));
      const Details end = JobChanges::EndOf(id, thinned_.emplace_back());
      details.insert(details.end(), end.begin(), end.end());
      return absl::OkStatus();
    }
    case Kind::kResume: {
      NORMLAB_ASSIGN_OR_RETURN(row.made, Resume(db, id, details));
      return absl::OkStatus();
    }
    case Kind::kDelete: {
      NORMLAB_ASSIGN_OR_RETURN(const RemovedFiles files, DeleteJob(db, id));
      removed_.checkpoints.insert(removed_.checkpoints.end(), files.checkpoints.begin(), files.checkpoints.end());
      removed_.artifacts.insert(removed_.artifacts.end(), files.artifacts.begin(), files.artifacts.end());
      return absl::OkStatus();
    }
    case Kind::kUpdate:
      return Update(db, job, change_);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<JobId>> BulkChanges::Next(JobId before) {
  return parts_.readers.Read(
      [&](Connection& db) { return MatchingJobs(db, filter_, before, WayOf(change_.kind).slice); });
}

absl::StatusOr<std::vector<AnsweredJob>> BulkChanges::RunSlice(const Request& request, const std::vector<JobId>& ids) {
  sources_.clear();
  if (change_.kind == Kind::kResume) {
    for (const JobId id : ids) {
      NORMLAB_ASSIGN_OR_RETURN(sources_[id], FindResumable(parts_.job_files, parts_.readers, id));
    }
  }
  const auto carry = [&](Connection& db, Details& details) -> absl::StatusOr<JobChanges::Answer> {
    removed_ = {};
    thinned_.clear();
    JobChanges::Answer answer;
    answer.jobs.resize(ids.size());
    for (std::size_t i = ids.size(); i-- > 0;) {  // the oldest first
      AnsweredJob& row = answer.jobs[i];
      row.job = ids[i];
      Details more;
      row.left = InSavepoint(db, [&] { return ChangeOne(db, ids[i], more, row); });
      if (row.left.ok()) {
        details.insert(details.end(), more.begin(), more.end());
      } else if (!IsOfOneJob(row.left)) {
        return row.left;
      }
    }
    return answer;
  };
  absl::StatusOr<std::vector<AnsweredJob>> rows =
      parts_.changes.Once(request, WayOf(change_.kind).method, parts_.now_ms(), carry);
  if (absl::IsDataLoss(rows.status())) {
    return RunApart(request, ids);
  }
  NORMLAB_RETURN_IF_ERROR(rows.status());
  for (const std::vector<std::string>& files : thinned_) {
    parts_.files.Remove(Folder::kCheckpoints, files);
  }
  NORMLAB_RETURN_IF_ERROR(change_.kind == Kind::kDelete ? parts_.remove(removed_) : absl::OkStatus());
  return rows;
}

// One by one, as the calls for one job do it, which know their way around a damaged page.
absl::StatusOr<std::vector<AnsweredJob>> BulkChanges::RunApart(const Request& request, const std::vector<JobId>& ids) {
  std::vector<AnsweredJob> rows(ids.size());
  for (std::size_t i = ids.size(); i-- > 0;) {
    AnsweredJob& row = rows[i];
    row.job = ids[i];
    const absl::StatusOr<Job> job = parts_.store.GetJob(ids[i]);
    row.left = job.ok() ? Check(*job) : job.status();
    if (change_.kind == Kind::kDelete && absl::IsDataLoss(row.left)) {
      row.left = absl::OkStatus();  // what cannot be read can be removed
    }
    if (!row.left.ok()) {
      continue;
    }
    if (change_.kind == Kind::kCancel) {
      row.left = parts_.store.Cancel({}, ids[i]).status();
    } else if (change_.kind == Kind::kDelete) {
      row.left = parts_.store.Delete({}, ids[i]);
    } else if (change_.kind == Kind::kResume) {
      const absl::StatusOr<Job> made = parts_.store.ResumeAsNew({}, ids[i]);
      row.left = made.status();
      row.made = made.ok() ? made->id : 0;
    } else {
      row.left = parts_.writer.Run(Writer::Lane::kState, 0, [&](Connection& db) { return Update(db, *job, change_); });
    }
    NORMLAB_RETURN_IF_ERROR(IsOfOneJob(row.left) || absl::IsDataLoss(row.left) ? absl::OkStatus() : row.left);
  }
  const absl::Status saved = parts_.writer.Run(Writer::Lane::kState, 0, [&](Connection& db) {
    return SaveAnswer(db, request, WayOf(change_.kind).method, rows, parts_.now_ms());
  });
  if (!saved.ok()) {
    Log(LogLevel::kError, "answer_not_kept", {{"method", WayOf(change_.kind).method}, {"error", Message(saved)}});
  }
  return rows;
}

absl::StatusOr<BulkOutcome> BulkChanges::Show(Connection& db, const AnsweredJob& row) const {
  BulkOutcome outcome{.left = row.left, .job = {}, .shown = false};
  outcome.job.id = row.job;
  if (row.left.ok() && change_.kind != Kind::kDelete) {
    absl::StatusOr<Job> job = LoadWhole(db, row.made != 0 ? row.made : row.job);
    if (job.ok()) {  // it may have been deleted since
      outcome.job = *std::move(job);
      outcome.job.spec.clear();
      outcome.job.facts.clear();
      outcome.shown = true;
    }
  }
  return outcome;
}

absl::StatusOr<std::vector<BulkOutcome>> BulkChanges::ShowAll(const std::vector<AnsweredJob>& rows) {
  return parts_.readers.Read([&](Connection& db) -> absl::StatusOr<std::vector<BulkOutcome>> {
    std::vector<BulkOutcome> outcomes;
    for (const AnsweredJob& row : rows) {
      NORMLAB_ASSIGN_OR_RETURN(outcomes.emplace_back(), Show(db, row));
    }
    return outcomes;
  });
}

absl::StatusOr<std::vector<BulkOutcome>> BulkChanges::Run(const Request& request) {
  const Way& way = WayOf(change_.kind);
  std::vector<BulkOutcome> outcomes;
  JobId before = std::numeric_limits<JobId>::max();
  for (int number = 0;; ++number) {
    Request slice = request;
    slice.id += request.id.empty() || number == 0 ? "" : fmt::format("/{}", number);
    const absl::StatusOr<std::optional<std::vector<AnsweredJob>>> found =
        parts_.readers.Read([&](Connection& db) { return FindAnswer(db, slice, way.method); });
    NORMLAB_RETURN_IF_ERROR(absl::IsDataLoss(found.status()) ? absl::OkStatus() : found.status());
    std::vector<AnsweredJob> rows;
    if (found.ok() && found->has_value()) {
      rows = **found;
    } else {
      NORMLAB_ASSIGN_OR_RETURN(const std::vector<JobId> ids, Next(before));
      NORMLAB_ASSIGN_OR_RETURN(rows, RunSlice(slice, ids));
    }
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<BulkOutcome> some, ShowAll(rows));
    outcomes.insert(outcomes.end(), some.begin(), some.end());
    if (rows.size() < static_cast<std::size_t>(way.slice)) {
      return outcomes;
    }
    before = rows.back().job;
  }
}

absl::StatusOr<std::vector<BulkOutcome>> BulkChanges::Preview() {
  std::vector<BulkOutcome> outcomes;
  JobId before = std::numeric_limits<JobId>::max();
  for (;;) {
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<JobId> ids, Next(before));
    std::vector<AnsweredJob> rows;
    for (const JobId id : ids) {
      const absl::StatusOr<Job> job = parts_.store.GetJob(id);
      const absl::Status left = job.ok() ? Check(*job) : job.status();
      rows.push_back({.job = id, .left = left});
    }
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<BulkOutcome> some, ShowAll(rows));
    outcomes.insert(outcomes.end(), some.begin(), some.end());
    if (ids.size() < static_cast<std::size_t>(WayOf(change_.kind).slice)) {
      return outcomes;
    }
    before = ids.back();
  }
}

}  // namespace normlab::store
