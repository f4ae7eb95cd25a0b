#include "results/store/schema.h"

#include <fmt/format.h>

#include "results/store/repack.h"

namespace normlab::store {
namespace {

// Times are Unix milliseconds, 0 for "not yet". Doubles that may be NaN or -0 are kept as their 64 bits in an INTEGER,
// because SQLite stores a NaN as NULL and -0.0 as 0.0.
constexpr const char* kVersion1 = R"sql(
-- The server-wide cursors: the last revision of a job, the last sequence of a point. They never go back.
CREATE TABLE counter(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  revision INTEGER NOT NULL,
  sequence INTEGER NOT NULL
) STRICT;
INSERT INTO counter VALUES(1, 0, 0);

CREATE TABLE job(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  experiment TEXT NOT NULL,
  identity TEXT NOT NULL,
  dataset TEXT NOT NULL,
  state INTEGER NOT NULL CHECK(state BETWEEN 1 AND 7),
  priority INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL,
  started_ms INTEGER NOT NULL DEFAULT 0,
  finished_ms INTEGER NOT NULL DEFAULT 0,
  steps_done INTEGER NOT NULL DEFAULT 0,
  steps_total INTEGER NOT NULL DEFAULT 0,
  steps_per_second REAL NOT NULL DEFAULT 0,
  cpu_before REAL NOT NULL DEFAULT 0,
  cpu_seconds REAL NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL DEFAULT '',
  worker TEXT NOT NULL DEFAULT '',
  revision INTEGER NOT NULL,
  spec BLOB NOT NULL
) STRICT;
CREATE INDEX job_queue ON job(priority DESC, id) WHERE state = 1;
CREATE INDEX job_by_state ON job(state, id);
CREATE INDEX job_by_experiment ON job(experiment, state, id);
CREATE INDEX job_by_identity ON job(identity);
CREATE UNIQUE INDEX job_by_revision ON job(revision);

CREATE TABLE label(
  job INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(job, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX label_by_value ON label(key, value, job);

CREATE TABLE fact(
  job INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(job, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt(
  job INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  worker TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(job, number)
) STRICT, WITHOUT ROWID;

-- Answers that were given, so that a repeated request gets the same. They may outlive their jobs.
CREATE TABLE request(
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  method TEXT NOT NULL,
  body_hash TEXT NOT NULL
) STRICT;
CREATE TABLE answer(
  request INTEGER NOT NULL REFERENCES request(id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  job INTEGER NOT NULL,
  reused INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  PRIMARY KEY(request, position)
) STRICT, WITHOUT ROWID;

-- Ids are never used twice: points of a deleted series may still wait in `purge`.
CREATE TABLE series(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  points INTEGER NOT NULL DEFAULT 0,
  tail_points INTEGER NOT NULL DEFAULT 0,
  first_step INTEGER NOT NULL DEFAULT 0,
  last_step INTEGER NOT NULL DEFAULT 0,
  last_sequence INTEGER NOT NULL DEFAULT 0,
  min_bits INTEGER NOT NULL DEFAULT 0,
  max_bits INTEGER NOT NULL DEFAULT 0,
  last_bits INTEGER NOT NULL DEFAULT 0,
  not_finite INTEGER NOT NULL DEFAULT 0,
  UNIQUE(job, name)
) STRICT;

-- The newest points of each series. No foreign key: one look-up for every point would be a third of its cost.
CREATE TABLE tail(
  series INTEGER NOT NULL,
  step INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL,
  bits INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  PRIMARY KEY(series, step)
) STRICT, WITHOUT ROWID;

-- Older points, packed (chunk.h). A rowid table with the data last: 4.7 bytes a point on 4 KiB pages, where WITHOUT ROWID
-- takes 9.2.
CREATE TABLE chunk(
  id INTEGER PRIMARY KEY,
  series INTEGER NOT NULL,
  first_step INTEGER NOT NULL,
  last_step INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,
  points INTEGER NOT NULL,
  codec INTEGER NOT NULL,
  min_bits INTEGER NOT NULL,
  max_bits INTEGER NOT NULL,
  not_finite INTEGER NOT NULL,
  crc32c INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunk_by_step ON chunk(series, last_step, first_step);
CREATE UNIQUE INDEX chunk_by_sequence ON chunk(series, last_sequence);

-- Series whose job is gone and whose points are being removed, a bounded number a transaction.
CREATE TABLE purge(
  series INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE checkpoint(
  job INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  step INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  size INTEGER NOT NULL,
  crc32c INTEGER NOT NULL,
  score REAL,
  file TEXT NOT NULL,
  PRIMARY KEY(job, step)
) STRICT, WITHOUT ROWID;
CREATE INDEX checkpoint_by_file ON checkpoint(file);

CREATE TABLE artifact(
  job INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  step INTEGER NOT NULL,
  size INTEGER NOT NULL,
  crc32c INTEGER NOT NULL,
  file TEXT NOT NULL,
  PRIMARY KEY(job, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_by_file ON artifact(file);
)sql";

// Tails of one packed row for each call instead of one row for each point, and overviews of chunks.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE tail RENAME TO tail_version_1;

-- The newest points of each series (tail.h). No foreign key: a look-up for every row would be a third of its cost.
CREATE TABLE tail(
  series INTEGER NOT NULL,
  last_step INTEGER NOT NULL,
  points INTEGER NOT NULL,
  crc32c INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY(series, last_step)
) STRICT, WITHOUT ROWID;

-- A few points of each chunk (overview.h): `shown` of its `points`.
CREATE TABLE overview(
  series INTEGER NOT NULL,
  last_step INTEGER NOT NULL,
  first_step INTEGER NOT NULL,
  points INTEGER NOT NULL,
  shown INTEGER NOT NULL,
  crc32c INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY(series, last_step)
) STRICT, WITHOUT ROWID;
)sql";

// Nothing ever scored a checkpoint.
constexpr const char* kVersion3 = "ALTER TABLE checkpoint DROP COLUMN score;";

// What tells a job that gets nowhere from one that was merely interrupted.
constexpr const char* kVersion4 = R"sql(
ALTER TABLE attempt ADD COLUMN start_step INTEGER NOT NULL DEFAULT -1; -- of the checkpoint it began from; -1: none
ALTER TABLE attempt ADD COLUMN died INTEGER NOT NULL DEFAULT 0;        -- its worker died or got nowhere
)sql";

constexpr const char* kVersion5 = R"sql(
-- When it was answered: answers are forgotten in time (requests.h).
ALTER TABLE request ADD COLUMN answered_ms INTEGER NOT NULL DEFAULT 0;
UPDATE request SET answered_ms = unixepoch() * 1000;

-- Files that no row names, and since when this database knows of them (files.h).
CREATE TABLE orphan(
  file TEXT PRIMARY KEY,
  seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// Who a worker is, by its launcher's word and not by its own. '': it was started by hand.
constexpr const char* kVersion6 = R"sql(
ALTER TABLE job ADD COLUMN worker_id TEXT NOT NULL DEFAULT '';
ALTER TABLE attempt ADD COLUMN worker_id TEXT NOT NULL DEFAULT '';
)sql";

// Calls that change many jobs, what continues what, and lists in other orders than by age.
constexpr const char* kVersion7 = R"sql(
ALTER TABLE job ADD COLUMN resumed_from INTEGER NOT NULL DEFAULT 0;  -- the job it continues; 0: none
ALTER TABLE attempt ADD COLUMN steps_done INTEGER NOT NULL DEFAULT -1;  -- of its job when it ended; -1: not known

-- Of a call for many jobs: the job that was made of this one, or why it was left alone (an absl::StatusCode and its text).
ALTER TABLE answer ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
ALTER TABLE answer ADD COLUMN code INTEGER NOT NULL DEFAULT 0;
ALTER TABLE answer ADD COLUMN why TEXT NOT NULL DEFAULT '';

-- What lists are ordered by (order.h), without the specs that make rows of jobs long. The summary of a series is kept in its
-- row, so it is as exact as that.
CREATE INDEX job_summary ON job(id, state, experiment, priority, created_ms, started_ms, finished_ms);
CREATE INDEX series_by_name ON series(name, job);
)sql";

// Runs of other programs.
constexpr const char* kVersion8 = R"sql(
CREATE TABLE external_experiment(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL
) STRICT;
-- Of runs whose program names none.
INSERT INTO external_experiment VALUES(0, 'Default', unixepoch() * 1000);
CREATE TABLE external_experiment_tag(
  experiment INTEGER NOT NULL REFERENCES external_experiment(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(experiment, key)
) STRICT, WITHOUT ROWID;

-- Jobs that have a row here are external.
CREATE TABLE external_run(
  job INTEGER PRIMARY KEY REFERENCES job(id) ON DELETE CASCADE,
  experiment INTEGER NOT NULL REFERENCES external_experiment(id),
  removed INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Their parameters, tags that are no labels, and notes (external_runs.h).
CREATE TABLE external_text(
  job INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(job, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX external_text_by_key ON external_text(kind, key);

-- Their points (loose.h). No foreign key, as in `tail`.
CREATE TABLE loose(
  series INTEGER NOT NULL,
  step INTEGER NOT NULL,
  wall_ms INTEGER NOT NULL,
  bits INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  crc32c INTEGER NOT NULL,
  PRIMARY KEY(series, step, wall_ms, bits)
) STRICT, WITHOUT ROWID;
CREATE INDEX loose_by_sequence ON loose(series, sequence);
ALTER TABLE series ADD COLUMN loose INTEGER NOT NULL DEFAULT 0;    -- 1: its points are in `loose`
ALTER TABLE series ADD COLUMN last_ms INTEGER NOT NULL DEFAULT 0;  -- time of its last point; 0: not known
)sql";

constexpr Migration kMigrations[] = {{kVersion1}, {kVersion2, Repack}, {kVersion3}, {kVersion4},
                                     {kVersion5}, {kVersion6},         {kVersion7}, {kVersion8}};

// Whether `db` is ours, may become ours because it is empty, or is somebody else's.
absl::Status CheckOwner(Connection& db, const std::string& path) {
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t id, db.Int("PRAGMA application_id"));
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t objects, db.Int("SELECT count(*) FROM sqlite_schema"));
  if (id == kApplicationId || (id == 0 && objects == 0)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(fmt::format(
      "{} is an SQLite database but not a normlab store (application id {:#x}, expected {:#x}); nothing was "
      "changed. Choose another data directory",
      path, id, kApplicationId));
}

absl::Status ApplyStep(Connection& db, const Migration& migration, std::int64_t version) {
  Transaction transaction(db, Transaction::Kind::kWrite);
  NORMLAB_RETURN_IF_ERROR(transaction.status());
  NORMLAB_RETURN_IF_ERROR(db.Script(migration.sql));
  if (migration.convert != nullptr) {
    NORMLAB_RETURN_IF_ERROR(migration.convert(db));
  }
  NORMLAB_RETURN_IF_ERROR(db.Script(fmt::format("PRAGMA application_id = {}", kApplicationId)));
  NORMLAB_RETURN_IF_ERROR(db.Script(fmt::format("PRAGMA user_version = {}", version + 1)));
  return transaction.Commit();
}

// SQLite answers with the mode that holds: where files cannot be shared memory it silently stays with the old one.
absl::Status UseLog(Connection& db, const std::string& path) {
  Query mode = db.Ask("PRAGMA journal_mode = WAL");
  const std::string found = mode.Next() ? mode.Text(0) : "";
  NORMLAB_RETURN_IF_ERROR(mode.status());
  return found == "wal"
             ? absl::OkStatus()
             : absl::FailedPreconditionError(fmt::format(
                   "{}: the file system does not let SQLite keep a write-ahead log (it stays in mode \"{}\"); "
                   "choose a data directory on a local disk",
                   path, found));
}

}  // namespace

std::span<const Migration> Migrations() { return kMigrations; }

absl::Status PrepareSchema(Connection& db, const std::string& path, std::int64_t now_ms,
                           std::span<const Migration> migrations) {
  if (const absl::Status owner = CheckOwner(db, path); !owner.ok()) {
    return Annotate(owner, fmt::format("open {}", path));
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t found, db.Int("PRAGMA user_version"));
  const auto wanted = static_cast<std::int64_t>(migrations.size());
  if (found > wanted) {
    return absl::FailedPreconditionError(fmt::format(
        "{} was written by a newer normlab (schema version {}, this one knows up to {}); nothing was changed. "
        "Install a newer normlab",
        path, found, wanted));
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t objects, db.Int("SELECT count(*) FROM sqlite_schema"));
  if (found < wanted && objects > 0) {
    const std::string backup = fmt::format("{}.v{}-{}.backup", path, found, now_ms);
    NORMLAB_RETURN_IF_ERROR(Annotate(db.Run("VACUUM INTO ?1", backup), "back up before an upgrade"));
  }
  NORMLAB_RETURN_IF_ERROR(UseLog(db, path));
  NORMLAB_RETURN_IF_ERROR(db.Script("PRAGMA synchronous = FULL"));
  for (std::int64_t version = found; version < wanted; ++version) {
    NORMLAB_RETURN_IF_ERROR(Annotate(ApplyStep(db, migrations[version], version),
                                     fmt::format("upgrade {} from schema version {}", path, version)));
  }
  return absl::OkStatus();
}

}  // namespace normlab::store
