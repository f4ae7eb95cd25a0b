#include "results/store/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "results/store/jobs.h"
#include "results/store/loose.h"
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
    "not_finite, loose, last_ms "
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
  series.loose = row.Int(11) != 0;
  series.info.last_ms = row.Int(12);
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

// Chunk by chunk, so that one on a damaged page does not hide those behind it.
absl::Status ReadWholeChunks(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Unpack columns,
                             Points& points, Damage& damage) {
  static const std::string sql = std::string(kSelectChunk) + "WHERE id = ?1";
  const absl::StatusOr<std::vector<std::int64_t>> ids =
      db.Ints("SELECT id FROM chunk WHERE series = ?1 AND last_step >= ?2 AND first_step <= ?3 ORDER BY last_step",
              series, from, to);
  if (!ids.ok()) {
    return damage.Skip(ids.status(), points.size(), points);
  }
  for (const std::int64_t id : *ids) {
    Query row = db.Ask(sql, id);
    const std::size_t begin = points.size();
    NORMLAB_RETURN_IF_ERROR(damage.Skip(row.Next() ? UnpackChunk(row, columns, points) : row.status(), begin, points));
    Trim(begin, from, to, points);
  }
  return absl::OkStatus();
}

// Makes the row of a series say what is stored: the chunks, and `tail` in place of tail_points.
absl::Status CountAgain(Connection& db, const Points& tail, SeriesRow& row) {
  SeriesInfo& info = row.info;
  info.points = info.points - std::min(info.points, row.tail_points) + tail.size();
  row.tail_points = tail.size();
  if (tail.size() > 0) {
    info.last_step = tail.steps.back();
    info.last = tail.values.back();
    info.last_ms = tail.wall_ms.back();
    row.last_sequence = tail.sequences.back();
    return absl::OkStatus();
  }
  Query last =
      db.Ask("SELECT last_step, last_sequence FROM chunk WHERE series = ?1 ORDER BY last_step DESC LIMIT 1", row.id);
  const bool found = last.Next();
  NORMLAB_RETURN_IF_ERROR(last.status());
  info.points = found ? info.points : 0;
  info.last_step = found ? last.Unsigned(0) : 0;
  row.last_sequence = found ? last.Unsigned(1) : 0;
  return absl::OkStatus();
}

// Moves the tail of a series out of its rows into `points`, which is empty. What is damaged is lost, and noted.
absl::Status TakeTail(Connection& db, JobId job, SeriesRow& row, Points& points) {
  if (row.tail_points == 0) {
    return absl::OkStatus();
  }
  Damage damage;
  NORMLAB_RETURN_IF_ERROR(ReadWholeTail(db, row.id, 0, kLastStep, Unpack::kAll, points, damage));
  if (points.size() != row.tail_points) {
    NORMLAB_RETURN_IF_ERROR(
        NoteDamage(db, job,
                   fmt::format("series \"{}\": {} of its newest {} points up to step {} are lost ({})", row.info.name,
                               row.tail_points - std::min(row.tail_points, points.size()), row.tail_points,
                               row.info.last_step, damage.pieces == 0 ? "rows are missing" : damage.first)));
    NORMLAB_RETURN_IF_ERROR(CountAgain(db, points, row));
  }
  return ClearTail(db, row.id);
}

absl::Status SealSeries(Connection& db, JobId job, SeriesRow& row) {
  Points points;
  NORMLAB_RETURN_IF_ERROR(TakeTail(db, job, row, points));
  if (points.size() > 0) {
    NORMLAB_RETURN_IF_ERROR(PackChunk(db, row.id, points));
  }
  row.tail_points = 0;
  return SaveSeries(db, row);
}

// Stores `points` behind the tail; packs the chunks that become full.
absl::Status StorePoints(Connection& db, JobId job, const Points& points, SeriesRow& row) {
  if (row.tail_points + points.size() < kChunkPoints) {
    row.tail_points += points.size();
    return InsertTail(db, row.id, points);
  }
  Points all;
  NORMLAB_RETURN_IF_ERROR(TakeTail(db, job, row, all));
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

absl::StatusOr<std::int64_t> CreateLooseSeries(Connection& db, JobId job, std::string_view name) {
  NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO series(job, name, loose) VALUES(?1, ?2, 1)", job, name));
  return db.LastRowId();
}

absl::Status SaveSeries(Connection& db, const SeriesRow& row) {
  const SeriesInfo& info = row.info;
  return db.Run(
      "UPDATE series SET points = ?2, tail_points = ?3, first_step = ?4, last_step = ?5, last_sequence = ?6, "
      "min_bits = ?7, max_bits = ?8, last_bits = ?9, not_finite = ?10, last_ms = ?11 WHERE id = ?1",
      row.id, info.points, row.tail_points, info.first_step, info.last_step, row.last_sequence, Exactly{info.min},
      Exactly{info.max}, Exactly{info.last}, info.not_finite, info.last_ms);
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
  NORMLAB_RETURN_IF_ERROR(StorePoints(db, job, points, row));
  SeriesInfo& info = row.info;
  info.first_step = info.points == 0 ? points.steps.front() : info.first_step;
  info.last_step = points.steps.back();
  info.last = points.values.back();
  info.last_ms = points.wall_ms.back();
  info.points += points.size();
  row.last_sequence = points.sequences.back();
  Summarise(points.values, info.min, info.max, info.not_finite);
  return SaveSeries(db, row);
}

absl::Status SealJob(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(std::vector<SeriesRow> all, AllSeries(db, job));
  for (SeriesRow& series : all) {
    if (series.tail_points >= kMinSealedPoints) {
      NORMLAB_RETURN_IF_ERROR(Annotate(SealSeries(db, job, series), fmt::format("series \"{}\"", series.info.name)));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadWholePoints(Connection& db, const SeriesRow& series, std::uint64_t from, std::uint64_t to,
                             Unpack columns, Points& points, Damage& damage) {
  from = std::min(from, kLastStep);
  to = std::min(to, kLastStep);
  if (series.loose) {
    return ReadWholeLoose(db, series.id, from, to, points, damage);
  }
  NORMLAB_RETURN_IF_ERROR(ReadWholeChunks(db, series.id, from, to, columns, points, damage));
  return ReadWholeTail(db, series.id, from, to, columns, points, damage);
}

absl::Status ReadPoints(Connection& db, const SeriesRow& series, std::uint64_t from, std::uint64_t to, Unpack columns,
                        Points& points) {
  to = std::min(to, kLastStep);
  if (series.loose) {
    return from > to ? absl::OkStatus() : ReadLoose(db, series.id, from, to, points);
  }
  to = std::min(to, series.info.last_step);
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
