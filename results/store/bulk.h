// bulk.h - a change of many jobs: those of a filter, in slices that are each one transaction with an answer of its own.
//
// A slice is chosen by a reader, so that looking for jobs holds up no writer, and each of its jobs is looked at again where it is
// changed. Slices go from the newest job to the oldest, which leaves out what is submitted meanwhile, jobs made by resuming among
// it; within a slice the oldest is first. The answer of each is kept under the caller's id and the slice's number: a repeated
// request is told those there are and goes on behind them.
//
// Thread safety: one thread for each object; any number of objects. Borrows what it is made of.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "results/store/job_changes.h"
#include "results/store/job_files.h"
#include "results/store/readers.h"
#include "results/store/removal.h"
#include "results/store/resume.h"
#include "results/store/store.h"
#include "results/store/writer.h"

namespace normlab::store {

class BulkChanges {
 public:
  struct Parts {
    Store& store;  // changes one job where a slice met a damaged page
    Writer& writer;
    Readers& readers;
    Files& files;
    JobFiles& job_files;
    JobChanges& changes;
    std::function<absl::Status(const RemovedFiles&)> remove;
    std::function<std::int64_t()> now_ms;
    std::int64_t max_queued;
  };
  BulkChanges(Parts parts, const JobFilter& filter, const BulkChange& change)
      : parts_(std::move(parts)), filter_(filter), change_(change) {}

  // As Store::ChangeJobs.
  absl::StatusOr<std::vector<BulkOutcome>> Run(const Request& request);
  absl::StatusOr<std::vector<BulkOutcome>> Preview();

 private:
  absl::StatusOr<std::vector<JobId>> Next(JobId before);
  absl::StatusOr<std::vector<AnsweredJob>> RunSlice(const Request& request, const std::vector<JobId>& ids);
  absl::StatusOr<std::vector<AnsweredJob>> RunApart(const Request& request, const std::vector<JobId>& ids);
  // Why `job` is to be left alone, as far as that can be known without changing it.
  absl::Status Check(const Job& job) const;
  absl::Status ChangeOne(Connection& db, JobId id, Details& details, AnsweredJob& row);
  absl::StatusOr<JobId> Resume(Connection& db, JobId id, Details& details);
  absl::StatusOr<BulkOutcome> Show(Connection& db, const AnsweredJob& row) const;
  absl::StatusOr<std::vector<BulkOutcome>> ShowAll(const std::vector<AnsweredJob>& rows);

  const Parts parts_;
  const JobFilter& filter_;
  const BulkChange& change_;
  // Of the slice at hand.
  std::map<JobId, Resumable> sources_;
  RemovedFiles removed_;
  std::deque<std::vector<std::string>> thinned_;  // checkpoints that jobs which ended do not need; stays where it is
};

}  // namespace normlab::store
