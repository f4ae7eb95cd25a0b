#include "results/store/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "results/store/chunk_rows.h"

namespace normlab::store {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A short tail costs less as rows than as a chunk.
constexpr std::uint64_t kMinSealedPoints = 64;

constexpr std::string_view kSelectSeries =
    "SELECT id, name, points, tail_points, first_step, last_step, last_sequence, min_bits, max_bits, last_bits, "
    "not_finite "
    "FROM series WHERE job = ?1 ";

std::int64_t Bits(double value) { return std::bit_cast<std::int64_t>(value); }

SeriesRow ReadRow(const Query& row) {
  SeriesRow series;
  series.id = row.Int(0);
  series.info.name = row.Text(1);
  series.info.points = row.Unsigned(2);
  series.tail_points = row.Unsigned(3);
  series.info.first_step = row.Unsigned(4);
  series.info.last_step = row.Unsigned(5);
  series.last_sequence = row.Unsigned(6);
  series.info.min = std::bit_cast<double>(row.Int(7));
  series.info.max = std::bit_cast<double>(row.Int(8));
  series.info.last = std::bit_cast<double>(row.Int(9));
  series.info.not_finite = row.Unsigned(10);
  return series;
}

absl::Status ReadTail(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, std::size_t limit,
                      Unpack columns, Points& points) {
  Query row = db.Ask(
      "SELECT step, wall_ms, sequence, attempt, bits FROM tail WHERE series = ?1 AND step BETWEEN ?2 AND ?3 "
      "ORDER BY step LIMIT ?4",
      series, from, to, limit);
  while (row.Next()) {
    points.steps.push_back(row.Unsigned(0));
    points.wall_ms.push_back(row.Int(1));
    points.values.push_back(std::bit_cast<double>(row.Int(4)));
    if (columns == Unpack::kAll) {
      points.sequences.push_back(row.Unsigned(2));
      points.attempts.push_back(row.Int(3));
    }
  }
  return row.status();
}

// Removes the points from `begin` on whose steps are not in [from, to].
void Trim(std::size_t begin, std::uint64_t from, std::uint64_t to, Points& points) {
  const auto first = std::lower_bound(points.steps.begin() + begin, points.steps.end(), from) - points.steps.begin();
  const auto last = std::upper_bound(points.steps.begin() + first, points.steps.end(), to) - points.steps.begin();
  const auto cut = [&](auto& column) {
    column.erase(column.begin() + last, column.end());
    column.erase(column.begin() + begin, column.begin() + first);
  };
  cut(points.steps);
  cut(points.wall_ms);
  cut(points.values);
  if (!points.sequences.empty()) {
    cut(points.sequences);
    cut(points.attempts);
  }
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

// Packs the oldest `n` points of the tail.
absl::Status Seal(Connection& db, std::int64_t series, std::size_t n) {
  Points points;
  NORMLAB_RETURN_IF_ERROR(ReadTail(db, series, 0, std::numeric_limits<std::int64_t>::max(), n, Unpack::kAll, points));
  if (points.size() != n) {
    return absl::DataLossError(
        fmt::format("series {} says its tail holds at least {} points; it holds {}", series, n, points.size()));
  }
  NORMLAB_RETURN_IF_ERROR(InsertChunk(db, series, points));
  NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM tail WHERE series = ?1 AND step <= ?2", series, points.steps.back()));
  return db.Run("UPDATE series SET tail_points = tail_points - ?2 WHERE id = ?1", series, n);
}

// Adds points [from, size) of `points`.
absl::Status InsertTail(Connection& db, std::int64_t series, const Points& points, std::size_t from) {
  Query insert =
      db.Ask("INSERT INTO tail(series, step, sequence, wall_ms, bits, attempt) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
  for (std::size_t i = from; i < points.size(); ++i) {
    NORMLAB_RETURN_IF_ERROR(insert.RunAgain(series, points.steps[i], points.sequences[i], points.wall_ms[i],
                                            Bits(points.values[i]), points.attempts[i]));
  }
  return absl::OkStatus();
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
  // With an empty tail before them, full chunks need not go through it.
  std::size_t packed = 0;
  for (; row.tail_points == 0 && points.size() - packed >= kChunkPoints; packed += kChunkPoints) {
    NORMLAB_RETURN_IF_ERROR(InsertChunk(db, row.id, Slice(points, packed, packed + kChunkPoints)));
  }
  NORMLAB_RETURN_IF_ERROR(InsertTail(db, row.id, points, packed));
  row.tail_points += points.size() - packed;
  NORMLAB_RETURN_IF_ERROR(
      db.Run("UPDATE series SET points = ?2, tail_points = ?3, first_step = ?4, last_step = ?5, last_sequence = ?6, "
             "min_bits = ?7, max_bits = ?8, last_bits = ?9, not_finite = ?10 WHERE id = ?1",
             row.id, info.points, row.tail_points, info.first_step, info.last_step, row.last_sequence, Bits(info.min),
             Bits(info.max), Bits(info.last), info.not_finite));
  for (; row.tail_points >= kChunkPoints; row.tail_points -= kChunkPoints) {
    NORMLAB_RETURN_IF_ERROR(Seal(db, row.id, kChunkPoints));
  }
  return absl::OkStatus();
}

absl::Status SealJob(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<SeriesRow> all, AllSeries(db, job));
  for (const SeriesRow& series : all) {
    if (series.tail_points >= kMinSealedPoints) {
      NORMLAB_RETURN_IF_ERROR(Seal(db, series.id, series.tail_points));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadPoints(Connection& db, const SeriesRow& series, std::uint64_t from, std::uint64_t to, Unpack columns,
                        Points& points) {
  constexpr std::uint64_t kLastStep = std::numeric_limits<std::int64_t>::max();
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
  return ReadTail(db, series.id, from, to, kLastStep, columns, points);
}

}  // namespace normlab::store
