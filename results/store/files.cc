#include "results/store/files.h"

#include <fmt/format.h>

#include <random>
#include <set>

#include "base/crc32c.h"
#include "base/log.h"

namespace normlab::store {
namespace {

constexpr std::int64_t kOrphanKeptMs = std::int64_t{7} * 24 * 60 * 60 * 1000;
// In the name of a file that is being written, which no row can name.
constexpr std::string_view kUnpublished = ".tmp-";

absl::Status CheckBytes(std::uint64_t size, std::uint32_t crc32c, std::uint64_t wanted_size,
                        std::uint32_t wanted_crc32c) {
  if (size != wanted_size) {
    return absl::DataLossError(fmt::format("{} bytes, expected {}", size, wanted_size));
  }
  if (crc32c != wanted_crc32c) {
    return absl::DataLossError(fmt::format("checksum {:#010x}, expected {:#010x}", crc32c, wanted_crc32c));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::uint32_t> ChecksumOf(const ReadableFile& file) {
  std::uint32_t crc32c = 0;
  NORMLAB_RETURN_IF_ERROR(ReadPieces(file, [&crc32c](std::string_view piece) {
    crc32c = Crc32c(piece, crc32c);
    return absl::OkStatus();
  }));
  return crc32c;
}

}  // namespace

std::string PathOf(const std::string& directory, Folder folder) {
  return directory + (folder == Folder::kCheckpoints ? "/checkpoints" : "/artifacts");
}

std::string PathOf(const std::string& directory, Folder folder, std::string_view name) {
  return fmt::format("{}/{}", PathOf(directory, folder), name);
}

absl::Status NamedFile::CheckContent(std::uint64_t size, std::uint32_t crc32c) const {
  return CheckBytes(size_, crc32c_, size, crc32c);
}

absl::Status NamedFile::Append(std::string_view data) {
  NORMLAB_RETURN_IF_ERROR(file_->Append(data));
  size_ += data.size();
  crc32c_ = Crc32c(data, crc32c_);
  return absl::OkStatus();
}

Files::Files(FileSystem& fs, std::string directory)
    : fs_(fs),
      directory_(std::move(directory)),
      run_(fmt::format("{:08x}{:08x}", std::random_device()(), std::random_device()())) {}

absl::StatusOr<std::unique_ptr<Files>> Files::Open(FileSystem& fs, const std::string& directory) {
  std::unique_ptr<Files> files(new Files(fs, directory));
  NORMLAB_RETURN_IF_ERROR(fs.MakeDirectories(PathOf(directory, Folder::kCheckpoints)));
  NORMLAB_RETURN_IF_ERROR(fs.MakeDirectories(PathOf(directory, Folder::kArtifacts)));
  return files;
}

absl::StatusOr<std::unique_ptr<NamedFile>> Files::Create(Folder folder, std::string_view stem) {
  std::string name = fmt::format("{}-{}-{}", stem, run_, created_.fetch_add(1));
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<PendingFile> file, fs_.Create(PathOf(directory_, folder, name)));
  return std::make_unique<NamedFile>(folder, std::move(name), std::move(file));
}

absl::StatusOr<std::unique_ptr<ReadableFile>> Files::Open(Folder folder, const std::string& name, std::uint64_t size,
                                                          std::uint32_t crc32c) {
  const std::string path = PathOf(directory_, folder, name);
  absl::StatusOr<std::unique_ptr<ReadableFile>> file = fs_.Open(path);
  if (absl::IsNotFound(file.status())) {
    return absl::DataLossError(fmt::format("{} is gone", path));
  }
  NORMLAB_RETURN_IF_ERROR(file.status());
  std::uint32_t found = 0;
  if ((*file)->size() == size) {
    NORMLAB_ASSIGN_OR_RETURN(found, ChecksumOf(**file));
  }
  NORMLAB_RETURN_IF_ERROR(Annotate(CheckBytes((*file)->size(), found, size, crc32c), path));
  return *std::move(file);
}

Files::Hold::Hold(Files& files) : files_(files) {
  const MutexLock lock(files_.mutex_);
  ++files_.holds_;
}

Files::Hold::~Hold() {
  std::vector<std::pair<Folder, std::string>> due;
  {
    const MutexLock lock(files_.mutex_);
    if (--files_.holds_ == 0) {
      due.swap(files_.held_);
    }
  }
  for (const auto& [folder, name] : due) {
    files_.RemoveNow(folder, name);
  }
}

void Files::Remove(Folder folder, const std::vector<std::string>& names) {
  {
    const MutexLock lock(mutex_);
    if (holds_ > 0) {
      for (const std::string& name : names) {
        held_.emplace_back(folder, name);
      }
      return;
    }
  }
  for (const std::string& name : names) {
    RemoveNow(folder, name);
  }
}

void Files::RemoveNow(Folder folder, const std::string& name) {
  const absl::Status status = fs_.Remove(PathOf(directory_, folder, name));
  if (!status.ok() && !absl::IsNotFound(status)) {
    Log(LogLevel::kWarning, "store_file_not_removed", {{"error", Message(status)}});
  }
}

absl::Status Files::RemoveOrphans(Connection& db, std::int64_t now_ms) {
  Transaction transaction(db, Transaction::Kind::kWrite);
  NORMLAB_RETURN_IF_ERROR(transaction.status());
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> checkpoints,
                           Orphans(db, Folder::kCheckpoints, "SELECT file FROM checkpoint", now_ms));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> artifacts,
                           Orphans(db, Folder::kArtifacts, "SELECT file FROM artifact", now_ms));
  NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM orphan WHERE seen_ms <= ?1", now_ms - kOrphanKeptMs));
  NORMLAB_RETURN_IF_ERROR(transaction.Commit());
  Remove(Folder::kCheckpoints, checkpoints);
  Remove(Folder::kArtifacts, artifacts);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Files::Orphans(Connection& db, Folder folder, std::string_view names_sql,
                                                        std::int64_t now_ms) {
  std::set<std::string> named;
  Query row = db.Ask(names_sql);
  while (row.Next()) {
    named.insert(row.Text(0));
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  NORMLAB_ASSIGN_OR_RETURN(std::vector<std::string> unnamed, fs_.List(PathOf(directory_, folder)));
  std::erase_if(unnamed, [&](const std::string& name) { return named.contains(name); });
  std::vector<std::string> orphans;
  for (const std::string& name : unnamed) {
    if (name.find(kUnpublished) != name.npos) {
      orphans.push_back(name);
      continue;
    }
    NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO orphan VALUES(?1, ?2) ON CONFLICT DO NOTHING", name, now_ms));
    NORMLAB_ASSIGN_OR_RETURN(const std::int64_t seen_ms, db.Int("SELECT seen_ms FROM orphan WHERE file = ?1", name));
    if (seen_ms <= now_ms - kOrphanKeptMs) {
      orphans.push_back(name);
    }
  }
  if (!unnamed.empty()) {
    Log(LogLevel::kInfo, "store_orphans",
        {{"folder", PathOf(directory_, folder)}, {"found", unnamed.size()}, {"removed", orphans.size()}});
  }
  return orphans;
}

}  // namespace normlab::store
