// scrub.h - reads a store back: every page that SQLite knows, every checksum of points, every file.
//
// Beside a server at work: in read transactions of one piece of a series each, so that the log can start over in between.
#pragma once

#include <string>

#include "base/status.h"
#include "results/store/files.h"
#include "results/store/store.h"

namespace normlab::store {

// `path` is the database, `files` what lies beside it. An error only if it could not go on; kCancelled by `on_progress`.
absl::StatusOr<ScrubReport> ScrubStore(const std::string& path, const std::string& vfs, Files& files,
                                       const OnProgress& on_progress);

}  // namespace normlab::store
