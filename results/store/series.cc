#include "results/store/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "results/store/chunk_rows.h"
#include "results/store/overview.h"
#include "results/store/tail.h"

namespace normlab::store {
namespace {

constexpr std::uint64_t kLastStep = std::numeric_limits<std::int64_t>::max();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A short tail costs less as rows than as a chunk.
constexpr std::uint64_t kMinSealedPoints = 64;

constexpr std::string_view kSelectSeries =
    "SELECT id, name, points, tail_points, first_step, last_step, last_sequence, min_bits, max_bits, last_bits, "
    "not_finite "
    "FROM series WHERE job = ?1 ";

SeriesRow ReadRow(const Query& row) {
  SeriesRow series;
  series.id = row.Int(0);
  series.info.name = row.Text(1);
  series.info.points = row.Unsigned(2);
  series.tail_points = row.Unsigned(3);
  series.info.first_step = row.Unsigned(4);
  series.info.last_step = row.Unsigned(5);
  series.last_sequence = row.Unsigned(6);
  series.info.min = row.Exact(7);
  series.info.max = row.Exact(8);
  series.info.last = row.Exact(9);
  series.info.not_finite = row.Unsigned(10);
  return series;
}

absl::Status ReadChunks(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Unpack columns,
                        Points& points) {
  static const std::string sql = std::string(kSelectChunk) + "WHERE series = ?1 AND last_step >= ?2 ORDER BY last_step";
  Query row = db.Ask(sql, series, from);
  while (row.Next() && row.Unsigned(1) <= to) {
    const std::size_t begin = points.size();
    NORMLAB_RETURN_IF_ERROR(UnpackChunk(row, columns, points));
    Trim(begin, from, to, points);
  }
  return row.status();
}

absl::Status PackChunk(Connection& db, std::int64_t series, const Points& points) {
  NORMLAB_RETURN_IF_ERROR(InsertChunk(db, series, points));
  return InsertOverview(db, series, points);
}

// Moves the tail of a series out of its rows into `points`, which is empty.
absl::Status TakeTail(Connection& db, const SeriesRow& row, Points& points) {
  if (row.tail_points == 0) {
    return absl::OkStatus();
  }
  NORMLAB_RETURN_IF_ERROR(ReadTail(db, row.id, 0, kLastStep, Unpack::kAll, points));
  if (points.size() != row.tail_points) {
    return absl::DataLossError(
        fmt::format("series {} says its tail holds {} points; it holds {}", row.id, row.tail_points, points.size()));
  }
  return ClearTail(db, row.id);
}

// Stores `points` behind the tail; packs the chunks that become full.
absl::Status StorePoints(Connection& db, const Points& points, SeriesRow& row) {
  if (row.tail_points + points.size() < kChunkPoints) {
    row.tail_points += points.size();
    return InsertTail(db, row.id, points);
  }
  Points all;
  NORMLAB_RETURN_IF_ERROR(TakeTail(db, row, all));
  Append(points, all);
  std::size_t packed = 0;
  for (; all.size() - packed >= kChunkPoints; packed += kChunkPoints) {
    NORMLAB_RETURN_IF_ERROR(PackChunk(db, row.id, Slice(all, packed, packed + kChunkPoints)));
  }
  row.tail_points = all.size() - packed;
  return row.tail_points == 0 ? absl::OkStatus() : InsertTail(db, row.id, Slice(all, packed, all.size()));
}

absl::StatusOr<std::int64_t> CreateSeries(Connection& db, JobId job, std::string_view name) {
  NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO series(job, name) VALUES(?1, ?2)", job, name));
  return db.LastRowId();
}

}  // namespace

absl::StatusOr<SeriesRow> FindSeries(Connection& db, JobId job, std::string_view name) {
  static const std::string sql = std::string(kSelectSeries) + "AND name = ?2";
  Query row = db.Ask(sql, job, name);
  if (row.Next()) {
    return ReadRow(row);
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  SeriesRow series;
  series.info = {.name = std::string(name), .min = kNan, .max = kNan};
  return series;
}

absl::StatusOr<std::vector<SeriesRow>> AllSeries(Connection& db, JobId job) {
  static const std::string sql = std::string(kSelectSeries) + "ORDER BY name";
  std::vector<SeriesRow> all;
  Query row = db.Ask(sql, job);
  while (row.Next()) {
    all.push_back(ReadRow(row));
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return all;
}

absl::Status AppendToSeries(Connection& db, JobId job, const Points& points, SeriesRow& row) {
  if (points.size() == 0) {
    return absl::OkStatus();
  }
  if (row.id == 0) {
    NORMLAB_ASSIGN_OR_RETURN(row.id, CreateSeries(db, job, row.info.name));
  }
  SeriesInfo& info = row.info;
  info.first_step = info.points == 0 ? points.steps.front() : info.first_step;
  info.last_step = points.steps.back();
  info.last = points.values.back();
  info.points += points.size();
  row.last_sequence = points.sequences.back();
  Summarise(points.values, info.min, info.max, info.not_finite);
  NORMLAB_RETURN_IF_ERROR(StorePoints(db, points, row));
  return db.Run(
      "UPDATE series SET points = ?2, tail_points = ?3, first_step = ?4, last_step = ?5, last_sequence = ?6, "
      "min_bits = ?7, max_bits = ?8, last_bits = ?9, not_finite = ?10 WHERE id = ?1",
      row.id, info.points, row.tail_points, info.first_step, info.last_step, row.last_sequence, Exactly{info.min},
      Exactly{info.max}, Exactly{info.last}, info.not_finite);
}

absl::Status SealJob(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<SeriesRow> all, AllSeries(db, job));
  for (const SeriesRow& series : all) {
    if (series.tail_points >= kMinSealedPoints) {
      Points points;
      NORMLAB_RETURN_IF_ERROR(TakeTail(db, series, points));
      NORMLAB_RETURN_IF_ERROR(PackChunk(db, series.id, points));
      NORMLAB_RETURN_IF_ERROR(db.Run("UPDATE series SET tail_points = 0 WHERE id = ?1", series.id));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadPoints(Connection& db, const SeriesRow& series, std::uint64_t from, std::uint64_t to, Unpack columns,
                        Points& points) {
  to = std::min({to, kLastStep, series.info.last_step});
  if (series.info.points == 0 || from > to) {
    return absl::OkStatus();
  }
  // Growing by doubling would copy, and touch for the first time, twice the memory.
  const std::size_t at_most = std::min(series.info.points, to - from + 1) + 2 * kChunkPoints;
  points.steps.reserve(at_most);
  points.wall_ms.reserve(at_most);
  points.values.reserve(at_most);
  NORMLAB_RETURN_IF_ERROR(ReadChunks(db, series.id, from, to, columns, points));
  return ReadTail(db, series.id, from, to, columns, points);
}

}  // namespace normlab::store
