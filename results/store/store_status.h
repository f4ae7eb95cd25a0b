// store_status.h - how much a store holds, from its rows alone.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "results/store/sqlite.h"
#include "results/store/store.h"

namespace normlab::store {

// In pages, the log left out.
absl::StatusOr<std::uint64_t> DatabaseBytes(Connection& db);

// All but what only the disk knows: log_bytes and free_bytes are 0.
absl::StatusOr<StoreStatus> DatabaseStatus(Connection& db);

}  // namespace normlab::store
