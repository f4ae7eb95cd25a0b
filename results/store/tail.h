// tail.h - the newest points of each series, which wait until they fill a chunk: one row for each call that brought
// some.
//
// A row a point would cost five times as much to store, and to remove again once they are packed. Fewer than
// kChunkPoints points of a series wait at any time; their rows are read and removed together.
//
// All functions run on the connection they are given.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "results/store/chunk.h"
#include "results/store/chunk_rows.h"
#include "results/store/sqlite.h"

namespace normlab::store {

// Adds `points`, 1 to kChunkPoints of them, which come after all of the series.
absl::Status InsertTail(Connection& db, std::int64_t series, const Points& points);
// Appends the waiting points with steps in [from, to] to `points`. kDataLoss if a checksum is wrong.
absl::Status ReadTail(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Unpack columns,
                      Points& points);
// The same, but goes on behind rows that are damaged.
absl::Status ReadWholeTail(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Unpack columns,
                           Points& points, Damage& damage);
// The waiting points of the calls that stored any after `sequence`.
absl::StatusOr<Points> NewInTail(Connection& db, std::int64_t series, std::uint64_t sequence);
absl::Status ClearTail(Connection& db, std::int64_t series);

}  // namespace normlab::store
