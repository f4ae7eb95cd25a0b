// store_status.h - how much a store holds, from its rows alone.
#pragma once

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

// All but what only the disk knows: log_bytes and free_bytes are 0.
absl::StatusOr<StoreStatus> DatabaseStatus(Connection& db);

}  // namespace normlab::store
