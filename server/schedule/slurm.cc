#include "server/schedule/slurm.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/process.h"
#include "base/text.h"

namespace normlab::server {
namespace {

constexpr std::size_t kLongestError = 300;
constexpr int kWarning = 120;  // seconds before the time limit at which the worker is told

// The first part of `text`, which loses it and the mark behind it.
std::string_view TakeUntil(std::string_view& text, char mark) {
  const std::string_view part = text.substr(0, text.find(mark));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

std::string LastLine(std::string_view text) {
  std::string_view last;
  while (!text.empty()) {
    const std::string_view line = TakeUntil(text, '\n');
    last = line.find_first_not_of(" \t\r") == std::string_view::npos ? last : line;
  }
  return OneLine(last, kLongestError);
}

absl::StatusOr<std::string> FindProgram(std::string_view path, std::string_view name) {
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view folder = TakeUntil(rest, ':');
    std::string file = fmt::format("{}/{}", folder, name);
    if (!folder.empty() && ::access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return absl::NotFoundError(
      fmt::format("no {} in PATH: Slurm's commands are not on this machine. Start normlabd where jobs are submitted, "
                  "such as a login node, after "
                  "what your cluster asks for (often `module load slurm`)",
                  name));
}

bool IsOneOf(std::string_view state, std::initializer_list<std::string_view> states) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

}  // namespace

std::vector<SlurmJob> ReadQueue(std::string_view said) {
  std::vector<SlurmJob> jobs;
  while (!said.empty()) {
    std::string_view line = TakeUntil(said, '\n');
    SlurmJob job;
    for (std::string* part : {&job.id, &job.state, &job.name}) {
      *part = TakeUntil(line, '|');
    }
    job.reason = line;
    jobs.push_back(std::move(job));
  }
  return jobs;
}

bool HasEnded(const SlurmJob& job) {
  return IsBlameless(job) || IsOneOf(job.state, {"FAILED", "TIMEOUT", "OUT_OF_MEMORY"});
}

bool IsBlameless(const SlurmJob& job) {
  return IsOneOf(job.state, {"COMPLETED", "CANCELLED", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "DEADLINE", "REVOKED"});
}

absl::StatusOr<Slurm> Slurm::Find(std::string_view path) {
  Slurm slurm;
  NORMLAB_ASSIGN_OR_RETURN(slurm.sbatch_, FindProgram(path, "sbatch"));
  NORMLAB_ASSIGN_OR_RETURN(slurm.squeue_, FindProgram(path, "squeue"));
  NORMLAB_ASSIGN_OR_RETURN(slurm.scancel_, FindProgram(path, "scancel"));
  return slurm;
}

absl::StatusOr<std::string> Slurm::Run(std::vector<std::string> argv) const {
  const std::string name = argv[0].substr(argv[0].rfind('/') + 1);
  const Command command{.argv = std::move(argv), .patience = patience, .given_up = given_up};
  NORMLAB_ASSIGN_OR_RETURN(CommandResult result, RunCommand(command));
  if (result.wait_status != 0) {
    return absl::InternalError(fmt::format("{} {}: {}", name, DescribeExit(result.wait_status), LastLine(result.err)));
  }
  return std::move(result.out);
}

absl::StatusOr<std::string> Slurm::Submit(const Batch& batch, const Allocation& allocation) const {
  // NONE: a node gets nothing of this process's environment, but what the user has there when he logs in.
  std::vector<std::string> argv = {sbatch_,
                                   "--parsable",
                                   "--no-requeue",
                                   "--export=NONE",
                                   "--job-name=" + batch.name,
                                   "--ntasks=1",
                                   fmt::format("--cpus-per-task={}", allocation.cpus),
                                   fmt::format("--signal=B:TERM@{}", kWarning),
                                   "--open-mode=append",
                                   "--chdir=" + batch.folder,
                                   "--output=" + batch.log};
  if (allocation.memory_mib > 0) {
    argv.push_back(fmt::format("--mem={}M", allocation.memory_mib));
  }
  if (allocation.minutes > 0) {
    argv.push_back(fmt::format("--time={}", allocation.minutes));
  }
  if (!allocation.partition.empty()) {
    argv.push_back("--partition=" + allocation.partition);
  }
  argv.insert(argv.end(), allocation.options.begin(), allocation.options.end());
  argv.push_back(batch.script);
  argv.insert(argv.end(), batch.arguments.begin(), batch.arguments.end());
  NORMLAB_ASSIGN_OR_RETURN(const std::string said, Run(std::move(argv)));
  std::string line = LastLine(said);
  const std::string id = line.substr(0, line.find(';'));  // "17;cluster"
  if (id.empty() || id.find_first_not_of("0123456789") != std::string::npos) {
    return absl::InternalError(fmt::format("sbatch said \"{}\"; expected the number of a job", line));
  }
  return id;
}

absl::StatusOr<std::vector<SlurmJob>> Slurm::List() const {
  NORMLAB_ASSIGN_OR_RETURN(const std::string said, Run({squeue_, "--noheader", fmt::format("--user={}", ::getuid()),
                                                        "--states=all", "--format=%i|%T|%j|%r"}));
  return ReadQueue(said);
}

absl::Status Slurm::Cancel(const std::string& name) const {
  return Run({scancel_, "--quiet", fmt::format("--user={}", ::getuid()), "--name=" + name}).status();
}

}  // namespace normlab::server
