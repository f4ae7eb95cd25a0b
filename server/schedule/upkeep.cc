#include "server/schedule/upkeep.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/parse_number.h"
#include "base/text.h"
#include "results/store/backup.h"

namespace normlab::server {
namespace {

constexpr std::chrono::minutes kLook{1};  // at the clock, for a scrub that is due
constexpr std::chrono::seconds kLongestRest{10};
constexpr std::size_t kLineLength = 500;

std::int64_t Milliseconds(std::chrono::milliseconds duration) { return duration.count(); }

}  // namespace

Upkeep::Upkeep(store::Store& store, UpkeepOptions options)
    : store_(store), options_([&options] {
        options.now_ms = options.now_ms ? options.now_ms : UnixMs;
        return std::move(options);
      }()) {
  ReadRecord();
  thread_ = std::thread([this] { Loop(); });
}

Upkeep::~Upkeep() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Upkeep::Scrub Upkeep::scrub() const {
  const MutexLock lock(mu_);
  return scrub_;
}

absl::Status Upkeep::StartScrub() {
  const MutexLock lock(mu_);
  if (asked_ || scrub_.under_way) {
    return absl::FailedPreconditionError("a scrub is under way; normlab admin status says how far it is");
  }
  asked_ = true;
  wake_.notify_all();
  return absl::OkStatus();
}

void Upkeep::Loop() {
  while (AwaitScrub()) {
    ScrubSlowly();
  }
}

bool Upkeep::AwaitScrub() {
  MutexLock lock(mu_);
  while (!stopping_ && !asked_ && options_.now_ms() < scrub_.next_ms) {
    lock.WaitUntil(wake_, std::chrono::steady_clock::now() + kLook);
  }
  asked_ = false;
  scrub_.under_way = !stopping_;
  scrub_.done = 0;
  return !stopping_;
}

void Upkeep::ScrubSlowly() {
  auto resumed = std::chrono::steady_clock::now();
  const absl::StatusOr<store::ScrubReport> report = store_.Scrub([&](const store::UpkeepProgress& progress) {
    const bool go_on = Rest(progress, std::chrono::steady_clock::now() - resumed);
    resumed = std::chrono::steady_clock::now();
    return go_on;
  });
  if (!absl::IsCancelled(report.status())) {
    Log(report.ok() && report->damaged == 0 ? LogLevel::kInfo : LogLevel::kError, "scrubbed",
        {{"error", Message(report.status())},
         {"bytes", report.ok() ? report->bytes : 0},
         {"damaged", report.ok() ? report->damaged : 0},
         {"first", report.ok() && !report->damage.empty() ? report->damage.front() : ""}});
  }
  {
    const MutexLock lock(mu_);
    scrub_.under_way = false;
    scrub_.next_ms = options_.now_ms() + Milliseconds(options_.scrub_every);
    if (!report.ok()) {
      return;
    }
    scrub_.ended_ms = options_.now_ms();
    scrub_.damaged = report->damaged;
    scrub_.damage = report->damage;
  }
  if (const absl::Status kept = WriteRecord(); !kept.ok()) {
    Log(LogLevel::kWarning, "scrub_not_recorded", {{"error", Message(kept)}});
  }
}

bool Upkeep::Rest(const store::UpkeepProgress& progress, std::chrono::steady_clock::duration worked) {
  const auto rest = std::min<std::chrono::steady_clock::duration>(options_.rest * worked, kLongestRest);
  const auto until = std::chrono::steady_clock::now() + rest;
  MutexLock lock(mu_);
  scrub_.done = progress.total == 0 ? 0 : static_cast<double>(progress.done) / static_cast<double>(progress.total);
  while (!stopping_ && lock.WaitUntil(wake_, until)) {
  }
  return !stopping_;
}

void Upkeep::ReadRecord() {
  const absl::StatusOr<std::string> text = PosixFileSystem().Read(options_.record);
  const MutexLock lock(mu_);
  scrub_.next_ms = options_.now_ms() + Milliseconds(options_.first_scrub);
  if (!text.ok()) {
    return;
  }
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(*text, '\n'))) {
    const std::pair<std::string, std::string> field = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    if (field.first == "ended_ms") {
      scrub_.ended_ms = ParseWhole<std::int64_t>(field.second).value_or(0);
    } else if (field.first == "damaged") {
      scrub_.damaged = ParseWhole<std::uint64_t>(field.second).value_or(0);
    } else if (field.first == "damage") {
      scrub_.damage.push_back(field.second);
    }
  }
  scrub_.next_ms = std::max(scrub_.next_ms, scrub_.ended_ms + Milliseconds(options_.scrub_every));
}

absl::Status Upkeep::WriteRecord() {
  const Scrub last = scrub();
  std::string text = fmt::format("ended_ms {}\ndamaged {}\n", last.ended_ms, last.damaged);
  for (const std::string& damage : last.damage) {
    text += fmt::format("damage {}\n", OneLine(damage, kLineLength));
  }
  return PosixFileSystem().AtomicWrite(options_.record, text);
}

absl::StatusOr<Upkeep::MadeBackup> Upkeep::Backup(std::uint32_t keep, const store::OnProgress& on_progress) {
  MadeBackup made;
  NORMLAB_ASSIGN_OR_RETURN(made.backup, store_.Backup(options_.backups, on_progress));
  Log(LogLevel::kInfo, "backup_made", {{"folder", FolderOf(made.backup.name)}, {"bytes", made.backup.bytes}});
  if (keep > 0) {
    NORMLAB_ASSIGN_OR_RETURN(made.removed,
                             store::PruneBackups(PosixFileSystem(), options_.backups, made.backup.name, keep));
  }
  return made;
}

absl::StatusOr<std::vector<store::BackupInfo>> Upkeep::Backups() const {
  return store::ListBackups(PosixFileSystem(), options_.backups);
}

std::string Upkeep::FolderOf(const std::string& backup) const { return fmt::format("{}/{}", options_.backups, backup); }

absl::StatusOr<store::ScrubReport> Upkeep::Check(const std::string& backup, const store::OnProgress& on_progress) {
  if (backup.empty()) {
    return store_.Scrub(on_progress);
  }
  NORMLAB_RETURN_IF_ERROR(store::FindBackup(PosixFileSystem(), options_.backups, backup).status());
  return store::CheckStore(PosixFileSystem(), FolderOf(backup), on_progress);
}

}  // namespace normlab::server
