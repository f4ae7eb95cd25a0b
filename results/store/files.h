// files.h - the files of checkpoints and artifacts; each is named by rows of the database (file_rows.h).
//
// Order of every write: the file is written, synced and renamed first, then its row is committed; of every removal: the
// row first, then the file. A crash in between leaves a file without a row, which the next start removes. A row without
// its file is damage. Names are never used twice and files never change once they are published.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "results/store/sqlite.h"

namespace normlab::store {

// A file being written, which knows the name it will have in its row.
class NamedFile : public PendingFile {
 public:
  NamedFile(std::string name, std::unique_ptr<PendingFile> file) : name_(std::move(name)), file_(std::move(file)) {}
  const std::string& name() const { return name_; }
  absl::Status Append(std::string_view data) override { return file_->Append(data); }
  absl::Status Publish() override { return file_->Publish(); }

 private:
  std::string name_;
  std::unique_ptr<PendingFile> file_;
};

// Thread safety: as the file system's.
class Files {
 public:
  enum class Folder { kCheckpoints, kArtifacts };

  // Creates the folders under `directory`.
  static absl::StatusOr<std::unique_ptr<Files>> Open(FileSystem& fs, const std::string& directory);

  // `stem` starts the name, for people; it must be made of characters that are safe in a file name.
  absl::StatusOr<std::unique_ptr<NamedFile>> Create(Folder folder, std::string_view stem);
  // kDataLoss if the size or the checksum is not the one given, or the file is gone.
  absl::StatusOr<std::string> Read(Folder folder, const std::string& name, std::uint64_t size, std::uint32_t crc32c);
  // Failures are logged only: the next start tries again.
  void Remove(Folder folder, const std::vector<std::string>& names);
  // Removes files that no row names and what was being written at a crash. Call while nothing else writes.
  absl::Status RemoveOrphans(Connection& db);

 private:
  Files(FileSystem& fs, std::string directory);
  std::string FolderPath(Folder folder) const;
  absl::Status RemoveUnnamed(Connection& db, Folder folder, std::string_view names_sql);

  FileSystem& fs_;
  const std::string directory_;
  const std::string run_;  // random, so that names differ from those of earlier runs
  std::atomic<std::uint64_t> created_{0};
};

}  // namespace normlab::store
