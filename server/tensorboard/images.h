// images.h - the pictures that jobs keep, as TensorBoard's images: one series for each name, of the newest picture alone,
// for a job keeps no other.
//
// A blob's key is "j17/400/picture/samples.png": of which job, after how many updates, and which of the three blobs that
// TensorBoard expects of an image. A picture that was replaced is not found under its old key, so none is shown for
// another.
//
// Thread safety: free functions, any thread; they read the store. kCancelled when nobody waits any more.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include "server/tensorboard/runs.h"

namespace normlab::server {

// Whether any of the runs keeps a picture.
absl::StatusOr<bool> HaveImages(Core& core, const Caller& caller, const std::vector<Run>& runs);

absl::Status ListImages(Core& core, const Caller& caller, const Query& query,
                        tensorboard::data::ListBlobSequencesResponse& response);
absl::Status ReadImages(Core& core, const Caller& caller, const Query& query,
                        tensorboard::data::ReadBlobSequencesResponse& response);

// kInvalidArgument for a key that was not made here, kNotFound for a picture that is no more.
absl::Status SendBlob(Core& core, const tensorboard::data::ReadBlobRequest& request,
                      grpc::ServerWriter<tensorboard::data::ReadBlobResponse>& writer);

}  // namespace normlab::server
