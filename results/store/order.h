// order.h - lists of jobs in other orders than by age: by a column, or by what a curve has come to.
//
// Every page looks at all jobs through two narrow indexes, which for 100,000 takes some hundredths of a second, and loads those
// it shows. Values of curves are those in the rows of their series, exact at every commit: points are never taken back one by
// one, and a series that is dropped (a restart, a deleted job) takes its row with it.
//
// Runs on a reader's connection.
#pragma once

#include <optional>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

// As Store::ListOrdered.
absl::StatusOr<OrderedPage> ListOrdered(Connection& db, const JobFilter& filter, const JobOrder& order,
                                        const std::optional<JobPlace>& after, int limit);

}  // namespace normlab::store
