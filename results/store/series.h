// series.h - the summary row of each series, and its stored points wherever they lie: packed chunks, then the tail; those of
// external runs are loose.
//
// A series grows at its end only: its points lie in step order and were stored in that order, so sequences rise with
// steps. All functions run on the connection they are given.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "results/store/chunk.h"
#include "results/store/chunk_rows.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

struct SeriesRow {
  std::int64_t id = 0;  // 0: not stored yet
  SeriesInfo info;
  std::uint64_t tail_points = 0;
  std::uint64_t last_sequence = 0;
  bool loose = false;  // its points are in loose.h, and what is said below of chunks and tails is not of it
};

// The row of a series, with id 0 and no points if there is none.
absl::StatusOr<SeriesRow> FindSeries(Connection& db, JobId job, std::string_view name);
// By name.
absl::StatusOr<std::vector<SeriesRow>> AllSeries(Connection& db, JobId job);
// Adds the row of a loose series, without points; its id.
absl::StatusOr<std::int64_t> CreateLooseSeries(Connection& db, JobId job, std::string_view name);
// Stores a row as it is, by its id.
absl::Status SaveSeries(Connection& db, const SeriesRow& row);
// Adds `points`, which come after all stored ones, to the series and its `row`; packs full chunks. Creates the row if
// its id is 0.
absl::Status AppendToSeries(Connection& db, JobId job, const Points& points, SeriesRow& row);
// Packs the tails of all series of a job that will not grow any more. Of a tail with damaged rows it keeps what is whole
// and notes on the job what is lost. kDataLoss if a page is damaged: see Writer.
absl::Status SealJob(Connection& db, JobId job);

// Puts the stored points with steps in [from, to] into `points`, which is empty. kDataLoss if a chunk's checksum is
// wrong.
absl::Status ReadPoints(Connection& db, const SeriesRow& series, std::uint64_t from, std::uint64_t to, Unpack columns,
                        Points& points);
// The same, but goes on behind what is damaged.
absl::Status ReadWholePoints(Connection& db, const SeriesRow& series, std::uint64_t from, std::uint64_t to,
                             Unpack columns, Points& points, Damage& damage);

}  // namespace normlab::store
