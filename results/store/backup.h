// backup.h - a store copied into a folder of its own, while it is in use, and put back from one.
//
// A backup holds normlab.db, checkpoints/, artifacts/ and, written last, backup.txt, without which the folder is none: it is
// a home that a server can be started on. Data sets and tokens are not in it.
#pragma once

#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "results/store/files.h"
#include "results/store/store.h"

namespace normlab::store {

struct BackupSource {
  std::string database;
  std::string vfs;
  Files& files;  // beside it
};

// Makes a new folder below `directory`, named by the time. One at a time, of however many homes it holds backups:
// kFailedPrecondition while another is made.
absl::StatusOr<BackupInfo> MakeBackup(const BackupSource& source, FileSystem& fs, const std::string& directory,
                                      std::int64_t now_ms, const OnProgress& on_progress);

// Those below `directory`, newest first; none if there is no such folder.
absl::StatusOr<std::vector<BackupInfo>> ListBackups(FileSystem& fs, const std::string& directory);

// kNotFound unless `name` is one of them.
absl::StatusOr<BackupInfo> FindBackup(FileSystem& fs, const std::string& directory, const std::string& name);
absl::Status RemoveBackup(FileSystem& fs, const std::string& directory, const std::string& name);
// Removes all but the newest `keep` of those that are of the same home as `name`, which is one of them; others, and those of
// versions that did not say whose they are, stay. The names of those that it removed.
absl::StatusOr<std::vector<std::string>> PruneBackups(FileSystem& fs, const std::string& directory,
                                                      const std::string& name, std::size_t keep);

// Reads a backup, or the home of a server that is down, back.
absl::StatusOr<ScrubReport> CheckStore(FileSystem& fs, const std::string& folder, const OnProgress& on_progress);

// Puts the backup `folder` into `home`, which has no store yet, after it was read back. kAlreadyExists if it has one, kDataLoss
// if the backup is damaged. Cut short, it can be called again.
absl::StatusOr<BackupInfo> RestoreBackup(FileSystem& fs, const std::string& folder, const std::string& home,
                                         const OnProgress& on_progress);

}  // namespace normlab::store
