// jobs.h - rows of jobs: insert, load, list, find. State changes are in transitions.h.
//
// All functions run on the connection they are given: inside the writer's transaction or a reader's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "results/store/requests.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

// "job j17", for messages.
std::string JobName(JobId id);

// Takes the next revision, for a change of a job.
absl::StatusOr<std::uint64_t> NextRevision(Connection& db);

// Runs an UPDATE of one job whose SET holds NORMLAB_NEW_REVISION, and takes that revision if a row was changed. Whether
// one was.
template <typename... Args>
absl::StatusOr<bool> ChangeJob(Connection& db, std::string_view sql, const Args&... args) {
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t changed, db.Change(sql, args...));
  if (changed == 1) {
    NORMLAB_RETURN_IF_ERROR(NextRevision(db).status());
  }
  return changed == 1;
}
#define NORMLAB_NEW_REVISION "revision = (SELECT revision + 1 FROM counter)"

// Adds a queued job.
absl::StatusOr<JobId> InsertJob(Connection& db, const NewJob& job, std::int64_t now_ms);
// kNotFound if there is none.
absl::StatusOr<Job> LoadJob(Connection& db, JobId id);
// Its row alone, without labels and facts; for a writer's call that must not meet damage in them.
absl::StatusOr<Job> LoadRow(Connection& db, JobId id);
// As LoadJob for readers alone, with what is whole of its labels and facts: a transaction that met a damaged page writes no more.
struct ReadableJob {
  Job job;
  std::string lost;  // "labels", "facts", "facts and labels"; empty: neither
};
absl::StatusOr<ReadableJob> LoadReadable(Connection& db, JobId id);
// Its job; the fact kDamageFact says what is lost.
absl::StatusOr<Job> LoadWhole(Connection& db, JobId id);
// Those of `ids` whose rows can be read, in their order.
absl::StatusOr<std::vector<Job>> LoadJobs(Connection& db, const std::vector<JobId>& ids);
// Adds facts; those of the same key are replaced.
absl::Status MergeFacts(Connection& db, JobId id, const std::map<std::string, std::string>& facts);
// Says, in the log and in the fact kDamageFact, what of a job cannot be read any more.
inline constexpr std::string_view kDamageFact = "damage";
absl::Status NoteDamage(Connection& db, JobId id, std::string_view what);

bool Matches(const Job& job, const JobFilter& filter);
// The newest `limit` jobs below `before` that match, newest first. Among them those that the filter names and that are not
// there, or cannot be read: whoever named them is to hear of it.
absl::StatusOr<std::vector<JobId>> MatchingJobs(Connection& db, const JobFilter& filter, JobId before, int limit);
absl::StatusOr<JobPage> ListJobs(Connection& db, const JobFilter& filter, std::optional<JobId> before, int limit);
// As Store::FindByIdentity.
absl::StatusOr<std::optional<JobId>> BestOfIdentity(Connection& db, std::string_view identity);
// As Store::NewestFact.
absl::StatusOr<std::string> NewestFact(Connection& db, std::string_view dataset, std::string_view key);
absl::StatusOr<std::vector<Job>> ChangedSince(Connection& db, std::uint64_t after, int limit);
// As Store::ActiveJobs.
absl::StatusOr<std::vector<Job>> ActiveJobs(Connection& db);

// For each of `jobs`: the stored job of its identity that makes a new one unnecessary, else a new one.
absl::StatusOr<std::vector<AnsweredJob>> CreateJobs(Connection& db, const std::vector<NewJob>& jobs,
                                                    std::int64_t now_ms);
// What CreateJobs would return, with nothing stored; as Store::PreviewJobs.
absl::StatusOr<std::vector<CreatedJob>> PreviewJobs(Connection& db, const std::vector<NewJob>& jobs);
absl::StatusOr<std::int64_t> CountQueued(Connection& db);
// kResourceExhausted if more than `max` jobs are queued. Call after adding some, to have them undone.
absl::Status CheckQueue(Connection& db, std::int64_t max);

}  // namespace normlab::store
