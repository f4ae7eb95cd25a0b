// request_id.h - what makes a mutation exactly-once: the caller's id and a hash of the rest of the request.
//
// Thread safety: free functions, any thread.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "base/status.h"
#include "results/store/store.h"

namespace normlab::server {

// Bytes that are the same for equal messages within one build of protobuf.
std::string Deterministic(const google::protobuf::Message& message);

// The idempotency key of `message`, whose field `request_id` is a UUID or empty (not idempotent). The hash covers the
// type and every other field. kInvalidArgument for anything else in the field.
absl::StatusOr<store::Request> RequestOf(const google::protobuf::Message& message);

}  // namespace normlab::server
