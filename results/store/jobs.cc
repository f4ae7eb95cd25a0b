#include "results/store/jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "results/store/external_rows.h"

namespace normlab::store {
namespace {

constexpr std::string_view kSelectJob =
    "SELECT id, spec, experiment, identity, dataset, state, priority, attempt, created_ms, started_ms, finished_ms, "
    "steps_done, steps_total, steps_per_second, cpu_seconds, error, fingerprint, worker, revision, worker_id, "
    "resumed_from "
    "FROM job WHERE id = ?1";

// The current row of a query that starts as kSelectJob.
Job ReadRow(const Query& row) {
  Job job;
  job.id = row.Int(0);
  job.spec = row.Text(1);
  job.experiment = row.Text(2);
  job.identity = row.Text(3);
  job.dataset = row.Text(4);
  job.state = static_cast<JobState>(row.Int(5));
  job.priority = static_cast<int>(row.Int(6));
  job.attempt = static_cast<int>(row.Int(7));
  job.created_ms = row.Int(8);
  job.started_ms = row.Int(9);
  job.finished_ms = row.Int(10);
  job.steps_done = row.Unsigned(11);
  job.steps_total = row.Unsigned(12);
  job.steps_per_second = row.Real(13);
  job.cpu_seconds = row.Real(14);
  job.error = row.Text(15);
  job.fingerprint = row.Text(16);
  job.worker = row.Text(17);
  job.revision = row.Unsigned(18);
  job.worker_id = row.Text(19);
  job.resumed_from = row.Int(20);
  return job;
}

absl::StatusOr<std::map<std::string, std::string>> LoadPairs(Connection& db, std::string_view sql, JobId id) {
  std::map<std::string, std::string> pairs;
  Query row = db.Ask(sql, id);
  while (row.Next()) {
    pairs.emplace_hint(pairs.end(), row.Text(0), row.Text(1));
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return pairs;
}

constexpr std::string_view kSelectLabels = "SELECT key, value FROM label WHERE job = ?1 ORDER BY key";
constexpr std::string_view kSelectFacts = "SELECT key, value FROM fact WHERE job = ?1 ORDER BY key";

constexpr std::array kAllStates = {JobState::kQueued, JobState::kRunning,   JobState::kCancelling, JobState::kSucceeded,
                                   JobState::kFailed, JobState::kCancelled, JobState::kDiverged};

}  // namespace

absl::StatusOr<Job> LoadRow(Connection& db, JobId id) {
  Query row = db.Ask(kSelectJob, id);
  if (!row.Next()) {
    return row.status().ok() ? absl::NotFoundError(fmt::format("{} does not exist", JobName(id)))
                             : Annotate(row.status(), fmt::format("the row of {} cannot be read", JobName(id)));
  }
  return ReadRow(row);
}

bool Matches(const Job& job, const JobFilter& filter) {
  if (!filter.ids.empty() && std::find(filter.ids.begin(), filter.ids.end(), job.id) == filter.ids.end()) {
    return false;
  }
  if (!filter.states.empty() &&
      std::find(filter.states.begin(), filter.states.end(), job.state) == filter.states.end()) {
    return false;
  }
  if (!filter.experiment.empty() && job.experiment != filter.experiment) {
    return false;
  }
  return std::all_of(filter.labels.begin(), filter.labels.end(), [&](const auto& wanted) {
    const auto it = job.labels.find(wanted.first);
    return it != job.labels.end() && it->second == wanted.second;
  });
}

namespace {

// The newest `limit` ids below `before` of the states and the experiment, newest first. One walk along an index for
// each state: SQLite has no index order for "one of these states, by id".
absl::StatusOr<std::vector<JobId>> IdsByState(Connection& db, const JobFilter& filter, JobId before,
                                              std::int64_t limit) {
  std::vector<JobState> states = filter.states;
  if (states.empty()) {
    states.assign(kAllStates.begin(), kAllStates.end());
  }
  std::sort(states.begin(), states.end());
  states.erase(std::unique(states.begin(), states.end()), states.end());
  std::vector<JobId> ids;
  for (const JobState state : states) {
    NORMLAB_ASSIGN_OR_RETURN(
        const std::vector<JobId> some,
        filter.experiment.empty()
            ? db.Ints("SELECT id FROM job WHERE state = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
                      static_cast<int>(state), before, limit)
            : db.Ints("SELECT id FROM job WHERE experiment = ?4 AND state = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
                      static_cast<int>(state), before, limit, filter.experiment));
    ids.insert(ids.end(), some.begin(), some.end());
  }
  std::sort(ids.begin(), ids.end(), std::greater<>());
  if (ids.size() > static_cast<std::size_t>(limit)) {
    ids.resize(limit);
  }
  return ids;
}

// Candidates for a page, newest first; each must still be held against the filter. Fewer than `limit`: there are no
// more.
absl::StatusOr<std::vector<JobId>> Candidates(Connection& db, const JobFilter& filter, JobId before,
                                              std::int64_t limit) {
  if (!filter.ids.empty()) {
    std::set<JobId, std::greater<>> named(filter.ids.begin(), filter.ids.end());
    named.erase(named.begin(), named.lower_bound(before - 1));
    std::vector<JobId> ids(named.begin(), named.end());
    ids.resize(std::min(ids.size(), static_cast<std::size_t>(limit)));
    return ids;
  }
  if (!filter.labels.empty()) {
    const auto& [key, value] = *filter.labels.begin();
    return db.Ints("SELECT job FROM label WHERE key = ?1 AND value = ?2 AND job < ?3 ORDER BY job DESC LIMIT ?4", key,
                   value, before, limit);
  }
  if (!filter.states.empty() || !filter.experiment.empty()) {
    return IdsByState(db, filter, before, limit);
  }
  absl::StatusOr<std::vector<JobId>> ids =
      db.Ints("SELECT id FROM job WHERE id < ?1 ORDER BY id DESC LIMIT ?2", before, limit);
  // That walks the rows themselves; the indexes know those on a damaged page too, and what lies behind it.
  return absl::IsDataLoss(ids.status()) ? IdsByState(db, filter, before, limit) : ids;
}

}  // namespace

std::string JobName(JobId id) { return fmt::format("job j{}", id); }

std::string_view StateName(JobState state) {
  constexpr std::array<std::string_view, 8> kNames = {"?",         "QUEUED", "RUNNING",   "CANCELLING",
                                                      "SUCCEEDED", "FAILED", "CANCELLED", "DIVERGED"};
  const auto index = static_cast<std::size_t>(state);
  return index < kNames.size() ? kNames[index] : kNames[0];
}

absl::StatusOr<std::uint64_t> NextRevision(Connection& db) {
  return db.Int("UPDATE counter SET revision = revision + 1 RETURNING revision");
}

absl::StatusOr<JobId> InsertJob(Connection& db, const NewJob& job, std::int64_t now_ms) {
  NORMLAB_ASSIGN_OR_RETURN(const std::uint64_t revision, NextRevision(db));
  NORMLAB_RETURN_IF_ERROR(
      db.Run("INSERT INTO job(experiment, identity, dataset, state, priority, created_ms, revision, spec) "
             "VALUES(?1, ?2, ?3, 1, ?4, ?5, ?6, ?7)",
             job.experiment, job.identity, job.dataset, job.priority, now_ms, revision, Blob{job.spec}));
  const JobId id = db.LastRowId();
  for (const auto& [key, value] : job.labels) {
    NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO label(job, key, value) VALUES(?1, ?2, ?3)", id, key, value));
  }
  return id;
}

absl::StatusOr<Job> LoadJob(Connection& db, JobId id) {
  NORMLAB_ASSIGN_OR_RETURN(Job job, LoadRow(db, id));
  NORMLAB_ASSIGN_OR_RETURN(job.external, LoadExternal(db, id));
  NORMLAB_ASSIGN_OR_RETURN(job.labels, LoadPairs(db, kSelectLabels, id));
  NORMLAB_ASSIGN_OR_RETURN(job.facts, LoadPairs(db, kSelectFacts, id));
  return job;
}

absl::StatusOr<ReadableJob> LoadReadable(Connection& db, JobId id) {
  NORMLAB_ASSIGN_OR_RETURN(Job job, LoadRow(db, id));
  NORMLAB_ASSIGN_OR_RETURN(job.external, LoadExternal(db, id));
  auto labels = LoadPairs(db, kSelectLabels, id);
  auto facts = LoadPairs(db, kSelectFacts, id);
  for (const absl::Status& status : {labels.status(), facts.status()}) {
    if (!status.ok() && !absl::IsDataLoss(status)) {
      return status;
    }
  }
  const char* const lost = facts.ok() ? (labels.ok() ? "" : "labels") : (labels.ok() ? "facts" : "facts and labels");
  job.facts = std::move(facts).value_or(std::map<std::string, std::string>());
  job.labels = std::move(labels).value_or(std::map<std::string, std::string>());
  return ReadableJob{std::move(job), lost};
}

absl::StatusOr<Job> LoadWhole(Connection& db, JobId id) {
  NORMLAB_ASSIGN_OR_RETURN(ReadableJob found, LoadReadable(db, id));
  if (!found.lost.empty()) {
    std::string& damage = found.job.facts[std::string(kDamageFact)];
    damage += fmt::format("{}its {} cannot be read", damage.empty() ? "" : "; ", found.lost);
  }
  return std::move(found.job);
}

absl::StatusOr<std::vector<Job>> LoadJobs(Connection& db, const std::vector<JobId>& ids) {
  std::vector<Job> jobs;
  jobs.reserve(ids.size());
  for (const JobId id : ids) {
    absl::StatusOr<Job> job = LoadWhole(db, id);
    if (job.ok()) {
      jobs.push_back(*std::move(job));
    } else if (!absl::IsDataLoss(job.status())) {
      return job.status();
    }
  }
  return jobs;
}

absl::Status NoteDamage(Connection& db, JobId id, std::string_view what) {
  Log(LogLevel::kError, "data_lost", {{"job", id}, {"what", what}});
  NORMLAB_RETURN_IF_ERROR(
      db.Run("INSERT INTO fact(job, key, value) VALUES(?1, ?2, ?3) "
             "ON CONFLICT DO UPDATE SET value = substr(value || '; ' || excluded.value, 1, 4000)",
             id, kDamageFact, what));
  return ChangeJob(db, "UPDATE job SET " NORMLAB_NEW_REVISION " WHERE id = ?1", id).status();
}

absl::Status MergeFacts(Connection& db, JobId id, const std::map<std::string, std::string>& facts) {
  for (const auto& [key, value] : facts) {
    NORMLAB_RETURN_IF_ERROR(db.Run("INSERT OR REPLACE INTO fact(job, key, value) VALUES(?1, ?2, ?3)", id, key, value));
  }
  return absl::OkStatus();
}

absl::StatusOr<JobPage> ListJobs(Connection& db, const JobFilter& filter, std::optional<JobId> before, int limit) {
  if (limit <= 0) {
    return absl::InvalidArgumentError(fmt::format("a page of {} jobs was asked for; expected at least 1", limit));
  }
  JobPage page;
  JobId cursor = before.value_or(std::numeric_limits<JobId>::max());
  for (;;) {
    // One more than wanted tells whether there is a next page.
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<JobId> ids, Candidates(db, filter, cursor, std::int64_t{limit} + 1));
    NORMLAB_ASSIGN_OR_RETURN(std::vector<Job> jobs, LoadJobs(db, ids));
    for (Job& job : jobs) {
      if (!Matches(job, filter)) {
        continue;
      }
      if (page.jobs.size() == static_cast<std::size_t>(limit)) {
        page.next_before = page.jobs.back().id;
        return page;
      }
      page.jobs.push_back(std::move(job));
    }
    if (ids.size() <= static_cast<std::size_t>(limit)) {
      return page;
    }
    cursor = ids.back();
  }
}

absl::StatusOr<std::vector<JobId>> MatchingJobs(Connection& db, const JobFilter& filter, JobId before, int limit) {
  std::vector<JobId> matching;
  for (JobId cursor = before;;) {
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<JobId> ids, Candidates(db, filter, cursor, limit));
    for (const JobId id : ids) {
      const absl::StatusOr<Job> job = LoadWhole(db, id);
      const bool unreadable = absl::IsNotFound(job.status()) || absl::IsDataLoss(job.status());
      NORMLAB_RETURN_IF_ERROR(unreadable ? absl::OkStatus() : job.status());
      if (unreadable ? !filter.ids.empty() : Matches(*job, filter)) {
        matching.push_back(id);
      }
      if (matching.size() == static_cast<std::size_t>(limit)) {
        return matching;
      }
    }
    if (ids.size() < static_cast<std::size_t>(limit)) {
      return matching;
    }
    cursor = ids.back();
  }
}

absl::StatusOr<std::optional<JobId>> BestOfIdentity(Connection& db, std::string_view identity) {
  Query row = db.Ask(
      "SELECT id FROM job WHERE identity = ?1 "
      "ORDER BY CASE state WHEN 4 THEN 0 WHEN 7 THEN 1 WHEN 2 THEN 2 WHEN 1 THEN 3 ELSE 4 END, id DESC LIMIT 1",
      identity);
  std::optional<JobId> best;
  if (row.Next()) {
    best = row.Int(0);
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return best;
}

absl::StatusOr<std::string> NewestFact(Connection& db, std::string_view dataset, std::string_view key) {
  Query row = db.Ask(
      "SELECT value FROM job JOIN fact ON fact.job = job.id AND fact.key = ?2 WHERE dataset = ?1 ORDER BY id DESC "
      "LIMIT 1",
      dataset, key);
  std::string value = row.Next() ? row.Text(0) : "";
  NORMLAB_RETURN_IF_ERROR(row.status());
  return value;
}

absl::StatusOr<std::vector<Job>> ChangedSince(Connection& db, std::uint64_t after, int limit) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<JobId> ids,
                           db.Ints("SELECT id FROM job WHERE revision > ?1 ORDER BY revision LIMIT ?2", after, limit));
  return LoadJobs(db, ids);
}

absl::StatusOr<std::vector<Job>> ActiveJobs(Connection& db) {
  NORMLAB_ASSIGN_OR_RETURN(
      const std::vector<JobId> ids,
      db.Ints("SELECT id FROM job WHERE state IN (2, 3) AND id NOT IN (SELECT job FROM external_run) "
              "ORDER BY id"));
  return LoadJobs(db, ids);
}

namespace {

// The stored job that answers `wanted`, if there is one: not one that failed, was cancelled or is being cancelled, which
// will not give the result that is asked for.
absl::StatusOr<std::optional<JobId>> Reusable(Connection& db, const NewJob& wanted) {
  std::optional<JobId> stored;
  if (wanted.rerun) {
    return stored;
  }
  NORMLAB_ASSIGN_OR_RETURN(stored, BestOfIdentity(db, wanted.identity));
  if (stored.has_value()) {
    NORMLAB_ASSIGN_OR_RETURN(const std::int64_t gives,
                             db.Int("SELECT state NOT IN (3, 5, 6) FROM job WHERE id = ?1", *stored));
    stored = gives != 0 ? stored : std::nullopt;
  }
  return stored;
}

}  // namespace

absl::StatusOr<std::vector<AnsweredJob>> CreateJobs(Connection& db, const std::vector<NewJob>& jobs,
                                                    std::int64_t now_ms) {
  std::vector<AnsweredJob> created;
  created.reserve(jobs.size());
  for (const NewJob& wanted : jobs) {
    NORMLAB_ASSIGN_OR_RETURN(const std::optional<JobId> stored, Reusable(db, wanted));
    NORMLAB_ASSIGN_OR_RETURN(const JobId id, stored ? absl::StatusOr<JobId>(*stored) : InsertJob(db, wanted, now_ms));
    created.push_back({.job = id, .reused = stored.has_value(), .attempt = 0});
  }
  return created;
}

absl::StatusOr<std::vector<CreatedJob>> PreviewJobs(Connection& db, const std::vector<NewJob>& jobs) {
  std::vector<CreatedJob> previewed;
  previewed.reserve(jobs.size());
  std::set<std::string_view> made;  // identities that an earlier one of `jobs` would make
  for (const NewJob& wanted : jobs) {
    NORMLAB_ASSIGN_OR_RETURN(const std::optional<JobId> stored, Reusable(db, wanted));
    const bool reused = stored.has_value() || (!wanted.rerun && made.contains(wanted.identity));
    if (!reused) {
      made.insert(wanted.identity);
    }
    Job job;
    if (stored.has_value()) {
      NORMLAB_ASSIGN_OR_RETURN(job, LoadWhole(db, *stored));
    } else {
      job.spec = wanted.spec;
      job.experiment = wanted.experiment;
      job.identity = wanted.identity;
      job.dataset = wanted.dataset;
    }
    previewed.push_back({std::move(job), reused});
  }
  return previewed;
}

absl::StatusOr<std::int64_t> CountQueued(Connection& db) {
  return db.Int("SELECT count(*) FROM job INDEXED BY job_queue WHERE state = 1");
}

absl::Status CheckQueue(Connection& db, std::int64_t max) {
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t queued, CountQueued(db));
  return queued <= max ? absl::OkStatus()
                       : absl::ResourceExhaustedError(fmt::format(
                             "the queue is full: {} jobs may wait for a worker; submit again when some are done", max));
}

}  // namespace normlab::store
