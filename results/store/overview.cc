#include "results/store/overview.h"

#include <algorithm>
#include <span>
#include <vector>

#include "results/stats/downsample.h"
#include "results/store/chunk_rows.h"
#include "results/store/tail.h"

namespace normlab::store {
namespace {

constexpr std::size_t kBlock = 128;

// Appends to `shown` those of `points` that their overview keeps.
void AppendExtremes(const Points& points, Points& shown) {
  const std::size_t n = points.size();
  if (n == 0) {
    return;
  }
  std::vector<std::size_t> picked = {0};
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const auto block = std::span(points.values).subspan(begin, std::min(kBlock, n - begin));
    for (const std::size_t at : stats::MinMax(block, 2)) {
      picked.push_back(begin + at);
    }
  }
  picked.push_back(n - 1);
  picked.erase(std::unique(picked.begin(), picked.end()), picked.end());
  for (const std::size_t i : picked) {
    shown.steps.push_back(points.steps[i]);
    shown.wall_ms.push_back(points.wall_ms[i]);
    shown.values.push_back(points.values[i]);
  }
}

// Rows of the overviews of a series that reach `from` or beyond, in order.
Query Rows(Connection& db, std::int64_t series, std::uint64_t from) {
  return db.Ask(
      "SELECT last_step, first_step, points, shown, crc32c, data FROM overview WHERE series = ?1 AND last_step >= ?2 "
      "ORDER BY last_step",
      series, from);
}

absl::Status CheckRow(const Query& row, std::int64_t series) {
  const std::uint32_t checksum = HeaderChecksum({series, row.Int(0), row.Int(1), row.Int(2), row.Int(3)}, row.View(5));
  return checksum == row.Unsigned(4)
             ? absl::OkStatus()
             : DamagedPoints("checksum mismatch of an overview", series, row.Unsigned(1), row.Unsigned(0));
}

}  // namespace

absl::Status InsertOverview(Connection& db, std::int64_t series, const Points& chunk) {
  Points shown;
  AppendExtremes(chunk, shown);
  const std::string data = EncodePlain(shown);
  const auto first_step = static_cast<std::int64_t>(chunk.steps.front());
  const auto last_step = static_cast<std::int64_t>(chunk.steps.back());
  const auto points = static_cast<std::int64_t>(chunk.size());
  const auto n = static_cast<std::int64_t>(shown.size());
  return db.Run(
      "INSERT INTO overview(series, last_step, first_step, points, shown, crc32c, data) "
      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      series, last_step, first_step, points, n, HeaderChecksum({series, last_step, first_step, points, n}, data),
      Blob{data});
}

absl::StatusOr<Overview> ReadOverview(Connection& db, const SeriesRow& series, std::uint64_t from, std::uint64_t to) {
  Overview overview;
  Query row = Rows(db, series.id, from);
  while (row.Next()) {
    NORMLAB_RETURN_IF_ERROR(CheckRow(row, series.id));
    if (row.Unsigned(1) > to) {
      break;
    }
    if (row.Unsigned(1) >= from && row.Unsigned(0) <= to) {
      overview.total += row.Unsigned(2);
      NORMLAB_RETURN_IF_ERROR(DecodePlain(row.View(5), row.Unsigned(3), Unpack::kCurve, overview.points));
      continue;
    }
    Points part;
    NORMLAB_RETURN_IF_ERROR(
        ReadPoints(db, series, std::max(from, row.Unsigned(1)), std::min(to, row.Unsigned(0)), Unpack::kCurve, part));
    overview.total += part.size();
    AppendExtremes(part, overview.points);
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  Points tail;
  NORMLAB_RETURN_IF_ERROR(ReadTail(db, series.id, from, to, Unpack::kCurve, tail));
  overview.total += tail.size();
  AppendExtremes(tail, overview.points);
  return overview;
}

absl::Status CheckOverviews(Connection& db, std::int64_t series, Damage& damage) {
  Points none;
  Query row = Rows(db, series, 0);
  while (row.Next()) {
    NORMLAB_RETURN_IF_ERROR(damage.Skip(CheckRow(row, series), 0, none));
  }
  return damage.Skip(row.status(), 0, none);
}

}  // namespace normlab::store
