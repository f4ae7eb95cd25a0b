// loose.h - points of series that grow anywhere, those of external runs: a row each, every value that was logged.
//
// A curve has one value for a step: of several the one with the latest time, and of those the greatest, which is also what
// MLflow calls a metric's value. Sequences rise in the order of storing.
//
// All functions run on the connection they are given. Each row has a checksum; who reads one whose checksum is wrong gets kDataLoss.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "results/store/chunk.h"
#include "results/store/chunk_rows.h"
#include "results/store/external_runs.h"
#include "results/store/series.h"
#include "results/store/sqlite.h"

namespace normlab::store {

// Adds the points, all of one series, that are not stored yet, and makes the series if there is none. `sequence` is the last
// one that was given; it is raised by each point.
absl::Status AddLoose(Connection& db, JobId job, std::string_view series, std::span<const LoggedPoint* const> points,
                      std::uint64_t& sequence);
// Appends the curve's points with steps in [from, to].
absl::Status ReadLoose(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Points& points);
// The same, but goes on behind what is damaged.
absl::Status ReadWholeLoose(Connection& db, std::int64_t series, std::uint64_t from, std::uint64_t to, Points& points,
                            Damage& damage);
// Some of the points stored after `sequence`, in the order of storing: several of one step may be among them.
absl::StatusOr<Points> NewLoose(Connection& db, std::int64_t series, std::uint64_t sequence);
// As ExternalRuns::ReadHistory.
absl::StatusOr<History> ReadLooseHistory(Connection& db, std::int64_t series, const std::string& name,
                                         const std::optional<PointPlace>& after, int limit);
// Removes at most `limit`; how many.
absl::StatusOr<std::int64_t> RemoveLoose(Connection& db, std::int64_t series, int limit);

}  // namespace normlab::store
