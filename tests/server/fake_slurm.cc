#include "tests/server/fake_slurm.h"

#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace normlab::server {
namespace {

constexpr char kSbatch[] = R"sh(#!/bin/sh
here=${0%/*}
echo "$*" >> "$here/sbatch.calls"
mode=$(cat "$here/sbatch.mode" 2>/dev/null)
case $mode in
  hang) exec sleep 1000 ;;
  fail) echo "sbatch: error: invalid partition specified: nowhere" >&2; exit 1 ;;
  lost) echo 1; exit 0 ;;
esac
while :; do
  case $1 in
    --job-name=*) name=${1#*=} ;;
    --output=*) output=${1#*=} ;;
    --cpus-per-task=*) cpus=${1#*=} ;;
    --*) ;;
    *) break ;;
  esac
  shift
done
n=$(($(ls "$here/jobs" | wc -l) + 1))
job=$here/jobs/$n
mkdir "$job.new"
ls "${1%/*}" > "$job.new/seen"
cat "$here/fixed_id" > "$job.new/id" 2>/dev/null || echo $n > "$job.new/id"
echo "$name" > "$job.new/name"
echo PENDING > "$job.new/state"
mv "$job.new" "$job"
if [ "$mode" != pending ]; then
  SLURM_CPUS_PER_TASK=$cpus setsid "$here/run" "$job" "$@" > "$output" 2>&1 < /dev/null &
fi
case $mode in
  rubbish) echo "Welcome to the cluster" ;;
  late) echo "sbatch: error: Batch job submission failed: Socket timed out" >&2; exit 1 ;;
  federated) echo "$(cat "$job/id");physics" ;;
  *) cat "$job/id" ;;
esac
)sh";

constexpr char kRun[] = R"sh(#!/bin/sh
job=$1
shift
# It begins once its number is known: whoever hears of it can end it. Its folder is gone when the test has ended.
sh -c 'until [ -e "$0/pid" ]; do [ -e "$0" ] || exit 1; sleep 0.01; done; [ -e "$0/cancelled" ] || exec sh "$@"' "$job" "$@" &
echo $! > "$job/pid.new"
echo RUNNING > "$job/state"
mv "$job/pid.new" "$job/pid"
wait $!
status=$?
if [ -e "$job/cancelled" ]; then echo CANCELLED > "$job/state"
elif [ $status = 0 ]; then echo COMPLETED > "$job/state"
else echo FAILED > "$job/state"
fi
)sh";

constexpr char kSqueue[] = R"sh(#!/bin/sh
here=${0%/*}
echo "$*" >> "$here/squeue.calls"
case $(cat "$here/squeue.mode" 2>/dev/null) in
  hang) exec sleep 1000 ;;
  fail) echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1 ;;
esac
blind=$(cat "$here/blind" 2>/dev/null || echo 0)
if [ "$blind" -gt 0 ]; then
  echo $((blind - 1)) > "$here/blind"
  exit 0
fi
for job in "$here"/jobs/*; do
  case $job in *.new|*\*) continue ;; esac
  name=$(cat "$job/name")
  state=$(cat "$job/state")
  state=${state:-RUNNING}  # it is being written
  [ ! -e "$here/states/$name" ] || state=$(cat "$here/states/$name")
  [ -z "$state" ] || echo "$(cat "$job/id")|$state|$name|None"
done
cat "$here/strangers" 2>/dev/null
exit 0
)sh";

constexpr char kScancel[] = R"sh(#!/bin/sh
here=${0%/*}
echo "$*" >> "$here/scancel.calls"
for word; do
  case $word in --name=*) name=${word#*=} ;; esac
done
for job in "$here"/jobs/*; do
  [ "$(cat "$job/name" 2>/dev/null)" = "$name" ] || continue
  : > "$job/cancelled"
  if pid=$(cat "$job/pid" 2>/dev/null); then
    kill -TERM $pid 2>/dev/null
    (sleep 3; kill -KILL $pid) > /dev/null 2>&1 < /dev/null &
  else
    case $(cat "$here/scancel.mode" 2>/dev/null) in
      fail) echo FAILED > "$here/states/$name" ;;
      forget) : > "$here/states/$name" ;;
      *) echo CANCELLED > "$job/state" ;;
    esac
  fi
done
exit 0
)sh";

}  // namespace

FakeSlurm::FakeSlurm(std::string folder) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_ + "/jobs");
  std::filesystem::create_directories(folder_ + "/states");
  for (const auto& [name, text] : {std::pair("sbatch", kSbatch), std::pair("run", kRun), std::pair("squeue", kSqueue),
                                   std::pair("scancel", kScancel)}) {
    Write(name, text);
    std::filesystem::permissions(folder_ + "/" + name, std::filesystem::perms::owner_all);
  }
}

FakeSlurm::~FakeSlurm() {
  for (int n = 1; std::filesystem::exists(fmt::format("{}/jobs/{}", folder_, n)); ++n) {
    const std::vector<std::string> state = Lines(fmt::format("jobs/{}/state", n));
    if (const int pid = Pid(n); pid > 0 && state == std::vector<std::string>{"RUNNING"}) {
      ::kill(pid, SIGKILL);
    }
  }
}

void FakeSlurm::Write(const std::string& file, const std::string& text) const {
  const std::string path = folder_ + "/" + file;
  std::ofstream(path + ".part") << text;
  std::filesystem::rename(path + ".part", path);
}

std::vector<std::string> FakeSlurm::Lines(const std::string& file) const {
  std::ifstream stream(folder_ + "/" + file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

void FakeSlurm::SetMode(const std::string& command, const std::string& mode) const { Write(command + ".mode", mode); }
void FakeSlurm::SetState(const std::string& name, const std::string& state) const { Write("states/" + name, state); }

void FakeSlurm::AddStranger(const std::string& line) const {
  std::ofstream(folder_ + "/strangers", std::ios::app) << line << '\n';
}

std::vector<std::string> FakeSlurm::Calls(const std::string& command) const { return Lines(command + ".calls"); }

std::vector<std::string> FakeSlurm::Names() const {
  std::vector<std::string> names;
  for (int n = 1;; ++n) {
    const std::vector<std::string> name = Lines(fmt::format("jobs/{}/name", n));
    if (name.empty()) {
      return names;
    }
    names.push_back(name[0]);
  }
}

int FakeSlurm::Pid(int n) const {
  const std::vector<std::string> pid = Lines(fmt::format("jobs/{}/pid", n));
  return pid.empty() ? 0 : std::atoi(pid[0].c_str());
}

std::vector<std::string> FakeSlurm::Seen(int n) const { return Lines(fmt::format("jobs/{}/seen", n)); }

}  // namespace normlab::server
