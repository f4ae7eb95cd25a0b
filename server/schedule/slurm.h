// slurm.h - what is asked of Slurm, by its own commands sbatch, squeue and scancel.
//
// A job is known by its name alone: a controller that was killed forgets its last seconds and gives their numbers away again.
//
// Thread safety: none; blocks for as long as `patience`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/command.h"
#include "base/status.h"

namespace normlab::server {

// What is asked for each worker.
struct Allocation {
  int cpus = 1;
  std::int64_t memory_mib = 0;            // 0: what the partition gives
  int minutes = 0;                        // 0: as many as the partition gives
  std::string partition = {};             // empty: the cluster's default
  std::vector<std::string> options = {};  // further ones of sbatch's, as they are
};

struct SlurmJob {
  std::string id;     // for people
  std::string state;  // "PENDING", "RUNNING", ...
  std::string name;
  std::string reason;  // why it waits, or ended
};

// What squeue prints in List's format.
std::vector<SlurmJob> ReadQueue(std::string_view said);
// Slurm keeps no process of a job in this state.
bool HasEnded(const SlurmJob& job);
// It ended for a reason that is none of what ran in it: it was preempted, its node was lost.
bool IsBlameless(const SlurmJob& job);

class Slurm {
 public:
  // kNotFound, naming the command, if one is not in the folders `path` ("/usr/bin:/bin").
  static absl::StatusOr<Slurm> Find(std::string_view path);

  std::chrono::milliseconds patience{20'000};  // with each command
  std::function<bool()> given_up = nullptr;    // see Command

  struct Batch {
    std::string name;
    std::string script;  // path; Slurm takes a copy
    std::vector<std::string> arguments;
    std::string folder;  // to run in
    std::string log;     // where its output goes
  };
  // The job's number. kUnavailable: nothing was submitted, for sbatch could not be started; after every other error it may have been.
  absl::StatusOr<std::string> Submit(const Batch& batch, const Allocation& allocation) const;
  // This user's jobs, of the last minutes also those that have ended.
  absl::StatusOr<std::vector<SlurmJob>> List() const;
  // Ends this user's jobs of this name: SIGTERM, and SIGKILL when the cluster's KillWait has passed. OK if there is none.
  absl::Status Cancel(const std::string& name) const;

 private:
  // What the command printed. kInternal if it failed.
  absl::StatusOr<std::string> Run(std::vector<std::string> argv) const;

  std::string sbatch_;
  std::string squeue_;
  std::string scancel_;
};

}  // namespace normlab::server
