// reach.h - is there a server at an endpoint, and if not, why not? One text for each cause.
#pragma once

#include <string>

#include "base/status.h"
#include "client/connection.h"

namespace normlab::client {

// OK: a server answers. kNotFound: nobody serves there. Otherwise what stands in the way, so that starting a server there
// would not help: kPermissionDenied, kUnavailable (something else listens, or a server that does not answer).
absl::Status Reach(const Endpoint& endpoint);

// After a call that found no server at `endpoint`: the cause and what to do, as OfServer() of error.h.
absl::Status NoServer(const Endpoint& endpoint);

}  // namespace normlab::client
