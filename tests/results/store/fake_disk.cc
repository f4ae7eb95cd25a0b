#include "tests/results/store/fake_disk.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace normlab::store {
namespace {

constexpr std::size_t kSector = 512;

void Apply(const FakeDisk::Change& change, std::string& content) {
  switch (change.kind) {
    case FakeDisk::Change::Kind::kWrite:
      content.resize(std::max(content.size(), static_cast<std::size_t>(change.offset) + change.data.size()));
      content.replace(static_cast<std::size_t>(change.offset), change.data.size(), change.data);
      break;
    case FakeDisk::Change::Kind::kTruncate:
      content.resize(static_cast<std::size_t>(change.offset));
      break;
    case FakeDisk::Change::Kind::kDelete:
      content.clear();
      break;
  }
}

// Sectors of a write, each with probability 1/2.
void ApplyTorn(const FakeDisk::Change& change, std::string& content, Rng& rng) {
  for (std::size_t begin = 0; begin < change.data.size();) {
    const std::size_t at = static_cast<std::size_t>(change.offset) + begin;
    const std::size_t size = std::min(kSector - at % kSector, change.data.size() - begin);
    if (rng.Below(2) == 0) {
      Apply({FakeDisk::Change::Kind::kWrite, static_cast<std::int64_t>(at), change.data.substr(begin, size)}, content);
    }
    begin += size;
  }
}

// --- the VFS: C functions that find the real file behind ours ---

sqlite3_vfs* Real() {
  static sqlite3_vfs* const real = sqlite3_vfs_find("unix");
  return real;
}

struct OpenFile {
  sqlite3_file base;
  FakeDisk* disk;
  FakeDisk::File* file;  // null: a temporary file, which no image holds
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

OpenFile* Of(sqlite3_file* file) { return reinterpret_cast<OpenFile*>(file); }
sqlite3_file* RealOf(sqlite3_file* file) { return Of(file)->real(); }

int Close(sqlite3_file* f) { return RealOf(f)->pMethods->xClose(RealOf(f)); }
int Read(sqlite3_file* f, void* data, int n, sqlite3_int64 at) {
  return RealOf(f)->pMethods->xRead(RealOf(f), data, n, at);
}
int Write(sqlite3_file* f, const void* data, int n, sqlite3_int64 at) {
  if (Of(f)->file != nullptr) {
    const int code =
        Of(f)->disk->Write(*Of(f)->file, at, {static_cast<const char*>(data), static_cast<std::size_t>(n)});
    if (code != SQLITE_OK) {
      return code;
    }
  }
  return RealOf(f)->pMethods->xWrite(RealOf(f), data, n, at);
}
int Truncate(sqlite3_file* f, sqlite3_int64 size) {
  if (Of(f)->file != nullptr) {
    if (const int code = Of(f)->disk->Truncate(*Of(f)->file, size); code != SQLITE_OK) {
      return code;
    }
  }
  return RealOf(f)->pMethods->xTruncate(RealOf(f), size);
}
int Sync(sqlite3_file* f, int) { return Of(f)->file == nullptr ? SQLITE_OK : Of(f)->disk->Sync(*Of(f)->file); }
int FileSize(sqlite3_file* f, sqlite3_int64* size) { return RealOf(f)->pMethods->xFileSize(RealOf(f), size); }
int Lock(sqlite3_file* f, int level) { return RealOf(f)->pMethods->xLock(RealOf(f), level); }
int Unlock(sqlite3_file* f, int level) { return RealOf(f)->pMethods->xUnlock(RealOf(f), level); }
int CheckReservedLock(sqlite3_file* f, int* out) { return RealOf(f)->pMethods->xCheckReservedLock(RealOf(f), out); }
int FileControl(sqlite3_file* f, int op, void* arg) { return RealOf(f)->pMethods->xFileControl(RealOf(f), op, arg); }
int SectorSize(sqlite3_file*) { return kSector; }
int DeviceCharacteristics(sqlite3_file*) { return 0; }
int ShmMap(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return RealOf(f)->pMethods->xShmMap(RealOf(f), page, size, extend, out);
}
int ShmLock(sqlite3_file* f, int offset, int n, int flags) {
  return RealOf(f)->pMethods->xShmLock(RealOf(f), offset, n, flags);
}
void ShmBarrier(sqlite3_file* f) { RealOf(f)->pMethods->xShmBarrier(RealOf(f)); }
int ShmUnmap(sqlite3_file* f, int remove) { return RealOf(f)->pMethods->xShmUnmap(RealOf(f), remove); }

const sqlite3_io_methods kMethods = {.iVersion = 2,  // no memory mapping
                                     .xClose = Close,
                                     .xRead = Read,
                                     .xWrite = Write,
                                     .xTruncate = Truncate,
                                     .xSync = Sync,
                                     .xFileSize = FileSize,
                                     .xLock = Lock,
                                     .xUnlock = Unlock,
                                     .xCheckReservedLock = CheckReservedLock,
                                     .xFileControl = FileControl,
                                     .xSectorSize = SectorSize,
                                     .xDeviceCharacteristics = DeviceCharacteristics,
                                     .xShmMap = ShmMap,
                                     .xShmLock = ShmLock,
                                     .xShmBarrier = ShmBarrier,
                                     .xShmUnmap = ShmUnmap,
                                     .xFetch = nullptr,
                                     .xUnfetch = nullptr};

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* f, int flags, int* out_flags) {
  OpenFile* const file = Of(f);
  file->base.pMethods = nullptr;
  const int code = Real()->xOpen(Real(), path, file->real(), flags, out_flags);
  if (code != SQLITE_OK) {
    return code;
  }
  file->disk = static_cast<FakeDisk*>(vfs->pAppData);
  file->file = path == nullptr ? nullptr : file->disk->Opened(path);
  file->base.pMethods = &kMethods;
  return SQLITE_OK;
}

int DeletePath(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  if (const int code = static_cast<FakeDisk*>(vfs->pAppData)->Delete(path, sync_directory != 0); code != SQLITE_OK) {
    return code;
  }
  return Real()->xDelete(Real(), path, 0);
}

sqlite3_vfs g_vfs;

}  // namespace

FakeDisk::FakeDisk() {
  g_vfs = *Real();
  g_vfs.pNext = nullptr;
  g_vfs.zName = kName;
  g_vfs.pAppData = this;
  g_vfs.szOsFile = static_cast<int>(sizeof(OpenFile)) + Real()->szOsFile;
  g_vfs.xOpen = Open;
  g_vfs.xDelete = DeletePath;
  sqlite3_vfs_register(&g_vfs, /*makeDflt=*/0);
}

FakeDisk::~FakeDisk() { sqlite3_vfs_unregister(&g_vfs); }

void FakeDisk::Reset() {
  const MutexLock lock(mutex_);
  files_.clear();
  until_cut_ = std::numeric_limits<std::uint64_t>::max();
  cut_ = false;
  growth_left_ = std::numeric_limits<std::int64_t>::max();
  syncs_until_failure_ = 0;
}

void FakeDisk::CutAt(std::uint64_t n) {
  const MutexLock lock(mutex_);
  until_cut_ = n;
}

bool FakeDisk::cut() const {
  const MutexLock lock(mutex_);
  return cut_;
}

void FakeDisk::LimitGrowth(std::int64_t bytes) {
  const MutexLock lock(mutex_);
  growth_left_ = bytes;
}

void FakeDisk::FailSyncs(std::uint64_t from) {
  const MutexLock lock(mutex_);
  syncs_until_failure_ = from;
}

bool FakeDisk::Alive() {
  if (!cut_ && --until_cut_ == 0) {
    cut_ = true;
  }
  return !cut_;
}

FakeDisk::File* FakeDisk::Opened(const std::string& path) {
  const MutexLock lock(mutex_);
  const auto [it, is_new] = files_.try_emplace(path);
  File& file = it->second;
  if (is_new && std::filesystem::file_size(path) > 0) {
    std::stringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    file.durable = content.str();
    file.exists = true;
  }
  file.size = static_cast<std::int64_t>(std::filesystem::file_size(path));
  return &file;
}

int FakeDisk::Write(File& file, std::int64_t offset, std::string_view data) {
  const MutexLock lock(mutex_);
  const auto end = offset + static_cast<std::int64_t>(data.size());
  const std::int64_t growth = std::max<std::int64_t>(0, end - file.size);
  if (growth > growth_left_) {
    return SQLITE_FULL;
  }
  if (!cut_) {
    file.pending.push_back({Change::Kind::kWrite, offset, std::string(data)});
  }
  if (!Alive()) {
    return SQLITE_IOERR_WRITE;
  }
  growth_left_ -= growth;
  file.size = std::max(file.size, end);
  return SQLITE_OK;
}

int FakeDisk::Truncate(File& file, std::int64_t size) {
  const MutexLock lock(mutex_);
  if (!cut_) {
    file.pending.push_back({Change::Kind::kTruncate, size, {}});
  }
  if (!Alive()) {
    return SQLITE_IOERR_TRUNCATE;
  }
  file.size = size;
  return SQLITE_OK;
}

int FakeDisk::Sync(File& file) {
  const MutexLock lock(mutex_);
  if (!Alive() || syncs_until_failure_ == 1) {
    return SQLITE_IOERR_FSYNC;
  }
  syncs_until_failure_ -= syncs_until_failure_ > 1 ? 1 : 0;
  file.exists = true;
  for (const Change& change : file.pending) {
    Apply(change, file.durable);
    file.exists = change.kind != Change::Kind::kDelete;
  }
  file.pending.clear();
  return SQLITE_OK;
}

int FakeDisk::Delete(const std::string& path, bool sync_directory) {
  const MutexLock lock(mutex_);
  File& file = files_[path];
  if (!cut_) {
    file.pending.push_back({Change::Kind::kDelete, 0, {}});
  }
  if (!Alive()) {
    return SQLITE_IOERR_DELETE;
  }
  file.size = 0;
  if (sync_directory) {
    file = File();
  }
  return SQLITE_OK;
}

void FakeDisk::WriteImage(const std::string& directory, Rng& rng) const {
  const MutexLock lock(mutex_);
  for (const auto& [path, file] : files_) {
    std::string content = file.durable;
    bool exists = file.exists;
    const auto lengths = static_cast<std::uint64_t>(std::count_if(
        file.pending.begin(), file.pending.end(), [](const Change& c) { return c.kind != Change::Kind::kWrite; }));
    std::uint64_t lengths_kept = rng.Below(lengths + 1);
    const std::uint64_t how = rng.Below(4);  // none of the writes, all, whole ones, torn ones
    for (const Change& change : file.pending) {
      if (change.kind != Change::Kind::kWrite) {
        if (lengths_kept == 0) {
          break;  // whatever came after it was for a file of another length
        }
        --lengths_kept;
        Apply(change, content);
        exists = change.kind != Change::Kind::kDelete;
      } else if (how == 1 || (how == 2 && rng.Below(2) == 0)) {
        Apply(change, content);
        exists = true;
      } else if (how == 3) {
        ApplyTorn(change, content, rng);
        exists = true;
      }
    }
    if (exists) {
      std::ofstream(std::filesystem::path(directory) / std::filesystem::path(path).filename(), std::ios::binary)
          << content;
    }
  }
}

}  // namespace normlab::store
