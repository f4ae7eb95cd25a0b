#include "results/store/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>

#include <utility>

namespace normlab::store {
namespace {

constexpr int kBusyTimeoutMs = 2000;
constexpr int kStepsBetweenLooks = 1000;  // of SQLite's virtual machine, at the deadline: some 50 microseconds

absl::StatusCode CodeOf(int code) {
  if (code == SQLITE_IOERR_SHMSIZE) {
    return absl::StatusCode::kResourceExhausted;  // the WAL index could not grow: a full disk
  }
  if (code == SQLITE_IOERR_READ || code == SQLITE_IOERR_CORRUPTFS) {
    return absl::StatusCode::kDataLoss;  // a bad sector is like a damaged page
  }
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
      return absl::StatusCode::kDataLoss;
    case SQLITE_NOTADB:
      return absl::StatusCode::kFailedPrecondition;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return absl::StatusCode::kPermissionDenied;
    case SQLITE_TOOBIG:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

// Of SQLite's own writes. It takes ENOSPC alone for a full disk; a quota that is used up would be an I/O error to it,
// after which nobody knows what is on disk, although nothing was written.
ssize_t WithFullQuota(ssize_t written) {
  if (written < 0 && errno == EDQUOT) {
    errno = ENOSPC;
  }
  return written;
}
ssize_t Write(int fd, const void* data, std::size_t size) { return WithFullQuota(::write(fd, data, size)); }
ssize_t WriteAt(int fd, const void* data, std::size_t size, off_t offset) {
  return WithFullQuota(::pwrite(fd, data, size, offset));
}
ssize_t WriteAt64(int fd, const void* data, std::size_t size, off64_t offset) {
  return WithFullQuota(::pwrite64(fd, data, size, offset));
}

// Which of them SQLite was built to call is its own affair.
bool TakeFullQuotasForFullDisks() {
  sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
  const std::pair<const char*, sqlite3_syscall_ptr> calls[] = {
      {"write", reinterpret_cast<sqlite3_syscall_ptr>(&Write)},
      {"pwrite", reinterpret_cast<sqlite3_syscall_ptr>(&WriteAt)},
      {"pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(&WriteAt64)}};
  for (const auto& [name, call] : calls) {
    if (vfs->xGetSystemCall(vfs, name) != nullptr) {
      vfs->xSetSystemCall(vfs, name, call);
    }
  }
  return true;
}

bool LeavesDiskUnknown(int code) {
  return (code & 0xff) == SQLITE_IOERR && CodeOf(code) == absl::StatusCode::kInternal;
}

}  // namespace

// --- Query ---

Query::Query(Query&& other) noexcept
    : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)), status_(std::move(other.status_)) {}

Query::~Query() {
  if (statement_ != nullptr) {
    db_->GiveBack(statement_);
  }
}

bool Query::Next() {
  if (!status_.ok() || statement_ == nullptr || ended_) {
    return false;
  }
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) {
    return true;
  }
  ended_ = true;
  if (code != SQLITE_DONE) {
    status_ = db_->ToStatus(code, sqlite3_sql(statement_));
  }
  return false;
}

void Query::Rewind() {
  ended_ = false;
  if (statement_ != nullptr) {
    sqlite3_reset(statement_);
  }
}

void Query::Check(int code) {
  if (code != SQLITE_OK && status_.ok()) {
    status_ = db_->ToStatus(code, sqlite3_sql(statement_));
  }
}

void Query::Bind(int index, std::int64_t value) {
  if (statement_ != nullptr) {
    Check(sqlite3_bind_int64(statement_, index, value));
  }
}

void Query::Bind(int index, double value) {
  if (statement_ != nullptr) {
    Check(sqlite3_bind_double(statement_, index, value));
  }
}

void Query::Bind(int index, std::string_view text) {
  if (statement_ != nullptr) {
    // A null pointer would bind NULL instead of the empty text.
    Check(sqlite3_bind_text64(statement_, index, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT,
                              SQLITE_UTF8));
  }
}

void Query::Bind(int index, Blob blob) {
  if (statement_ != nullptr) {
    Check(sqlite3_bind_blob64(statement_, index, blob.bytes.empty() ? "" : blob.bytes.data(), blob.bytes.size(),
                              SQLITE_TRANSIENT));
  }
}

void Query::BindNull(int index) {
  if (statement_ != nullptr) {
    Check(sqlite3_bind_null(statement_, index));
  }
}

bool Query::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Query::Int(int column) const { return sqlite3_column_int64(statement_, column); }
double Query::Real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Query::View(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(bytes), size);
}

// --- Connection ---

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& path, const OpenOptions& options) {
  [[maybe_unused]] static const bool once = TakeFullQuotasForFullDisks();
  sqlite3* raw = nullptr;
  const int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  std::unique_ptr<Connection> db(new Connection(raw));
  if (code != SQLITE_OK) {
    return db->ToStatus(code, fmt::format("open {}", path));
  }
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_wal_hook(
      raw,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Connection*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      db.get());
  // The pages of a group of calls stay in memory until its commit, and what a savepoint may have to restore does too.
  const char* const setup = "PRAGMA cell_size_check = ON; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY";
  NORMLAB_RETURN_IF_ERROR(Annotate(db->Script(setup), fmt::format("open {}", path)));
  if (options.read_only) {
    NORMLAB_RETURN_IF_ERROR(db->Script("PRAGMA query_only = ON"));
  }
  return db;
}

Connection::~Connection() {
  for (const auto& [sql, cached] : statements_) {
    sqlite3_finalize(cached.statement);
  }
  sqlite3_close(db_);
}

// Unlike the pragma, this holds inside a transaction too; SQLite prepares the statements that are kept anew.
void Connection::CheckForeignKeys(bool check) {
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_FKEY, check ? 1 : 0, nullptr);
}

Query Connection::Prepare(std::string_view sql) {
  Cached& cached = statements_[std::string(sql)];
  const bool reusable = cached.statement != nullptr && !cached.in_use;
  sqlite3_stmt* statement = reusable ? cached.statement : nullptr;
  if (!reusable) {
    const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                        &statement, nullptr);
    if (code != SQLITE_OK) {
      return Query(this, nullptr, ToStatus(code, sql));
    }
  }
  if (!cached.in_use) {
    cached = {statement, true};
  }
  return Query(this, statement, absl::OkStatus());
}

void Connection::GiveBack(sqlite3_stmt* statement) {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  const auto it = statements_.find(sqlite3_sql(statement));
  if (it != statements_.end() && it->second.statement == statement) {
    it->second.in_use = false;
  } else {
    sqlite3_finalize(statement);  // a second run of a statement whose first was still open
  }
}

absl::Status Connection::Script(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ToStatus(code, sql.substr(0, 80));
}

void Connection::SetDeadline(std::chrono::steady_clock::time_point deadline) {
  deadline_ = deadline;
  const auto passed = [](void* self) {
    return std::chrono::steady_clock::now() >= static_cast<Connection*>(self)->deadline_ ? 1 : 0;
  };
  sqlite3_progress_handler(db_, kStepsBetweenLooks, passed, this);
}

std::int64_t Connection::LastRowId() const { return sqlite3_last_insert_rowid(db_); }
std::int64_t Connection::Changes() const { return sqlite3_changes64(db_); }
bool Connection::InTransaction() const { return sqlite3_get_autocommit(db_) == 0; }

absl::Status Connection::CopyInto(Connection& target, int pages,
                                  const std::function<absl::Status(double share)>& on_step) {
  sqlite3_backup* const copy = sqlite3_backup_init(target.db_, "main", db_, "main");
  if (copy == nullptr) {
    return target.ToStatus(sqlite3_extended_errcode(target.db_), "begin a copy of the database");
  }
  absl::Status status;
  int code = SQLITE_OK;
  while (status.ok() && code == SQLITE_OK) {
    code = sqlite3_backup_step(copy, pages);
    const int total = sqlite3_backup_pagecount(copy);
    const int left = sqlite3_backup_remaining(copy);
    status = on_step(total == 0 ? 1 : 1 - static_cast<double>(left) / total);
  }
  const int finished = sqlite3_backup_finish(copy);
  code = code == SQLITE_OK || code == SQLITE_DONE ? finished : code;
  return status.ok() && code != SQLITE_OK ? target.ToStatus(code, "copy the database") : status;
}

absl::Status Connection::Checkpoint(bool truncate) {
  sqlite3_busy_timeout(db_, 0);
  const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const int code = sqlite3_wal_checkpoint_v2(db_, nullptr, mode, nullptr, nullptr);
  sqlite3_busy_timeout(db_, kBusyTimeoutMs);
  if (code == SQLITE_OK && truncate) {
    wal_pages_ = 0;
  }
  return code == SQLITE_OK ? absl::OkStatus() : ToStatus(code, "checkpoint of the write-ahead log");
}

absl::Status Connection::ToStatus(int code, std::string_view doing) {
  if (LeavesDiskUnknown(code)) {
    broken_ = true;
    // Nor at closing: a checkpoint would move pages into the file that may never have reached the log's.
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  if (code == SQLITE_INTERRUPT) {
    return absl::DeadlineExceededError(
        "the read took longer than the store allows; ask for less: a smaller page, a range of steps, max_points");
  }
  return absl::Status(CodeOf(code),
                      fmt::format("SQLite: {} ({}) in: {}", db_ != nullptr ? sqlite3_errmsg(db_) : "no memory",
                                  sqlite3_errstr(code), doing));
}

// --- Transaction, Savepoint ---

Transaction::Transaction(Connection& db, Kind kind)
    : db_(db), status_(db.Run(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN")), open_(status_.ok()) {}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back by itself.
  if (open_ && db_.InTransaction()) {
    db_.Run("ROLLBACK").IgnoreError();
  }
}

absl::Status Transaction::Commit() {
  NORMLAB_RETURN_IF_ERROR(db_.Run("COMMIT"));
  open_ = false;
  return absl::OkStatus();
}

Savepoint::Savepoint(Connection& db) : db_(db), status_(db.Run("SAVEPOINT s")), open_(status_.ok()) {}

Savepoint::~Savepoint() {
  if (open_ && db_.InTransaction()) {
    db_.Run("ROLLBACK TO s").IgnoreError();
    db_.Run("RELEASE s").IgnoreError();
  }
}

absl::Status Savepoint::Release() {
  NORMLAB_RETURN_IF_ERROR(db_.Run("RELEASE s"));
  open_ = false;
  return absl::OkStatus();
}

}  // namespace normlab::store
