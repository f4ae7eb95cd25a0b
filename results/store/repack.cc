#include "results/store/repack.h"

#include <vector>

#include "results/store/chunk_rows.h"
#include "results/store/overview.h"
#include "results/store/tail.h"

namespace normlab::store {
namespace {

// Version 1 packed a tail as soon as it held kChunkPoints points, so each fits one row.
absl::Status RepackTail(Connection& db, std::int64_t series) {
  Points points;
  Query row = db.Ask(
      "SELECT step, wall_ms, sequence, attempt, bits FROM tail_version_1 WHERE series = ?1 ORDER BY step", series);
  while (row.Next()) {
    points.steps.push_back(row.Unsigned(0));
    points.wall_ms.push_back(row.Int(1));
    points.sequences.push_back(row.Unsigned(2));
    points.attempts.push_back(row.Int(3));
    points.values.push_back(row.Exact(4));
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return InsertTail(db, series, points);
}

// A damaged chunk gets an overview whose checksum is never right: readers then look at the chunk and say what is wrong.
absl::Status MakeOverview(Connection& db, std::int64_t chunk) {
  static const std::string sql = std::string(kSelectChunk) + "WHERE id = ?1";
  Points points;
  Query row = db.Ask(sql, chunk);
  row.Next();
  NORMLAB_RETURN_IF_ERROR(row.status());
  const absl::Status unpacked = UnpackChunk(row, Unpack::kCurve, points);
  if (absl::IsDataLoss(unpacked)) {
    return db.Run("INSERT INTO overview VALUES(?1, ?2, ?3, 0, 0, -1, x'')", row.Int(0), row.Int(2), row.Int(1));
  }
  NORMLAB_RETURN_IF_ERROR(unpacked);
  return InsertOverview(db, row.Int(0), points);
}

}  // namespace

absl::Status Repack(Connection& db) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::int64_t> tails,
                           db.Ints("SELECT DISTINCT series FROM tail_version_1"));
  for (const std::int64_t series : tails) {
    NORMLAB_RETURN_IF_ERROR(RepackTail(db, series));
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::int64_t> chunks, db.Ints("SELECT id FROM chunk"));
  for (const std::int64_t chunk : chunks) {
    NORMLAB_RETURN_IF_ERROR(MakeOverview(db, chunk));
  }
  return db.Script("DROP TABLE tail_version_1");
}

}  // namespace normlab::store
