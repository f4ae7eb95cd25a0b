#include "results/store/scrub.h"

#include <fmt/format.h>

#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "results/store/integrity.h"
#include "results/store/overview.h"
#include "results/store/series.h"
#include "results/store/store_status.h"

namespace normlab::store {
namespace {

constexpr std::size_t kMostTold = 100;
constexpr std::int64_t kChunksAtATime = 256;  // a quarter of a million points
constexpr std::int64_t kRowsAtATime = 250'000;
constexpr std::string_view kPieceOfChunks =
    "SELECT last_step FROM chunk WHERE series = ?1 AND last_step >= ?2 ORDER BY last_step LIMIT 1 OFFSET ?3";
constexpr std::string_view kPieceOfLoose =
    "SELECT step FROM loose WHERE series = ?1 AND step >= ?2 ORDER BY step LIMIT 1 OFFSET ?3";
constexpr std::int64_t kFilesAtATime = 1'000;

struct FileRow {
  Folder folder = Folder::kCheckpoints;
  JobId job = 0;
  std::string name;  // of the artifact, or the checkpoint's step
  std::string file;
  std::uint64_t size = 0;
  std::uint32_t crc32c = 0;
};

class Scrub {
 public:
  Scrub(Connection& db, Files& files, const OnProgress& on_progress)
      : db_(db), files_(files), on_progress_(on_progress) {}

  absl::StatusOr<ScrubReport> Run() {
    NORMLAB_RETURN_IF_ERROR(Estimate());
    NORMLAB_RETURN_IF_ERROR(CheckTables());
    NORMLAB_RETURN_IF_ERROR(CheckCurves());
    NORMLAB_RETURN_IF_ERROR(CheckFiles(Folder::kCheckpoints,
                                       "SELECT job, step, file, size, crc32c FROM checkpoint WHERE file > ?1 "
                                       "GROUP BY file ORDER BY file LIMIT ?2",
                                       "SELECT count(*) FROM checkpoint WHERE file = ?1"));
    NORMLAB_RETURN_IF_ERROR(CheckFiles(Folder::kArtifacts,
                                       "SELECT job, name, file, size, crc32c FROM artifact WHERE file > ?1 "
                                       "GROUP BY file ORDER BY file LIMIT ?2",
                                       "SELECT count(*) FROM artifact WHERE file = ?1"));
    return std::move(report_);
  }

 private:
  absl::Status Estimate() {
    // The database is gone through twice, by pages and by rows.
    NORMLAB_ASSIGN_OR_RETURN(database_, DatabaseBytes(db_));
    const absl::StatusOr<std::int64_t> files =
        db_.Int("SELECT (SELECT total(size) FROM checkpoint) + (SELECT total(size) FROM artifact)");
    total_ = 2 * database_ + static_cast<std::uint64_t>(files.value_or(0));
    return absl::OkStatus();
  }

  absl::Status Read(std::uint64_t bytes) {
    report_.bytes += bytes;
    return on_progress_({.done = std::min(report_.bytes, total_), .total = total_})
               ? absl::OkStatus()
               : absl::CancelledError("stopped before everything was looked at");
  }

  void Tell(std::string what) {
    ++report_.damaged;
    if (report_.damage.size() < kMostTold) {
      report_.damage.push_back(std::move(what));
    }
  }

  absl::Status CheckTables() {
    NORMLAB_ASSIGN_OR_RETURN(const Integrity found, CheckIntegrity(db_, std::chrono::hours(24 * 365)));
    if (!found.damage.empty()) {
      Tell(found.damage);
    }
    return Read(database_);
  }

  absl::Status CheckCurves() {
    for (std::int64_t after = 0;;) {
      absl::StatusOr<std::vector<std::int64_t>> ids =
          db_.Ints("SELECT id FROM series WHERE id > ?1 ORDER BY id LIMIT 1000", after);
      if (absl::IsDataLoss(ids.status())) {
        Tell(fmt::format("the list of curves: {}", Message(ids.status())));
        return absl::OkStatus();
      }
      NORMLAB_RETURN_IF_ERROR(ids.status());
      if (ids->empty()) {
        return absl::OkStatus();
      }
      for (const std::int64_t id : *ids) {
        NORMLAB_RETURN_IF_ERROR(CheckCurve(id));
      }
      after = ids->back();
    }
  }

  // Nothing to tell of a curve that is deleted meanwhile.
  absl::Status CheckCurve(std::int64_t id) {
    constexpr std::uint64_t kEnd = std::numeric_limits<std::int64_t>::max();
    NORMLAB_ASSIGN_OR_RETURN(const std::int64_t loose,
                             db_.Int("SELECT count(*) FROM series WHERE id = ?1 AND loose = 1", id));
    SeriesRow series;
    series.id = id;
    series.loose = loose != 0;
    Damage damage;
    for (std::uint64_t from = 0; from <= kEnd;) {
      const Transaction transaction(db_, Transaction::Kind::kRead);
      NORMLAB_RETURN_IF_ERROR(transaction.status());
      std::uint64_t to = kEnd;
      Query last = db_.Ask(series.loose ? kPieceOfLoose : kPieceOfChunks, id, from,
                           series.loose ? kRowsAtATime - 1 : kChunksAtATime - 1);
      if (last.Next()) {
        to = last.Unsigned(0);
      }
      Points points;
      NORMLAB_RETURN_IF_ERROR(ReadWholePoints(db_, series, from, to, Unpack::kAll, points, damage));
      NORMLAB_RETURN_IF_ERROR(Read(points.size() * sizeof(double)));
      from = to + 1;
    }
    NORMLAB_RETURN_IF_ERROR(CheckOverviews(db_, id, damage));
    ++report_.series;
    if (damage.pieces > 0) {
      Query row = db_.Ask("SELECT job, name FROM series WHERE id = ?1", id);
      const std::string curve =
          row.Next() ? fmt::format("j{} {}", row.Int(0), row.View(1)) : fmt::format("series {}", id);
      Tell(fmt::format("{}: {} damaged; {}", curve, damage.pieces, damage.first));
    }
    return absl::OkStatus();
  }

  absl::Status CheckFiles(Folder folder, std::string_view select, std::string_view named) {
    for (std::string after;;) {
      std::vector<FileRow> rows;
      Query row = db_.Ask(select, after, kFilesAtATime);
      while (row.Next()) {
        rows.push_back({.folder = folder,
                        .job = row.Int(0),
                        .name = row.Text(1),
                        .file = row.Text(2),
                        .size = row.Unsigned(3),
                        .crc32c = static_cast<std::uint32_t>(row.Unsigned(4))});
      }
      if (absl::IsDataLoss(row.status())) {
        Tell(fmt::format("the list of files: {}", Message(row.status())));
        return absl::OkStatus();
      }
      NORMLAB_RETURN_IF_ERROR(row.status());
      for (const FileRow& file : rows) {
        NORMLAB_RETURN_IF_ERROR(CheckFile(file, named));
      }
      if (rows.empty()) {
        return absl::OkStatus();
      }
      after = rows.back().file;
    }
  }

  absl::Status CheckFile(const FileRow& row, std::string_view named) {
    const absl::Status status = files_.Open(row.folder, row.file, row.size, row.crc32c).status();
    if (!status.ok()) {
      NORMLAB_ASSIGN_OR_RETURN(const std::int64_t names, db_.Int(named, row.file));
      if (names > 0) {  // else it has been removed meanwhile
        Tell(fmt::format("j{} {}: {}", row.job,
                         row.folder == Folder::kCheckpoints ? fmt::format("checkpoint of step {}", row.name) : row.name,
                         Message(status)));
      }
    }
    ++report_.files;
    return Read(row.size);
  }

  Connection& db_;
  Files& files_;
  const OnProgress& on_progress_;
  std::uint64_t database_ = 0;
  std::uint64_t total_ = 0;
  ScrubReport report_;
};

}  // namespace

absl::StatusOr<ScrubReport> ScrubStore(const std::string& path, const std::string& vfs, Files& files,
                                       const OnProgress& on_progress) {
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> db,
                           Connection::Open(path, {.read_only = true, .vfs = vfs}));
  return Scrub(*db, files, on_progress).Run();
}

}  // namespace normlab::store
