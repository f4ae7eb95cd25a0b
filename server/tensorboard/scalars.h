// scalars.h - the series of jobs as TensorBoard's scalars. One answer holds the curves of many runs.
//
// Thread safety: free functions, any thread; they read the store. kCancelled when nobody waits any more.
#pragma once

#include "server/tensorboard/runs.h"

namespace normlab::server {

// Of all curves of one answer; each takes 20 bytes.
inline constexpr std::uint64_t kMostScalars = 1'000'000;

absl::Status ListScalars(Core& core, const Caller& caller, const Query& query,
                         tensorboard::data::ListScalarsResponse& response);

// Of a long curve, the store's choice of `query.points` (largest triangles), the first and the last point among them; of
// one that is damaged, what is whole. kInvalidArgument if kMostScalars points are not enough.
absl::Status ReadScalars(Core& core, const Caller& caller, const Query& query,
                         tensorboard::data::ReadScalarsResponse& response);

}  // namespace normlab::server
