// curves.h - reading curves: ranges, downsampled if asked.
//
// All functions run inside a reader's transaction.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

// kNotFound for an unknown job or series.
absl::StatusOr<Curve> ReadCurve(Connection& db, JobId job, std::string_view series, const CurveRange& range);
absl::StatusOr<std::vector<SeriesInfo>> ListSeries(Connection& db, JobId job);

}  // namespace normlab::store
