#include "server/schedule/slurm_launcher.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <utility>

#include "base/fs.h"
#include "base/log.h"

namespace normlab::server {
namespace {

constexpr std::string_view kRecord = ".token";
constexpr int kMissed = 3;                                   // answers of Slurm without a pilot, before it may be gone
constexpr int kSubmittedAtOnce = 10;                         // between two looks at the demand
constexpr std::chrono::milliseconds kPatienceAtStop{2'000};  // with a command that is under way

// Slurm runs a copy of it on the node. The worker takes its place, so that the signals of Slurm reach it.
constexpr std::string_view kScript = R"(#!/bin/sh
export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}" OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
exec "$@" --threads "$OMP_NUM_THREADS"
)";

std::string NewWorkerId() {
  std::random_device random;
  return fmt::format("slurm-{:08x}{:08x}", random(), random());
}

absl::Status CheckFolder(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) {
    return absl::FailedPreconditionError(fmt::format("{}: {}", folder, std::strerror(errno)));
  }
  if (info.st_uid != ::getuid() || (info.st_mode & 022) != 0) {
    return absl::FailedPreconditionError(
        fmt::format("{} is not a folder that only you may write into, and workers are told there whom to trust: chmod "
                    "go-w it, or name another "
                    "with --slurm-folder",
                    folder));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> RecordedPilots(const std::string& folder, std::string_view name_prefix) {
  std::vector<std::string> ids;
  const absl::StatusOr<std::vector<std::string>> files = PosixFileSystem().List(folder);
  for (const std::string& file : files.ok() ? *files : std::vector<std::string>()) {
    if (file.starts_with(name_prefix) && file.ends_with(kRecord)) {
      ids.push_back(file.substr(name_prefix.size(), file.size() - name_prefix.size() - kRecord.size()));
    }
  }
  return ids;
}

SlurmLauncher::SlurmLauncher(SlurmLauncherOptions options) : options_(std::move(options)) {
  options_.slurm.given_up = [this] { return Clock::now() >= abort_at_.load(); };
}

SlurmLauncher::~SlurmLauncher() { Stop(std::chrono::milliseconds(0)); }

absl::Status SlurmLauncher::Start() {
  if (::access(options_.worker_argv.at(0).c_str(), X_OK) != 0) {
    return absl::NotFoundError(fmt::format("worker program {}: {}; install it where the nodes find it at the same path",
                                           options_.worker_argv[0], std::strerror(errno)));
  }
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(options_.folder));
  NORMLAB_RETURN_IF_ERROR(CheckFolder(options_.folder));
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().AtomicWrite(PathOf("pilot.sh"), kScript));
  for (const std::string& id : RecordedPilots(options_.folder, options_.name_prefix)) {
    options_.on_start(id);
    pilots_.push_back({.worker_id = id, .name = options_.name_prefix + id, .since = Clock::now()});
    Log(LogLevel::kInfo, "pilot_adopted", {{"worker", id}});
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  return absl::OkStatus();
}

void SlurmLauncher::Stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) {
    return;
  }
  end_at_ = Clock::now() + grace;
  abort_at_ = Clock::now() + std::min(grace, kPatienceAtStop);
  thread_.request_stop();
  thread_.join();
}

bool SlurmLauncher::Rest(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::unique_lock lock(mu_);
  wake_.wait_for(lock, stop, time, [&stop] { return stop.stop_requested(); });
  return !stop.stop_requested();
}

void SlurmLauncher::Run(const std::stop_token& stop) {
  Clock::time_point next_poll = Clock::now();
  bool first = true;  // an earlier launcher may have left something that nobody has on record
  do {
    LookAtDemand();
    if ((first || !pilots_.empty()) && Clock::now() >= next_poll) {
      first = false;
      Poll();
      CancelSurplus();
      next_poll = Clock::now() + options_.poll;
    }
    Submit();
  } while (Rest(stop, options_.tick));
  WindUp();
}

void SlurmLauncher::WindUp() {
  abort_at_ = end_at_.load();
  while (!pilots_.empty() && Clock::now() < end_at_.load()) {
    for (Pilot& pilot : pilots_) {
      if (!pilot.told) {
        Cancel(pilot);
      }
    }
    Poll();
    if (!pilots_.empty()) {
      Rest({}, options_.winding_poll);
    }
  }
  for (const Pilot& pilot : pilots_) {
    Log(LogLevel::kWarning, "pilot_left",
        {{"worker", pilot.worker_id},
         {"name", pilot.name},
         {"next", "the next start looks for it; or end it: scancel --name NAME"}});
  }
}

void SlurmLauncher::LookAtDemand() {
  absl::StatusOr<Demand> demand = options_.demand();
  if (!demand.ok()) {
    return;  // the store has said why
  }
  demand_ = *std::move(demand);
  for (Pilot& pilot : pilots_) {
    pilot.heard = pilot.heard || demand_.heard.contains(pilot.worker_id);
  }
}

void SlurmLauncher::Poll() {
  const absl::StatusOr<std::vector<SlurmJob>> jobs = options_.slurm.List();
  if (jobs.ok() != answers_) {
    answers_ = jobs.ok();
    Log(answers_ ? LogLevel::kInfo : LogLevel::kWarning, answers_ ? "slurm_answers_again" : "slurm_does_not_answer",
        {{"why", Message(jobs.status())}});
  }
  if (!jobs.ok()) {
    return;
  }
  std::map<std::string_view, const SlurmJob*> ours;
  for (const SlurmJob& job : *jobs) {
    if (job.name.starts_with(options_.name_prefix)) {
      const SlurmJob*& known = ours[job.name];
      if (known == nullptr || HasEnded(*known)) {  // one that lives is the pilot, whatever else has its name
        known = &job;
      }
    }
  }
  std::erase_if(pilots_, [&](Pilot& pilot) {
    const auto job = ours.find(pilot.name);
    const bool gone = Settle(pilot, job == ours.end() ? nullptr : job->second);
    if (job != ours.end()) {
      ours.erase(job);
    }
    return gone;
  });
  for (const auto& [name, job] : ours) {
    CancelStray(*job);
  }
}

bool SlurmLauncher::Settle(Pilot& pilot, const SlurmJob* job) {
  if (job == nullptr) {
    ++pilot.missed;
    const bool gone = IsLost(pilot);
    if (gone) {
      Report(pilot, pilot.trouble.empty() ? "Slurm does not know it" : pilot.trouble,
             pilot.told || pilot.state.empty());
    }
    return gone;
  }
  pilot.missed = 0;
  pilot.job = job->id;
  if (HasEnded(*job)) {
    pilot.state = job->state;
    Report(pilot, fmt::format("Slurm's job {} is {}", job->id, job->state), pilot.told || IsBlameless(*job));
    return true;
  }
  if (pilot.state != job->state) {
    pilot.state = job->state;
    Log(LogLevel::kInfo, "pilot",
        {{"worker", pilot.worker_id}, {"slurm_job", job->id}, {"state", job->state}, {"reason", job->reason}});
  }
  return false;
}

bool SlurmLauncher::IsLost(const Pilot& pilot) const {
  if (pilot.told && !pilot.state.empty()) {
    return true;  // it was known, and was ended
  }
  return pilot.missed >= kMissed && Clock::now() - pilot.since >= options_.settle &&
         !demand_.heard.contains(pilot.worker_id);
}

void SlurmLauncher::Cancel(Pilot& pilot) {
  const absl::Status status = options_.slurm.Cancel(pilot.name);
  pilot.told = status.ok();
  Log(status.ok() ? LogLevel::kInfo : LogLevel::kWarning, "pilot_cancelled",
      {{"worker", pilot.worker_id}, {"slurm_job", pilot.job}, {"status", Message(status)}});
}

void SlurmLauncher::CancelStray(const SlurmJob& job) {
  if (HasEnded(job)) {
    return;
  }
  const absl::Status status = options_.slurm.Cancel(job.name);
  if (strays_.insert(job.name).second) {
    Log(LogLevel::kWarning, "stray_pilot_cancelled",
        {{"name", job.name}, {"slurm_job", job.id}, {"status", Message(status)}});
  }
}

void SlurmLauncher::CancelSurplus() {
  const auto wanted = static_cast<std::size_t>(Wanted());
  // Seen twice: work comes and goes.
  const bool before = std::exchange(surplus_, pilots_.size() > wanted);
  if (!before || !surplus_) {
    return;
  }
  std::size_t surplus = pilots_.size() - wanted;
  for (auto pilot = pilots_.rbegin(); pilot != pilots_.rend() && surplus > 0; ++pilot) {
    if (pilot->state == "PENDING" && !pilot->told) {
      Cancel(*pilot);
      --surplus;
    }
  }
}

void SlurmLauncher::Submit() {
  for (int i = 0; i < kSubmittedAtOnce && static_cast<std::int64_t>(pilots_.size()) < Wanted() &&
                  Clock::now() >= next_submit_ && Clock::now() < abort_at_.load();
       ++i) {
    SubmitOne();
  }
}

void SlurmLauncher::SubmitOne() {
  Pilot pilot{.worker_id = NewWorkerId(), .name = {}, .since = Clock::now()};
  pilot.name = options_.name_prefix + pilot.worker_id;
  const std::string credential = options_.on_start(pilot.worker_id);
  // Before Slurm hears of it: whatever happens to this process from here on, the next one knows what to look for.
  if (const absl::Status status = PosixFileSystem().AtomicWrite(RecordOf(pilot), credential + "\n"); !status.ok()) {
    Report(pilot, Message(status), true);
    return;
  }
  std::vector<std::string> arguments = options_.worker_argv;
  arguments.insert(arguments.end(), {"--token-file", RecordOf(pilot)});
  const absl::StatusOr<std::string> job = options_.slurm.Submit({.name = pilot.name,
                                                                 .script = PathOf("pilot.sh"),
                                                                 .arguments = std::move(arguments),
                                                                 .folder = options_.folder,
                                                                 .log = LogOf(pilot)},
                                                                options_.allocation);
  if (job.ok()) {
    pilot.job = *job;
    Log(LogLevel::kInfo, "pilot_submitted",
        {{"worker", pilot.worker_id}, {"slurm_job", *job}, {"name", pilot.name}, {"log", LogOf(pilot)}});
  } else if (absl::IsUnavailable(job.status())) {
    Report(pilot, Message(job.status()), true);
    return;
  } else {
    // Slurm may have taken it all the same: only its list will tell.
    pilot.trouble = Message(job.status());
    Log(LogLevel::kError, "pilot_not_submitted", {{"worker", pilot.worker_id}, {"why", pilot.trouble}});
    HoldOff();
  }
  pilots_.push_back(std::move(pilot));
}

void SlurmLauncher::Report(const Pilot& pilot, std::string_view why, bool innocent) {
  Log(pilot.told ? LogLevel::kInfo : LogLevel::kWarning, "pilot_ended",
      {{"worker", pilot.worker_id}, {"why", why}, {"heard", pilot.heard}, {"log", LogOf(pilot)}});
  if (pilot.told || (pilot.heard && innocent)) {
    pause_ = std::chrono::milliseconds(0);
  } else {
    HoldOff();
  }
  // Last of all what the next launcher would look for.
  options_.on_exit(pilot.worker_id, why, innocent);
  PosixFileSystem().Remove(RecordOf(pilot)).IgnoreError();
  PruneLogs();
}

void SlurmLauncher::HoldOff() {
  pause_ = std::clamp(pause_ * 2, options_.first_pause, options_.longest_pause);
  next_submit_ = Clock::now() + pause_;
}

void SlurmLauncher::PruneLogs() const {
  std::multimap<std::filesystem::file_time_type, std::filesystem::path> logs;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(options_.folder, error), end; entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("worker-") && name.ends_with(".log")) {
      logs.emplace(entry->last_write_time(error), entry->path());
    }
  }
  for (auto log = logs.begin(); logs.size() > options_.kept_logs; log = logs.erase(log)) {
    std::filesystem::remove(log->second, error);
  }
}

}  // namespace normlab::server
