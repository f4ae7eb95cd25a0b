// job_name.h - what people and the wire call a job: "j17" is 17 in the store.
//
// Thread safety: free functions, any thread.
#pragma once

#include <fmt/format.h>

#include <string>

#include "results/store/store.h"

namespace normlab::server {

inline std::string JobName(store::JobId id) { return fmt::format("j{}", id); }

}  // namespace normlab::server
