#include "results/store/loose.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "results/store/chunk_rows.h"

namespace normlab::store {
namespace {

// Whether a curve shows `a` rather than `b`, two values of one step and time.
bool Outranks(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a > b; }

// Makes the summary's last value that of its last step.
absl::Status FindLast(Connection& db, SeriesRow& row) {
  Query point = db.Ask("SELECT wall_ms, bits FROM loose WHERE series = ?1 AND step = ?2 ORDER BY wall_ms DESC", row.id,
                       row.info.last_step);
  for (bool first = true; point.Next() && (first || point.Int(0) == row.info.last_ms); first = false) {
    if (first || Outranks(point.Exact(1), row.info.last)) {
      row.info.last = point.Exact(1);
      row.info.last_ms = point.Int(0);
    }
  }
  return point.status();
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
    NORMLAB_ASSIGN_OR_RETURN(
        const std::int64_t stored,
        db.Change("INSERT OR IGNORE INTO loose(series, step, wall_ms, bits, sequence) VALUES(?1, ?2, ?3, ?4, ?5)",
                  row.id, point->step, point->wall_ms, Exactly{point->value}, ++sequence));
    if (stored == 0) {
      continue;
    }
    NORMLAB_ASSIGN_OR_RETURN(const bool new_step, IsNewStep(db, row, point->step));
    SeriesInfo& info = row.info;
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
  NORMLAB_RETURN_IF_ERROR(FindLast(db, row));
  return SaveSeries(db, row);
}

absl::Status ReadLoose(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Points& points) {
  Query row = db.Ask(
      "SELECT step, wall_ms, bits, sequence FROM loose WHERE series = ?1 AND step BETWEEN ?2 AND ?3 "
      "ORDER BY step, wall_ms",
      series, from, to);
  while (row.Next()) {
    const std::uint64_t step = row.Unsigned(0);
    if (points.steps.empty() || points.steps.back() != step) {
      points.steps.push_back(step);
      points.wall_ms.push_back(row.Int(1));
      points.values.push_back(row.Exact(2));
      points.sequences.push_back(row.Unsigned(3));
      points.attempts.push_back(0);
    } else if (row.Int(1) > points.wall_ms.back() || Outranks(row.Exact(2), points.values.back())) {
      points.wall_ms.back() = row.Int(1);
      points.values.back() = row.Exact(2);
      points.sequences.back() = row.Unsigned(3);
    }
  }
  return row.status();
}

absl::StatusOr<Points> NewLoose(Connection& db, std::int64_t series, std::uint64_t sequence) {
  Points points;
  Query row = db.Ask(
      "SELECT step, wall_ms, bits, sequence FROM loose WHERE series = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
      series, sequence, kChunkPoints);
  while (row.Next()) {
    points.steps.push_back(row.Unsigned(0));
    points.wall_ms.push_back(row.Int(1));
    points.values.push_back(row.Exact(2));
    points.sequences.push_back(row.Unsigned(3));
    points.attempts.push_back(0);
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return points;
}

absl::StatusOr<History> ReadLooseHistory(Connection& db, std::int64_t series, const std::string& name,
                                         const std::optional<PointPlace>& after, int limit) {
  constexpr std::int64_t kBeforeAll = std::numeric_limits<std::int64_t>::min();
  History history;
  Query row = db.Ask(
      "SELECT step, wall_ms, bits FROM loose WHERE series = ?1 AND (step, wall_ms, bits) > (?2, ?3, ?4) "
      "ORDER BY step, wall_ms, bits LIMIT ?5",
      series, after ? static_cast<std::int64_t>(after->step) : kBeforeAll, after ? after->wall_ms : kBeforeAll,
      after ? after->bits : kBeforeAll, static_cast<std::int64_t>(limit) + 1);
  while (row.Next()) {
    if (history.points.size() == static_cast<std::size_t>(limit)) {
      const LoggedPoint& last = history.points.back();
      history.next = PointPlace{last.step, last.wall_ms, std::bit_cast<std::int64_t>(last.value)};
      break;
    }
    history.points.push_back({.series = name, .step = row.Unsigned(0), .wall_ms = row.Int(1), .value = row.Exact(2)});
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return history;
}

absl::StatusOr<std::int64_t> RemoveLoose(Connection& db, std::int64_t series, int limit) {
  return db.Change(
      "DELETE FROM loose WHERE series = ?1 AND (step, wall_ms, bits) IN "
      "(SELECT step, wall_ms, bits FROM loose WHERE series = ?1 LIMIT ?2)",
      series, limit);
}

}  // namespace normlab::store
