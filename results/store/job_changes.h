// job_changes.h - changes of a job's state that no damaged page keeps from being made.
//
// A change is statements on the job's own row, and details that go with it: facts, the end of an attempt, tails that are
// packed. All of it is one transaction. If that meets a damaged page, with which SQLite commits nothing, the row is
// changed alone, and then each detail in a transaction of its own: what meets the damage is left out, and noted once.
//
// Thread safety: all methods, any thread. Borrows what it is made of.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "results/store/files.h"
#include "results/store/readers.h"
#include "results/store/requests.h"
#include "results/store/store.h"
#include "results/store/transitions.h"
#include "results/store/writer.h"

namespace normlab::store {

class JobChanges {
 public:
  JobChanges(Writer& writer, Readers& readers, Files& files) : writer_(writer), readers_(readers), files_(files) {}

  using Change = std::function<absl::Status(Connection&, Details&)>;
  // Makes a change of `id` and returns the job. A job that is over has its tails packed and its checkpoints thinned out.
  absl::StatusOr<Job> Make(JobId id, const Change& change);

  struct Answer {
    std::vector<AnsweredJob> jobs;
    bool keep = true;  // false: nothing was done, and the request may be carried out later
  };
  // Carries out, once, a request that changes jobs: `carry` makes the change and returns the answer to remember. An answer
  // that was given before counts while `holds`. If the table of answers is damaged, the request is carried out without being
  // remembered.
  using Carry = std::function<absl::StatusOr<Answer>(Connection&, Details&)>;
  using Holds = std::function<bool(Connection&, const std::vector<AnsweredJob>&)>;
  absl::StatusOr<std::vector<AnsweredJob>> Once(
      const Request& request, std::string_view method, std::int64_t now_ms, const Carry& carry,
      const Holds& holds = [](Connection&, const std::vector<AnsweredJob>&) { return true; });

  // What is whole of the jobs, now.
  absl::StatusOr<std::vector<CreatedJob>> Show(const std::vector<AnsweredJob>& answer);

  // What a job needs at its end, besides its row; appends to `files`, which is borrowed, the checkpoints to be removed
  // afterwards.
  static Details EndOf(JobId id, std::vector<std::string>& files);

  // Each in a transaction of its own. Returns what was left out because of damage, for people; empty: nothing.
  absl::StatusOr<std::string> RunApart(const Details& details);

 private:
  using Found = std::optional<std::vector<AnsweredJob>>;
  Writer& writer_;
  Readers& readers_;
  Files& files_;
};

}  // namespace normlab::store
