// fake_disk.h - an SQLite VFS over the real one that plays a disk: it can lose power, run full, and fail to sync.
//
// Model of a power cut, after SQLite's own crash tests: what was synced stays; of the writes since a file's last sync
// any subset is on the platter, each whole or torn between sectors of 512 bytes; changes of a file's length happen in
// order, any prefix of them; a file that was created and never synced may be missing, and a deletion without a sync of
// the directory may not have happened. From the cut on every write fails, so that nothing can be acknowledged that the
// image lacks.
//
// Files are real ones, so locks and shared memory work as ever; nothing is really synced, which makes it fast.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/rng.h"

namespace normlab::store {

// Thread safety: all methods, any thread. One at a time exists; it must outlive the stores that use it.
class FakeDisk {
 public:
  FakeDisk();
  ~FakeDisk();
  FakeDisk(const FakeDisk&) = delete;
  FakeDisk& operator=(const FakeDisk&) = delete;

  // The name of the VFS.
  static constexpr const char* kName = "normlab-fake-disk";

  // Forgets all files and faults. Files that are opened from now on are durable as they are.
  void Reset();
  // The power goes with the n-th write, sync, truncation or deletion from now on.
  void CutAt(std::uint64_t n);
  bool cut() const;
  // Writes what the disk may hold after the cut into `directory`, which exists.
  void WriteImage(const std::string& directory, Rng& rng) const;
  // How many more bytes files may grow before the disk is full.
  void LimitGrowth(std::int64_t bytes);
  // From the `from`-th sync on, counted from 1 and from now, every one fails; 0: none.
  void FailSyncs(std::uint64_t from);

  // --- called by the VFS; each returns an SQLite result code ---
  struct File;
  File* Opened(const std::string& path);
  int Write(File& file, std::int64_t offset, std::string_view data);
  int Truncate(File& file, std::int64_t size);
  int Sync(File& file);
  int Delete(const std::string& path, bool sync_directory);

  struct Change {
    enum class Kind { kWrite, kTruncate, kDelete } kind;
    std::int64_t offset = 0;  // kTruncate: the new size
    std::string data;
  };
  struct File {
    std::string durable;
    bool exists = false;          // durably
    std::vector<Change> pending;  // since the last sync, oldest first
    std::int64_t size = 0;        // as the process sees it
  };

 private:
  // Counts an operation; false once the power is gone.
  bool Alive() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, File> files_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t until_cut_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<std::uint64_t>::max();
  bool cut_ ABSL_GUARDED_BY(mutex_) = false;
  std::int64_t growth_left_ ABSL_GUARDED_BY(mutex_) = std::numeric_limits<std::int64_t>::max();
  std::uint64_t syncs_until_failure_ ABSL_GUARDED_BY(mutex_) = 0;  // 1: each fails; 0: none does
};

}  // namespace normlab::store
