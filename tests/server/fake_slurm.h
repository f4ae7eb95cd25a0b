// fake_slurm.h - sbatch, squeue and scancel as scripts that keep jobs as processes of this machine, and that misbehave when they are told to.
#pragma once

#include <string>
#include <vector>

#include "server/schedule/slurm.h"

namespace normlab::server {

class FakeSlurm {
 public:
  // Puts the scripts into `folder`, which is absolute and has no blank in it.
  explicit FakeSlurm(std::string folder);
  // Kills what still runs.
  ~FakeSlurm();
  FakeSlurm(const FakeSlurm&) = delete;
  FakeSlurm& operator=(const FakeSlurm&) = delete;

  Slurm Commands() const { return *Slurm::Find(folder_); }

  // How `command` behaves from now on. sbatch: "" takes the job, "hang", "fail", "rubbish" (takes it, says no number), "late" (takes
  // it, then fails), "lost" (says a number and forgets), "pending" (takes it, and it waits), "federated" (says its cluster too).
  // squeue: "", "hang", "fail". scancel, of a job that waits: "", "fail" (the job has failed then), "forget" (there is none then).
  void SetMode(const std::string& command, const std::string& mode) const;
  // Whatever squeue says of all jobs of this name from now on; empty: nothing, as if it had never been.
  void SetState(const std::string& name, const std::string& state) const;
  // The next `answers` of squeue know no job.
  void Blind(int answers) const { Write("blind", std::to_string(answers)); }
  // All jobs have this number.
  void ReuseId(const std::string& id) const { Write("fixed_id", id); }
  // Lines that squeue says as well.
  void AddStranger(const std::string& line) const;

  // The words of each call so far.
  std::vector<std::string> Calls(const std::string& command) const;
  // Names of the jobs that were taken, in order.
  std::vector<std::string> Names() const;
  // Process of the n-th job; 0: none yet.
  int Pid(int n) const;
  // What stood in the folder of the n-th job's script when sbatch was called.
  std::vector<std::string> Seen(int n) const;

 private:
  void Write(const std::string& file, const std::string& text) const;
  std::vector<std::string> Lines(const std::string& file) const;

  const std::string folder_;
};

}  // namespace normlab::server
