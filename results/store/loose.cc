#include "results/store/loose.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace normlab::store {
namespace {

constexpr std::string_view kSelect = "SELECT series, step, wall_ms, bits, sequence, crc32c FROM loose ";

struct Row {
  std::uint64_t step = 0;
  std::int64_t wall_ms = 0;
  double value = 0;
  std::uint64_t sequence = 0;
};

std::uint32_t Checksum(std::int64_t series, const Row& row) {
  return HeaderChecksum({series, static_cast<std::int64_t>(row.step), row.wall_ms,
                         std::bit_cast<std::int64_t>(row.value), static_cast<std::int64_t>(row.sequence)},
                        {});
}

// The row of a query that begins with kSelect. kDataLoss if its checksum is wrong.
absl::Status ReadRow(const Query& query, Row& row) {
  row = {.step = query.Unsigned(1), .wall_ms = query.Int(2), .value = query.Exact(3), .sequence = query.Unsigned(4)};
  if (Checksum(query.Int(0), row) != query.Unsigned(5)) {
    return DamagedPoints("checksum mismatch", query.Int(0), row.step, row.step);
  }
  return absl::OkStatus();
}

void Append(const Row& row, Points& points) {
  points.steps.push_back(row.step);
  points.wall_ms.push_back(row.wall_ms);
  points.values.push_back(row.value);
  points.sequences.push_back(row.sequence);
  points.attempts.push_back(0);
}

// Whether a curve shows `a` rather than `b`, two values of one step and time.
bool Outranks(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a > b; }

// Puts the curve's points with steps in [from, to] into `points`; what `look` makes of a row's status decides whether to go on.
template <typename Look>
absl::Status ReadCurve(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Points& points,
                       const Look& look) {
  static const std::string sql =
      std::string(kSelect) + "WHERE series = ?1 AND step BETWEEN ?2 AND ?3 ORDER BY step, wall_ms";
  Query query = db.Ask(sql, series, from, to);
  Row row;
  while (query.Next()) {
    const absl::Status status = ReadRow(query, row);
    NORMLAB_RETURN_IF_ERROR(look(status));
    if (!status.ok()) {
      continue;
    }
    if (points.steps.empty() || points.steps.back() != row.step) {
      Append(row, points);
    } else if (row.wall_ms > points.wall_ms.back() || Outranks(row.value, points.values.back())) {
      points.wall_ms.back() = row.wall_ms;
      points.values.back() = row.value;
      points.sequences.back() = row.sequence;
    }
  }
  return look(query.status());
}

// Whether `point` becomes the last of a curve that has `info`, as ReadCurve has it. To look it up instead would read all
// points of the last step each time, and a program that counts no steps puts all of them there.
bool IsLast(const LoggedPoint& point, const SeriesInfo& info) {
  if (info.points == 0 || point.step != info.last_step) {
    return info.points == 0 || point.step > info.last_step;
  }
  if (point.wall_ms != info.last_ms) {
    return point.wall_ms > info.last_ms;
  }
  // Of equal ones, as two zeros, the first in the order of the rows.
  return Outranks(point.value, info.last) ||
         (!Outranks(info.last, point.value) &&
          std::bit_cast<std::int64_t>(point.value) < std::bit_cast<std::int64_t>(info.last));
}

// Whether the series had no point at this step before the one that was just stored.
absl::StatusOr<bool> IsNewStep(Connection& db, const SeriesRow& row, std::uint64_t step) {
  if (row.info.points == 0 || step > row.info.last_step) {
    return true;
  }
  NORMLAB_ASSIGN_OR_RETURN(
      const std::int64_t there,
      db.Int("SELECT count(*) FROM (SELECT 1 FROM loose WHERE series = ?1 AND step = ?2 LIMIT 2)", row.id, step));
  return there == 1;
}

}  // namespace

absl::Status AddLoose(Connection& db, JobId job, std::string_view series, std::span<const LoggedPoint* const> points,
                      std::uint64_t& sequence) {
  NORMLAB_ASSIGN_OR_RETURN(SeriesRow row, FindSeries(db, job, series));
  if (row.id == 0) {
    NORMLAB_ASSIGN_OR_RETURN(row.id, CreateLooseSeries(db, job, series));
  }
  std::vector<double> added;
  for (const LoggedPoint* point : points) {
    const Row stored_as = {
        .step = point->step, .wall_ms = point->wall_ms, .value = point->value, .sequence = ++sequence};
    NORMLAB_ASSIGN_OR_RETURN(
        const std::int64_t stored,
        db.Change("INSERT OR IGNORE INTO loose(series, step, wall_ms, bits, sequence, crc32c) "
                  "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                  row.id, point->step, point->wall_ms, Exactly{point->value}, sequence, Checksum(row.id, stored_as)));
    if (stored == 0) {
      continue;
    }
    NORMLAB_ASSIGN_OR_RETURN(const bool new_step, IsNewStep(db, row, point->step));
    SeriesInfo& info = row.info;
    if (IsLast(*point, info)) {
      info.last = point->value;
      info.last_ms = point->wall_ms;
    }
    info.first_step = info.points == 0 ? point->step : std::min(info.first_step, point->step);
    info.last_step = std::max(info.last_step, point->step);
    info.points += new_step ? 1 : 0;
    row.last_sequence = sequence;
    added.push_back(point->value);
  }
  if (added.empty()) {
    return absl::OkStatus();
  }
  Summarise(added, row.info.min, row.info.max, row.info.not_finite);
  return SaveSeries(db, row);
}

absl::Status ReadLoose(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Points& points) {
  return ReadCurve(db, series, from, to, points, [](const absl::Status& status) { return status; });
}

absl::Status ReadWholeLoose(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Points& points,
                            Damage& damage) {
  return ReadCurve(db, series, from, to, points,
                   [&](const absl::Status& status) { return damage.Skip(status, points.size(), points); });
}

absl::StatusOr<Points> NewLoose(Connection& db, std::int64_t series, std::uint64_t sequence) {
  static const std::string sql =
      std::string(kSelect) + "WHERE series = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3";
  Points points;
  Query query = db.Ask(sql, series, sequence, kChunkPoints);
  Row row;
  while (query.Next()) {
    NORMLAB_RETURN_IF_ERROR(ReadRow(query, row));
    Append(row, points);
  }
  NORMLAB_RETURN_IF_ERROR(query.status());
  return points;
}

absl::StatusOr<History> ReadLooseHistory(Connection& db, std::int64_t series, const std::string& name,
                                         const std::optional<PointPlace>& after, int limit) {
  constexpr std::int64_t kBeforeAll = std::numeric_limits<std::int64_t>::min();
  static const std::string sql =
      std::string(kSelect) +
      "WHERE series = ?1 AND (step, wall_ms, bits) > (?2, ?3, ?4) ORDER BY step, wall_ms, bits LIMIT ?5";
  History history;
  Query query = db.Ask(sql, series, after ? static_cast<std::int64_t>(after->step) : kBeforeAll,
                       after ? after->wall_ms : kBeforeAll, after ? after->bits : kBeforeAll,
                       static_cast<std::int64_t>(limit) + 1);
  Row row;
  while (query.Next()) {
    NORMLAB_RETURN_IF_ERROR(ReadRow(query, row));
    if (history.points.size() == static_cast<std::size_t>(limit)) {
      const LoggedPoint& last = history.points.back();
      history.next = PointPlace{last.step, last.wall_ms, std::bit_cast<std::int64_t>(last.value)};
      break;
    }
    history.points.push_back({.series = name, .step = row.step, .wall_ms = row.wall_ms, .value = row.value});
  }
  NORMLAB_RETURN_IF_ERROR(query.status());
  return history;
}

absl::StatusOr<std::int64_t> RemoveLoose(Connection& db, std::int64_t series, int limit) {
  return db.Change(
      "DELETE FROM loose WHERE series = ?1 AND (step, wall_ms, bits) IN "
      "(SELECT step, wall_ms, bits FROM loose WHERE series = ?1 LIMIT ?2)",
      series, limit);
}

}  // namespace normlab::store
