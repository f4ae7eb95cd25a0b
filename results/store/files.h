// files.h - the files of checkpoints and artifacts; each is named by rows of the database (file_rows.h).
//
// Order of every write: the file is written, synced and renamed first, then its row is committed; of every removal: the
// row first, then the file. A crash in between leaves a file without a row. A later start removes it, but not before
// this database has known of it for a week: after an older database was restored, the files of the newer one have no row
// either. A row without its file is damage. Names are never used twice and files never change once they are published.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/mutex.h"
#include "base/status.h"
#include "results/store/sqlite.h"

namespace normlab::store {

enum class Folder { kCheckpoints, kArtifacts };
std::string PathOf(const std::string& directory, Folder folder);  // of a store
std::string PathOf(const std::string& directory, Folder folder, std::string_view name);

// A file being written, which knows its folder, the name it will have in its row, and what was written into it.
class NamedFile : public PendingFile {
 public:
  NamedFile(Folder folder, std::string name, std::unique_ptr<PendingFile> file)
      : folder_(folder), name_(std::move(name)), file_(std::move(file)) {}

  Folder folder() const { return folder_; }
  const std::string& name() const { return name_; }
  // kDataLoss unless exactly `size` bytes with that checksum were written.
  absl::Status CheckContent(std::uint64_t size, std::uint32_t crc32c) const;

  absl::Status Append(std::string_view data) override;
  absl::Status Publish() override { return file_->Publish(); }

 private:
  const Folder folder_;
  const std::string name_;
  const std::unique_ptr<PendingFile> file_;
  std::uint64_t size_ = 0;
  std::uint32_t crc32c_ = 0;
};

// Thread safety: as the file system's.
class Files {
 public:
  // Creates the folders under `directory`.
  static absl::StatusOr<std::unique_ptr<Files>> Open(FileSystem& fs, const std::string& directory);

  // `stem` starts the name, for people; it must be made of characters that are safe in a file name.
  absl::StatusOr<std::unique_ptr<NamedFile>> Create(Folder folder, std::string_view stem);
  // Opens a file and reads it through, piece by piece. kDataLoss if the size or the checksum is not the one given, or
  // the file is gone.
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(Folder folder, const std::string& name, std::uint64_t size,
                                                     std::uint32_t crc32c);
  // While one lives, files that are to be removed stay. Must not outlive its Files.
  class Hold {
   public:
    explicit Hold(Files& files);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Files& files_;
  };

  // Failures are logged only: the next start tries again.
  void Remove(Folder folder, const std::vector<std::string>& names);
  // Removes what was being written at a crash, and files that were found without a row a week ago. Call while nothing
  // else writes.
  absl::Status RemoveOrphans(Connection& db, std::int64_t now_ms);

 private:
  Files(FileSystem& fs, std::string directory);
  void RemoveNow(Folder folder, const std::string& name);
  // Those that may go, of the files that no row names; notes the others.
  absl::StatusOr<std::vector<std::string>> Orphans(Connection& db, Folder folder, std::string_view names_sql,
                                                   std::int64_t now_ms);

  FileSystem& fs_;
  const std::string directory_;
  const std::string run_;  // random, so that names differ from those of earlier runs
  std::atomic<std::uint64_t> created_{0};
  Mutex mutex_;
  int holds_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::pair<Folder, std::string>> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace normlab::store
