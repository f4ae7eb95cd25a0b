// errors.h - from absl::Status to what a client gets: canonical code, one text, and google.rpc details.
//
// Details ride on an absl::Status as payloads and are put on the wire in one place, ToGrpc. Every error carries an
// ErrorInfo whose reason a program can switch on; INVALID_ARGUMENT names every wrong field (BadRequest), and
// RESOURCE_EXHAUSTED says when to try again (RetryInfo).
//
// Thread safety: free functions, any thread.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "proto/spec.h"

namespace normlab::server {

// kInvalidArgument with every violation; OK for none.
absl::Status BadRequest(const std::vector<FieldViolation>& violations);
absl::Status BadField(std::string_view path, std::string_view description);

// `status` with "STALE_ATTEMPT" as the ErrorInfo's reason; OK stays OK.
absl::Status WithReason(absl::Status status, std::string_view reason);

// `status` with the advice to try again after `delay`.
absl::Status WithRetry(absl::Status status, std::chrono::milliseconds delay);

// What travels is cut to what fits a client's default limit on trailers (8 KiB): long lists of violations end with
// how many more there are.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace normlab::server
