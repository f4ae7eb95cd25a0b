#include "server/edge/server_status.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

#include "absl/strings/ascii.h"
#include "base/version.h"
#include "server/edge/convert.h"

namespace normlab::server {
namespace {

// Resident, of this process; 0 where the system does not say.
std::uint64_t MemoryBytes() {
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void FillScrub(const Upkeep::Scrub& scrub, v1::GetStatusResponse::Scrub& wire) {
  if (scrub.ended_ms > 0) {
    SetTime(scrub.ended_ms, *wire.mutable_ended());
  }
  wire.set_damaged(scrub.damaged);
  wire.mutable_damage()->Assign(scrub.damage.begin(), scrub.damage.end());
  wire.set_under_way(scrub.under_way);
  wire.set_done(scrub.done);
  if (!scrub.under_way) {
    SetTime(scrub.next_ms, *wire.mutable_next());
  }
}

// Writes metrics one after the other.
class MetricsText {
 public:
  void Begin(std::string_view name, std::string_view type, std::string_view unit, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# TYPE {} {}\n", name, type);
    if (!unit.empty()) {
      fmt::format_to(std::back_inserter(text_), "# UNIT {} {}\n", name, unit);
    }
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n", name, help);
  }
  template <typename Value>
  void Sample(Value value, std::string_view labels = "", std::string_view suffix = "") {
    fmt::format_to(std::back_inserter(text_), "{}{}{} {}\n", name_, suffix, labels, value);
  }
  template <typename Value>
  void Gauge(std::string_view name, std::string_view unit, std::string_view help, Value value) {
    Begin(name, "gauge", unit, help);
    Sample(value);
  }
  std::string End() && { return std::move(text_) + "# EOF\n"; }

 private:
  std::string text_;
  std::string name_;
};

}  // namespace

void ToWire(const Core& core, const store::BackupInfo& backup, v1::Backup& wire) {
  wire.set_name(backup.name);
  SetTime(backup.taken_ms, *wire.mutable_taken());
  wire.set_jobs(backup.jobs);
  wire.set_bytes(backup.bytes);
  wire.set_folder(core.upkeep.FolderOf(backup.name));
}

int CountWorking(const std::vector<Attempts::WorkerView>& workers) {
  return static_cast<int>(
      std::count_if(workers.begin(), workers.end(), [](const auto& worker) { return worker.attempt.has_value(); }));
}

absl::Status FillStatus(Core& core, v1::GetStatusResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const store::StoreStatus status, core.store.Status());
  response.set_version(VersionText("normlabd"));
  response.set_home(core.home);
  SetTime(core.started_ms, *response.mutable_started());
  response.set_draining(core.attempts.held_back());
  for (const auto& [state, count] : status.jobs) {
    v1::GetStatusResponse::Jobs& wire = *response.add_jobs();
    wire.set_state(static_cast<v1::JobState>(state));
    wire.set_count(count);
  }
  response.set_slots(core.slots);
  const std::vector<Attempts::WorkerView> workers = core.attempts.Workers();
  const int working = CountWorking(workers);
  response.set_working(working);
  response.set_waiting(static_cast<int>(workers.size()) - working);
  response.set_database_bytes(status.database_bytes);
  response.set_unused_bytes(status.unused_bytes);
  response.set_log_bytes(status.log_bytes);
  response.set_checkpoint_bytes(status.checkpoint_bytes);
  response.set_artifact_bytes(status.artifact_bytes);
  response.set_free_bytes(status.free_bytes);
  response.set_memory_bytes(MemoryBytes());
  response.set_damage(core.store.damage());
  FillScrub(core.upkeep.scrub(), *response.mutable_scrub());
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::BackupInfo> backups, core.upkeep.Backups());
  if (!backups.empty()) {
    ToWire(core, backups.front(), *response.mutable_last_backup());
  }
  return absl::OkStatus();
}

std::string OpenMetrics(const v1::GetStatusResponse& status) {
  MetricsText text;
  text.Begin("normlab_build", "info", "", "What this server was built from.");
  text.Sample(1, fmt::format("{{version=\"{}\"}}", status.version()), "_info");
  text.Gauge("normlab_start_time_seconds", "seconds", "When the server began to serve, Unix time.",
             status.started().seconds());
  text.Begin("normlab_jobs", "gauge", "", "Stored jobs by state.");
  for (const auto& jobs : status.jobs()) {
    text.Sample(jobs.count(), fmt::format("{{state=\"{}\"}}", absl::AsciiStrToLower(std::string(store::StateName(
                                                                  static_cast<store::JobState>(jobs.state()))))));
  }
  text.Begin("normlab_workers", "gauge", "", "Workers by what they do.");
  text.Sample(status.working(), "{doing=\"working\"}");
  text.Sample(status.waiting(), "{doing=\"waiting\"}");
  text.Gauge("normlab_draining", "", "1 while no job begins.", status.draining() ? 1 : 0);
  text.Begin("normlab_store_bytes", "gauge", "bytes", "What the store holds, by kind.");
  text.Sample(status.database_bytes(), "{kind=\"database\"}");
  text.Sample(status.log_bytes(), "{kind=\"log\"}");
  text.Sample(status.checkpoint_bytes(), "{kind=\"checkpoints\"}");
  text.Sample(status.artifact_bytes(), "{kind=\"artifacts\"}");
  text.Gauge("normlab_store_unused_bytes", "bytes", "Of the database: free for what comes next.",
             status.unused_bytes());
  text.Gauge("normlab_disk_free_bytes", "bytes", "Of the store's disk.", status.free_bytes());
  text.Gauge("normlab_memory_bytes", "bytes", "Resident memory of the server.", status.memory_bytes());
  text.Gauge("normlab_scrub_damaged", "", "Pieces that the last scrub found damaged.", status.scrub().damaged());
  text.Gauge("normlab_scrub_end_time_seconds", "seconds", "When the last scrub ended, Unix time; 0: none has.",
             status.scrub().ended().seconds());
  text.Gauge("normlab_backup_time_seconds", "seconds", "When the newest backup was taken, Unix time; 0: none is there.",
             status.last_backup().taken().seconds());
  return std::move(text).End();
}

}  // namespace normlab::server
