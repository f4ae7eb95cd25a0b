#include "results/store/backup.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_split.h"
#include "base/log.h"
#include "base/parse_number.h"
#include "base/text.h"
#include "results/store/scrub.h"
#include "results/store/store_status.h"

namespace normlab::store {
namespace {

constexpr std::string_view kMark = "backup.txt";
constexpr std::string_view kTitle = "a backup of normlab; start a server on it, or: normlab admin restore FOLDER";
constexpr int kPagesAtATime = 256;

std::string DatabaseOf(const std::string& folder) { return folder + "/normlab.db"; }
std::string MarkOf(const std::string& folder) { return fmt::format("{}/{}", folder, kMark); }

// Whether a folder is named as ours are: nothing else may be removed.
bool IsName(std::string_view name) {
  constexpr std::string_view kShape = "0000-00-00T000000Z";
  const std::string_view time = name.substr(0, kShape.size());
  const auto fits = [](char c, char shape) { return shape == '0' ? c >= '0' && c <= '9' : c == shape; };
  return time.size() == kShape.size() && std::equal(time.begin(), time.end(), kShape.begin(), fits) &&
         (name.size() == kShape.size() || name[kShape.size()] == '-');
}

std::string NameAt(std::int64_t ms) {
  return fmt::format("{:%Y-%m-%dT%H%M%SZ}", fmt::gmtime(static_cast<std::time_t>(ms / 1000)));
}

// Counts what was done over several stages.
class Stages {
 public:
  explicit Stages(const OnProgress& on_progress) : on_progress_(on_progress) {}

  void Expect(std::uint64_t bytes) { total_ += bytes; }
  absl::Status Done(std::uint64_t bytes) {
    done_ += bytes;
    return Say(done_);
  }
  // Of a stage that counts itself and is `bytes` long.
  OnProgress Stage(std::uint64_t bytes) {
    return [this, bytes](const UpkeepProgress& stage) {
      const double share = stage.total == 0 ? 0 : static_cast<double>(stage.done) / static_cast<double>(stage.total);
      return Say(done_ + static_cast<std::uint64_t>(share * static_cast<double>(bytes))).ok();
    };
  }

 private:
  absl::Status Say(std::uint64_t done) const {
    return on_progress_({.done = std::min(done, total_), .total = total_}) ? absl::OkStatus()
                                                                           : absl::CancelledError("stopped");
  }

  const OnProgress& on_progress_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

struct NamedPiece {
  Folder folder;
  std::string name;
  std::uint64_t size;
  std::uint32_t crc32c;
};

absl::StatusOr<std::vector<NamedPiece>> FilesOf(Connection& db) {
  std::vector<NamedPiece> files;
  for (const auto& [folder, sql] :
       {std::pair{Folder::kCheckpoints, "SELECT file, size, crc32c FROM checkpoint GROUP BY file"},
        std::pair{Folder::kArtifacts, "SELECT file, size, crc32c FROM artifact GROUP BY file"}}) {
    Query row = db.Ask(sql);
    while (row.Next()) {
      files.push_back({folder, row.Text(0), row.Unsigned(1), static_cast<std::uint32_t>(row.Unsigned(2))});
    }
    NORMLAB_RETURN_IF_ERROR(row.status());
  }
  return files;
}

absl::Status FillFile(const ReadableFile& from, PendingFile& to) {
  return ReadPieces(from, [&to](std::string_view piece) { return to.Append(piece); });
}

absl::Status CopyFiles(const std::vector<NamedPiece>& named, Files& from, FileSystem& fs, const std::string& target,
                       Stages& progress) {
  for (const NamedPiece& piece : named) {
    NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file,
                             from.Open(piece.folder, piece.name, piece.size, piece.crc32c));
    NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<PendingFile> copy,
                             fs.Create(PathOf(target, piece.folder, piece.name)));
    NORMLAB_RETURN_IF_ERROR(FillFile(*file, *copy));
    NORMLAB_RETURN_IF_ERROR(copy->Publish());
    NORMLAB_RETURN_IF_ERROR(progress.Done(piece.size));
  }
  return absl::OkStatus();
}

struct Mark {
  BackupInfo info;
  std::string home;  // its id; empty: of a version that did not keep it
};

std::string MarkText(const Mark& mark) {
  return fmt::format("{}\ntaken_ms {}\njobs {}\nbytes {}\nhome {}\n", kTitle, mark.info.taken_ms, mark.info.jobs,
                     mark.info.bytes, mark.home);
}

// What tells a home from all others, wherever it is moved; made when it is first asked for.
absl::StatusOr<std::string> IdOf(FileSystem& fs, const std::string& home) {
  const std::string path = fmt::format("{}/home.id", home);
  absl::StatusOr<std::string> stored = fs.Read(path);
  if (!absl::IsNotFound(stored.status())) {
    return stored;
  }
  std::uint64_t random[2] = {};
  if (::getrandom(random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    return absl::InternalError("the system gives no random bytes");
  }
  std::string id = fmt::format("{:016x}{:016x}", random[0], random[1]);
  NORMLAB_RETURN_IF_ERROR(fs.AtomicWrite(path, id));
  return id;
}

absl::StatusOr<Mark> ReadMark(FileSystem& fs, const std::string& folder) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, fs.Read(MarkOf(folder)));
  std::map<std::string, std::uint64_t> values;
  Mark mark;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    const std::pair<std::string, std::string> field = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    values[field.first] = ParseWhole<std::uint64_t>(field.second).value_or(0);
    mark.home = field.first == "home" ? field.second : mark.home;
  }
  mark.info = {.name = std::filesystem::path(folder).filename().string(),
               .taken_ms = static_cast<std::int64_t>(values["taken_ms"]),
               .jobs = values["jobs"],
               .bytes = values["bytes"]};
  return mark;
}

// Removes a backup, its mark first, so that what is left of it by a crash is none.
absl::Status RemoveFolder(FileSystem& fs, const std::string& folder) {
  if (const absl::Status mark = fs.Remove(MarkOf(folder)); !mark.ok() && !absl::IsNotFound(mark)) {
    return mark;
  }
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  return error ? absl::InternalError(fmt::format("remove {}: {}", folder, error.message())) : absl::OkStatus();
}

// What a crash left of backups; call while none is made.
void RemoveUnfinished(FileSystem& fs, const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> names = fs.List(directory);
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
    const std::string folder = fmt::format("{}/{}", directory, name);
    if (IsName(name) && !std::filesystem::exists(MarkOf(folder))) {
      const absl::Status removed = RemoveFolder(fs, folder);
      Log(LogLevel::kWarning, "unfinished_backup_removed", {{"folder", folder}, {"error", Message(removed)}});
    }
  }
}

std::string HomeOf(const BackupSource& source) { return std::filesystem::path(source.database).parent_path().string(); }

absl::StatusOr<BackupInfo> Fill(const BackupSource& source, FileSystem& fs, const std::string& target,
                                std::int64_t now_ms, const OnProgress& on_progress) {
  const Files::Hold hold(source.files);  // what the copied rows name is not removed before it is copied
  Stages progress(on_progress);
  BackupInfo info{.name = std::filesystem::path(target).filename().string(), .taken_ms = now_ms};
  std::vector<NamedPiece> named;
  {
    NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> from,
                             Connection::Open(source.database, {.read_only = true, .vfs = source.vfs}));
    NORMLAB_RETURN_IF_ERROR(fs.AtomicWrite(DatabaseOf(target), ""));  // SQLite would make it readable by everyone
    NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> to, Connection::Open(DatabaseOf(target), {}));
    // One transaction, so that the copy is of one moment and never begins anew, however much is written meanwhile.
    const Transaction transaction(*from, Transaction::Kind::kRead);
    NORMLAB_RETURN_IF_ERROR(transaction.status());
    NORMLAB_ASSIGN_OR_RETURN(named, FilesOf(*from));
    NORMLAB_ASSIGN_OR_RETURN(const std::int64_t jobs, from->Int("SELECT count(*) FROM job"));
    NORMLAB_ASSIGN_OR_RETURN(const std::uint64_t database, DatabaseBytes(*from));
    info.jobs = static_cast<std::uint64_t>(jobs);
    info.bytes = database;
    for (const NamedPiece& piece : named) {
      info.bytes += piece.size;
    }
    progress.Expect(2 * info.bytes);
    std::uint64_t copied = 0;
    NORMLAB_RETURN_IF_ERROR(from->CopyInto(*to, kPagesAtATime, [&](double share) {
      const auto now = static_cast<std::uint64_t>(share * static_cast<double>(database));
      const absl::Status status = progress.Done(now - copied);
      copied = now;
      return status;
    }));
    NORMLAB_RETURN_IF_ERROR(to->Run("PRAGMA journal_mode = DELETE"));  // one file
  }
  NORMLAB_RETURN_IF_ERROR(CopyFiles(named, source.files, fs, target, progress));
  NORMLAB_ASSIGN_OR_RETURN(const ScrubReport found, CheckStore(fs, target, progress.Stage(info.bytes)));
  if (found.damaged > 0) {
    return absl::DataLossError(
        fmt::format("the store is damaged, and so would be its backup: {}", found.damage.front()));
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::string home, IdOf(fs, HomeOf(source)));
  NORMLAB_RETURN_IF_ERROR(fs.AtomicWrite(MarkOf(target), MarkText({info, home})));
  return info;
}

// kAlreadyExists if `home` has a store, or what is left of one: SQLite plays a log back over whatever pages lie beside it.
absl::Status CheckEmpty(const std::string& home) {
  for (const char* const suffix : {"", "-wal", "-shm", "-journal"}) {
    const std::string path = DatabaseOf(home) + suffix;
    std::error_code error;
    if (std::filesystem::symlink_status(path, error).type() != std::filesystem::file_type::not_found) {
      return absl::AlreadyExistsError(fmt::format(
          "{} has a store already, which would be lost, or what is left of one: {}; move all of {}* away, or "
          "choose another --home",
          home, path, DatabaseOf(home)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BackupInfo> MakeBackup(const BackupSource& source, FileSystem& fs, const std::string& directory,
                                      std::int64_t now_ms, const OnProgress& on_progress) {
  NORMLAB_RETURN_IF_ERROR(fs.MakeDirectories(directory));
  // Another server may keep its own here, and one without a mark yet looks as a crash leaves it.
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock,
                           FileLock::Acquire(directory + "/backups.lock", "a backup of " + HomeOf(source)));
  RemoveUnfinished(fs, directory);
  std::string target = fmt::format("{}/{}", directory, NameAt(now_ms));
  for (int i = 2; std::filesystem::exists(target); ++i) {
    target = fmt::format("{}/{}-{}", directory, NameAt(now_ms), i);
  }
  NORMLAB_RETURN_IF_ERROR(fs.MakeDirectories(target));
  NORMLAB_RETURN_IF_ERROR(Files::Open(fs, target).status());
  absl::StatusOr<BackupInfo> made = Fill(source, fs, target, now_ms, on_progress);
  if (!made.ok()) {
    const absl::Status removed = RemoveFolder(fs, target);
    if (!removed.ok()) {
      Log(LogLevel::kWarning, "unfinished_backup_not_removed", {{"error", Message(removed)}});
    }
  }
  return made;
}

namespace {

// Newest first.
absl::StatusOr<std::vector<Mark>> ListMarks(FileSystem& fs, const std::string& directory) {
  std::vector<Mark> backups;
  const absl::StatusOr<std::vector<std::string>> names = fs.List(directory);
  if (absl::IsNotFound(names.status())) {
    return backups;
  }
  NORMLAB_RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    absl::StatusOr<Mark> mark = ReadMark(fs, fmt::format("{}/{}", directory, name));
    if (IsName(name) && mark.ok()) {
      backups.push_back(*std::move(mark));
    }
  }
  std::sort(backups.begin(), backups.end(), [](const Mark& a, const Mark& b) {
    return std::pair(a.info.taken_ms, a.info.name) > std::pair(b.info.taken_ms, b.info.name);
  });
  return backups;
}

}  // namespace

absl::StatusOr<std::vector<BackupInfo>> ListBackups(FileSystem& fs, const std::string& directory) {
  NORMLAB_ASSIGN_OR_RETURN(std::vector<Mark> marks, ListMarks(fs, directory));
  std::vector<BackupInfo> backups;
  for (Mark& mark : marks) {
    backups.push_back(std::move(mark.info));
  }
  return backups;
}

absl::StatusOr<BackupInfo> FindBackup(FileSystem& fs, const std::string& directory, const std::string& name) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<BackupInfo> all, ListBackups(fs, directory));
  const auto found =
      std::find_if(all.begin(), all.end(), [&name](const BackupInfo& backup) { return backup.name == name; });
  if (found == all.end()) {
    return absl::NotFoundError(
        fmt::format("no backup {}; normlab admin backups lists those there are", OneLine(name, 100)));
  }
  return *found;
}

absl::Status RemoveBackup(FileSystem& fs, const std::string& directory, const std::string& name) {
  NORMLAB_RETURN_IF_ERROR(FindBackup(fs, directory, name).status());
  return RemoveFolder(fs, fmt::format("{}/{}", directory, name));
}

absl::StatusOr<std::vector<std::string>> PruneBackups(FileSystem& fs, const std::string& directory,
                                                      const std::string& name, std::size_t keep) {
  NORMLAB_ASSIGN_OR_RETURN(const Mark newest, ReadMark(fs, fmt::format("{}/{}", directory, name)));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<Mark> all, ListMarks(fs, directory));
  std::vector<std::string> removed;
  std::size_t own = 0;
  for (const Mark& mark : all) {
    if (!newest.home.empty() && mark.home == newest.home && ++own > keep) {
      NORMLAB_RETURN_IF_ERROR(RemoveFolder(fs, fmt::format("{}/{}", directory, mark.info.name)));
      removed.push_back(mark.info.name);
    }
  }
  return removed;
}

absl::StatusOr<ScrubReport> CheckStore(FileSystem& fs, const std::string& folder, const OnProgress& on_progress) {
  NORMLAB_RETURN_IF_ERROR(fs.Open(DatabaseOf(folder)).status());
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<Files> files, Files::Open(fs, folder));
  return ScrubStore(DatabaseOf(folder), "", *files, on_progress);
}

absl::StatusOr<BackupInfo> RestoreBackup(FileSystem& fs, const std::string& folder, const std::string& home,
                                         const OnProgress& on_progress) {
  const absl::StatusOr<Mark> mark = ReadMark(fs, folder);
  if (absl::IsNotFound(mark.status())) {
    return absl::NotFoundError(fmt::format("{} is no backup: it has no {}, which is written last", folder, kMark));
  }
  NORMLAB_RETURN_IF_ERROR(mark.status());
  const BackupInfo& info = mark->info;
  NORMLAB_RETURN_IF_ERROR(fs.MakeDirectories(home));
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<FileLock> lock,
                           FileLock::Acquire(DatabaseOf(home) + ".lock", "a restore"));
  NORMLAB_RETURN_IF_ERROR(CheckEmpty(home));
  Stages progress(on_progress);
  progress.Expect(2 * info.bytes);
  NORMLAB_ASSIGN_OR_RETURN(const ScrubReport found, CheckStore(fs, folder, progress.Stage(info.bytes)));
  if (found.damaged > 0) {
    return absl::DataLossError(fmt::format("{} is damaged; nothing was restored: {}", folder, found.damage.front()));
  }
  NORMLAB_RETURN_IF_ERROR(progress.Done(info.bytes));
  NORMLAB_RETURN_IF_ERROR(Files::Open(fs, home).status());
  {
    NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> db,
                             Connection::Open(DatabaseOf(folder), {.read_only = true, .vfs = ""}));
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<NamedPiece> named, FilesOf(*db));
    NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<Files> files, Files::Open(fs, folder));
    NORMLAB_RETURN_IF_ERROR(CopyFiles(named, *files, fs, home, progress));
  }
  // Last: a home with a database is whole.
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> database, fs.Open(DatabaseOf(folder)));
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<PendingFile> copy, fs.Create(DatabaseOf(home)));
  NORMLAB_RETURN_IF_ERROR(progress.Done(database->size()));  // after it is written nobody can give up
  NORMLAB_RETURN_IF_ERROR(FillFile(*database, *copy));
  NORMLAB_RETURN_IF_ERROR(CheckEmpty(home));  // the copy took long, and the lock keeps out only those that ask for it
  NORMLAB_RETURN_IF_ERROR(copy->Publish());
  return info;
}

}  // namespace normlab::store
