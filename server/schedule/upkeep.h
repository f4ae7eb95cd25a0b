// upkeep.h - what a server does for what it holds: backups when it is asked, and every week a scrub, in which everything is
// read back slowly enough that nobody notices.
//
// Thread safety: all methods, any thread. One thread of its own scrubs. Borrows the store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "results/store/store.h"

namespace normlab::server {

struct UpkeepOptions {
  std::string backups = {};                   // folder
  std::string record = {};                    // file that keeps what the last scrub found
  std::chrono::hours scrub_every{7 * 24};     // by the system's clock
  std::chrono::minutes first_scrub{60};       // after the start of a server that has none behind it
  int rest = 9;                               // how much longer a scrub rests than it reads
  std::function<std::int64_t()> now_ms = {};  // Unix time; default: the system clock
};

class Upkeep {
 public:
  struct Scrub {
    std::int64_t ended_ms = 0;  // of the last one; 0: none has ended
    std::uint64_t damaged = 0;
    std::vector<std::string> damage;  // the first of them
    bool under_way = false;
    double done = 0;           // share of the one under way
    std::int64_t next_ms = 0;  // when one begins by itself
  };

  Upkeep(store::Store& store, UpkeepOptions options);
  // Gives a scrub up; the next start begins it anew.
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  Scrub scrub() const ABSL_LOCKS_EXCLUDED(mu_);
  // Begins one now. kFailedPrecondition while one is under way.
  absl::Status StartScrub() ABSL_LOCKS_EXCLUDED(mu_);

  struct MadeBackup {
    store::BackupInfo backup;
    std::vector<std::string> removed;
  };
  // Makes one; then removes all but the newest `keep`, which is 0 for none.
  absl::StatusOr<MadeBackup> Backup(std::uint32_t keep, const store::OnProgress& on_progress);
  absl::StatusOr<std::vector<store::BackupInfo>> Backups() const;
  std::string FolderOf(const std::string& backup) const;
  // Reads the store, or the backup of that name, back at full speed. kNotFound for an unknown one.
  absl::StatusOr<store::ScrubReport> Check(const std::string& backup, const store::OnProgress& on_progress);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until one is due or asked for; false: the end.
  bool AwaitScrub() ABSL_LOCKS_EXCLUDED(mu_);
  void ScrubSlowly() ABSL_LOCKS_EXCLUDED(mu_);
  // Notes how far the scrub is, and rests; false: it is to be given up.
  bool Rest(const store::UpkeepProgress& progress, std::chrono::steady_clock::duration worked) ABSL_LOCKS_EXCLUDED(mu_);
  void ReadRecord() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status WriteRecord() ABSL_LOCKS_EXCLUDED(mu_);

  store::Store& store_;
  const UpkeepOptions options_;
  mutable Mutex mu_;
  Scrub scrub_ ABSL_GUARDED_BY(mu_);
  bool asked_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace normlab::server
