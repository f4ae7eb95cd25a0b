// leasing.h - the first job of the queue that can be read goes to a worker, with what it needs to begin.
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "results/store/job_changes.h"
#include "results/store/readers.h"
#include "results/store/store.h"

namespace normlab::store {

// The store's LeaseNext. Readers are asked only where there is damage: whoever is given a job waits for no read.
absl::StatusOr<std::optional<Lease>> LeaseFirst(JobChanges& changes, Readers& readers, const Request& request,
                                                const Worker& worker, std::int64_t now_ms);

}  // namespace normlab::store
