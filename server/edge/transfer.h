// transfer.h - files on the wire: a header with size and CRC32C, then pieces of at most 256 KiB.
//
// Memory and disk follow what arrives, never what the header claims.
//
// Thread safety: free functions on the thread of their call, which may block; any number of calls at a time.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "normlab/v1/artifacts.grpc.pb.h"
#include "normlab/v1/worker.grpc.pb.h"
#include "proto/spec.h"
#include "server/edge/core.h"

namespace normlab::server {

// Checks pieces as they come, against the size that was announced. Whether all of it came, and unharmed, the store checks.
class PieceCount {
 public:
  explicit PieceCount(std::uint64_t size) : size_(size) {}
  absl::Status Add(std::string_view piece);

 private:
  const std::uint64_t size_;
  std::uint64_t received_ = 0;
};

// Name, type, size and step of an artifact as it is announced. Paths of violations start with `prefix`: "header.".
void CheckArtifact(const store::ArtifactInfo& info, std::string_view prefix, std::uint64_t max_size,
                   std::vector<FieldViolation>& violations);

// Writes the pieces into the store's pending file and publishes it once size and CRC32C are right. kInvalidArgument for
// a stream that breaks the rules, kDataLoss for content that is not what was announced.
absl::Status ReceiveCheckpoint(Core& core, grpc::ServerReader<v1::PutCheckpointRequest>& reader);
absl::Status ReceiveArtifact(Core& core, grpc::ServerReader<v1::PutArtifactRequest>& reader);

// kFailedPrecondition for a stale attempt, kNotFound if the job has no checkpoint.
absl::Status SendCheckpoint(Core& core, const v1::GetCheckpointRequest& request,
                            grpc::ServerWriter<v1::GetCheckpointResponse>& writer);

// The same for anybody, of any job: kNotFound if it has none of at most so many updates.
absl::Status SendCheckpoint(Core& core, const v1::ReadCheckpointRequest& request,
                            grpc::ServerWriter<v1::ReadCheckpointResponse>& writer);

// kNotFound if the job has no artifact of that name.
absl::Status SendArtifact(Core& core, const v1::ReadArtifactRequest& request,
                          grpc::ServerWriter<v1::ReadArtifactResponse>& writer);

}  // namespace normlab::server
