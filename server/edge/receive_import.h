// receive_import.h - a job that ended in another store, from the wire to ours. See proto/normlab/v1/imports.proto.
//
// Memory holds the points of one job, bounded; artifacts go from the wire to files in pieces.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include <cstddef>

#include "normlab/v1/imports.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

inline constexpr std::size_t kMaxImportedPoints = 10'000'000;  // of one job: 240 MB

// Thread safety: free function, any thread.
absl::StatusOr<store::CreatedJob> ReceiveImport(Core& core, grpc::ServerReader<v1::ImportJobRequest>& reader);

}  // namespace normlab::server
