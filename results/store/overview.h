// overview.h - a few points of each chunk, from which a long curve is drawn without unpacking it.
//
// They are the chunk's first and last point and the least and the greatest value of each block of 128. Downsampling
// that starts from them instead of from all points keeps every spike, and its largest triangles are those of
// MinMaxLTTB (Van Der Donckt et al. 2023), for 1/57 of the work.
//
// All functions run on the connection they are given.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "results/store/chunk.h"
#include "results/store/chunk_rows.h"
#include "results/store/series.h"
#include "results/store/sqlite.h"

namespace normlab::store {

// Adds the overview of a chunk that is being stored.
absl::Status InsertOverview(Connection& db, std::int64_t series, const Points& chunk);

// A curve's points as far as an overview shows them.
struct Overview {
  Points points;            // of steps, values and wall times
  std::uint64_t total = 0;  // how many they stand for
};

// Of the points with steps in [from, to]; unpacks only chunks that reach out of the range. kDataLoss if an overview's
// checksum is wrong: its chunk may still be sound.
absl::StatusOr<Overview> ReadOverview(Connection& db, const SeriesRow& series, std::uint64_t from, std::uint64_t to);

// Looks at the checksum of every overview of a series.
absl::Status CheckOverviews(Connection& db, std::int64_t series, Damage& damage);

}  // namespace normlab::store
