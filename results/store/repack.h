// repack.h - the part of the upgrade to version 2 of the schema that SQL cannot say: see kVersion2 in schema.cc.
#pragma once

#include "base/status.h"
#include "results/store/sqlite.h"

namespace normlab::store {

// Packs the rows of the table tail_version_1 into the new tails and drops it; makes the overview of every chunk.
absl::Status Repack(Connection& db);

}  // namespace normlab::store
