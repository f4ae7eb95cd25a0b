// error.h - from what the wire says to what a person reads: rich gRPC errors as absl::Status, text and exit codes.
//
// The wrong fields of a request travel inside the status as a google.rpc.BadRequest payload, so that every layer passes
// them on without knowing them.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "base/status.h"
#include "client/exit_code.h"
#include "proto/spec.h"

namespace normlab::client {

// Same code and message; the details of grpc-status-details-bin become payloads. Marked as the server's word.
absl::Status FromGrpc(const grpc::Status& status);

// `status` as one that tells of the server or the way to it, and not of this machine's files and programs: the exit code
// depends on it.
absl::Status OfServer(absl::Status status);

// kInvalidArgument that carries `violations`; OK for none.
absl::Status InvalidFields(const std::vector<FieldViolation>& violations);

// The wrong fields a status carries, in order. A batch that repeats one fault for many jobs ("requests[3].spec.seed")
// gives it once, without the prefix.
std::vector<FieldViolation> FieldViolations(const absl::Status& status);

// Without colours and "normlab: ", newline at the end: the message, then one aligned line per wrong field.
std::string RenderError(const absl::Status& status);

// {"error": {"code": "INVALID_ARGUMENT", "message": ..., "fields": [{"path": ..., "problem": ...}]}}, for --json.
std::string RenderErrorJson(const absl::Status& status);

ExitCode ExitCodeFor(const absl::Status& status);

}  // namespace normlab::client
