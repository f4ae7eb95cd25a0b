// sqlite.h - a thin RAII layer over SQLite's C API: Connection, Query, Transaction, Savepoint.
//
// It is not an abstraction of databases: SQL stays in sight of its callers, all of them in results/store. Statements
// are prepared once per connection and kept; SQL texts must therefore come from a bounded set.
//
// Thread safety: none; one thread at a time uses a connection and everything made from it. Queries, transactions and
// savepoints must not outlive their connection.
#pragma once

#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace normlab::store {

// Bound as BLOB; a std::string_view is bound as TEXT. Borrowed until the query has been bound.
struct Blob {
  std::string_view bytes;
};

// A double kept bit for bit, as an INTEGER: SQLite stores a NaN as NULL and -0.0 as 0.0.
struct Exactly {
  double value;
};

// One run of a prepared statement:
//   Query q = db.Ask("SELECT id FROM job WHERE state = ?1", state);
//   while (q.Next()) ids.push_back(q.Int(0));
//   NORMLAB_RETURN_IF_ERROR(q.status());
// A failure to prepare or bind shows as Next() == false and a status that is not OK.
class Query {
 public:
  Query(Query&& other) noexcept;
  Query& operator=(Query&&) = delete;
  ~Query();

  // Goes to the next row; false at the end, ever after, and on an error.
  bool Next();
  const absl::Status& status() const { return status_; }

  // Columns of the current row, from 0. Views live until Next() or the end of the query.
  bool IsNull(int column) const;
  std::int64_t Int(int column) const;
  std::uint64_t Unsigned(int column) const { return static_cast<std::uint64_t>(Int(column)); }
  double Real(int column) const;
  double Exact(int column) const { return std::bit_cast<double>(Int(column)); }  // what was bound Exactly
  std::string_view View(int column) const;                                       // TEXT or BLOB
  std::string Text(int column) const { return std::string(View(column)); }

  // Starts over with the same statement, for inserting many rows.
  template <typename... Args>
  absl::Status RunAgain(const Args&... args);

 private:
  friend class Connection;
  Query(class Connection* db, sqlite3_stmt* statement, absl::Status status)
      : db_(db), statement_(statement), status_(std::move(status)) {}

  void Rewind();
  void Check(int code);
  void Bind(int index, std::int64_t value);
  void Bind(int index, double value);
  void Bind(int index, std::string_view text);
  void Bind(int index, Blob blob);
  void Bind(int index, Exactly real) { Bind(index, std::bit_cast<std::int64_t>(real.value)); }
  void BindNull(int index);
  template <std::integral T>
  void Bind(int index, T value) {
    Bind(index, static_cast<std::int64_t>(value));
  }
  template <typename T>
  void Bind(int index, const std::optional<T>& value) {
    value.has_value() ? Bind(index, *value) : BindNull(index);
  }
  template <typename... Args>
  void BindAll(const Args&... args) {
    int index = 0;
    (Bind(++index, args), ...);
  }

  Connection* db_;
  sqlite3_stmt* statement_;  // borrowed from the connection's cache; null after a failure to prepare
  absl::Status status_;
  bool ended_ = false;
};

struct OpenOptions {
  bool read_only = false;
  std::string vfs;  // empty: SQLite's default
};

class Connection {
 public:
  // Opens with what every connection of normlab wants: defensive mode, foreign keys, untrusted schema, checked cells, a
  // busy timeout of 2 s; read-only ones cannot write at all. Creates the file if it is missing and not read_only.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& path, const OpenOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  template <typename... Args>
  Query Ask(std::string_view sql, const Args&... args) {
    Query query = Prepare(sql);
    query.BindAll(args...);
    return query;
  }
  // Runs to the end, ignoring rows.
  template <typename... Args>
  absl::Status Run(std::string_view sql, const Args&... args) {
    Query query = Ask(sql, args...);
    while (query.Next()) {
    }
    return query.status();
  }
  // The same; the number of rows inserted, updated or deleted.
  template <typename... Args>
  absl::StatusOr<std::int64_t> Change(std::string_view sql, const Args&... args) {
    NORMLAB_RETURN_IF_ERROR(Run(sql, args...));
    return Changes();
  }
  // The integer of the first row, 0 without rows; for pragmas, counts and the like.
  template <typename... Args>
  absl::StatusOr<std::int64_t> Int(std::string_view sql, const Args&... args) {
    Query query = Ask(sql, args...);
    const std::int64_t value = query.Next() ? query.Int(0) : 0;
    while (query.Next()) {
    }
    NORMLAB_RETURN_IF_ERROR(query.status());
    return value;
  }
  // The integers of the first column.
  template <typename... Args>
  absl::StatusOr<std::vector<std::int64_t>> Ints(std::string_view sql, const Args&... args) {
    std::vector<std::int64_t> values;
    Query query = Ask(sql, args...);
    while (query.Next()) {
      values.push_back(query.Int(0));
    }
    NORMLAB_RETURN_IF_ERROR(query.status());
    return values;
  }
  // Several statements without parameters; not kept.
  absl::Status Script(const std::string& sql);

  // Queries that are still at work at `deadline` end with kDeadlineExceeded.
  void SetDeadline(std::chrono::steady_clock::time_point deadline);

  // While one lives, statements of the connection that are prepared check no foreign key and delete nothing else.
  class WithoutForeignKeys {
   public:
    explicit WithoutForeignKeys(Connection& db) : db_(db) { db_.CheckForeignKeys(false); }
    ~WithoutForeignKeys() { db_.CheckForeignKeys(true); }
    WithoutForeignKeys(const WithoutForeignKeys&) = delete;
    WithoutForeignKeys& operator=(const WithoutForeignKeys&) = delete;

   private:
    Connection& db_;
  };

  std::int64_t LastRowId() const;
  std::int64_t Changes() const;
  bool InTransaction() const;
  // Moves the WAL into the database file, as far as readers let it; never waits for them. `truncate`: also empties the
  // WAL, kUnavailable if a reader still needs it.
  absl::Status Checkpoint(bool truncate);
  // Makes `target`, an empty database, a copy of this one as it sees it, some pages at a time. `on_step` is told what share
  // was copied and may end it. Inside a read transaction, or the copy begins anew whenever somebody writes.
  absl::Status CopyInto(Connection& target, int pages, const std::function<absl::Status(double share)>& on_step);
  // Pages in the WAL after the last commit of this connection.
  int wal_pages() const { return wal_pages_; }
  // True once SQLite reported that writing or syncing failed: what is on disk is then unknown to this process. A page
  // that is damaged or cannot be read is no such error: the statement that met it is kDataLoss, others go on.
  bool broken() const { return broken_; }

 private:
  friend class Query;
  struct Cached {
    sqlite3_stmt* statement = nullptr;
    bool in_use = false;
  };

  explicit Connection(sqlite3* db) : db_(db) {}
  void CheckForeignKeys(bool check);
  Query Prepare(std::string_view sql);
  void GiveBack(sqlite3_stmt* statement);
  // The status of a result code, which it also looks at for broken().
  absl::Status ToStatus(int code, std::string_view doing);

  sqlite3* db_;
  std::unordered_map<std::string, Cached> statements_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  int wal_pages_ = 0;
  bool broken_ = false;
};

// BEGIN .. COMMIT; rolls back unless committed.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  Transaction(Connection& db, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Whether it began.
  const absl::Status& status() const { return status_; }
  absl::Status Commit();

 private:
  Connection& db_;
  absl::Status status_;
  bool open_;
};

// SAVEPOINT .. RELEASE; rolls back to its start unless released.
class Savepoint {
 public:
  explicit Savepoint(Connection& db);
  ~Savepoint();
  Savepoint(const Savepoint&) = delete;
  Savepoint& operator=(const Savepoint&) = delete;

  const absl::Status& status() const { return status_; }
  absl::Status Release();

 private:
  Connection& db_;
  absl::Status status_;
  bool open_;
};

// Runs `work`, which returns a Status, in a savepoint of its own: if it fails, its changes and no others are undone.
template <typename Work>
absl::Status InSavepoint(Connection& db, const Work& work) {
  Savepoint savepoint(db);
  NORMLAB_RETURN_IF_ERROR(savepoint.status());
  NORMLAB_RETURN_IF_ERROR(work());
  return savepoint.Release();
}

template <typename... Args>
absl::Status Query::RunAgain(const Args&... args) {
  Rewind();
  BindAll(args...);
  while (Next()) {
  }
  return status_;
}

}  // namespace normlab::store
