#include "results/store/tail.h"

#include <vector>

#include "results/store/chunk_rows.h"

namespace normlab::store {
namespace {

// Unpacks the row of a query for series, last_step, points, crc32c, data.
absl::Status UnpackRow(const Query& row, Unpack columns, Points& points) {
  const std::string_view data = row.View(4);
  if (HeaderChecksum({row.Int(0), row.Int(1), row.Int(2)}, data) != row.Unsigned(3)) {
    return DamagedPoints("checksum mismatch", row.Int(0), 0, row.Unsigned(1));
  }
  return DecodePlain(data, row.Unsigned(2), columns, points);
}

// Unpacks the rows that may hold steps in [from, to]; what `look` makes of a row's status, and of where its points
// begin, decides whether to go on.
template <typename Look>
absl::Status ReadRows(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Unpack columns,
                      Points& points, const Look& look) {
  Query row = db.Ask(
      "SELECT series, last_step, points, crc32c, data FROM tail WHERE series = ?1 AND last_step >= ?2 "
      "ORDER BY last_step",
      series, from);
  while (row.Next()) {
    const std::size_t begin = points.size();
    NORMLAB_RETURN_IF_ERROR(look(UnpackRow(row, columns, points), begin));
    Trim(begin, from, to, points);
    if (row.Unsigned(1) >= to) {
      break;
    }
  }
  return look(row.status(), points.size());
}

}  // namespace

absl::Status InsertTail(Connection& db, std::int64_t series, const Points& points) {
  const std::string data = EncodePlain(points);
  const auto last_step = static_cast<std::int64_t>(points.steps.back());
  const auto n = static_cast<std::int64_t>(points.size());
  return db.Run("INSERT INTO tail(series, last_step, points, crc32c, data) VALUES(?1, ?2, ?3, ?4, ?5)", series,
                last_step, n, HeaderChecksum({series, last_step, n}, data), Blob{data});
}

absl::Status ReadTail(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Unpack columns,
                      Points& points) {
  return ReadRows(db, series, from, to, columns, points,
                  [](const absl::Status& status, std::size_t) { return status; });
}

absl::Status ReadWholeTail(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Unpack columns,
                           Points& points, Damage& damage) {
  return ReadRows(db, series, from, to, columns, points,
                  [&](const absl::Status& status, std::size_t begin) { return damage.Skip(status, begin, points); });
}

absl::StatusOr<Points> NewInTail(Connection& db, std::int64_t series, std::uint64_t sequence) {
  std::vector<Points> pieces;  // newest first, so that only new ones are looked at
  Query row = db.Ask(
      "SELECT series, last_step, points, crc32c, data FROM tail WHERE series = ?1 ORDER BY last_step DESC", series);
  while (row.Next()) {
    Points piece;
    NORMLAB_RETURN_IF_ERROR(UnpackRow(row, Unpack::kAll, piece));
    if (piece.sequences.back() <= sequence) {
      break;
    }
    pieces.push_back(std::move(piece));
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  Points points;
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
    Append(*piece, points);
  }
  return points;
}

absl::Status ClearTail(Connection& db, std::int64_t series) {
  return db.Run("DELETE FROM tail WHERE series = ?1", series);
}

}  // namespace normlab::store
