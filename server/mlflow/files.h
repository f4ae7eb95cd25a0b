// files.h - artifacts as MLflow sees them: folders, listed one at a time, and files behind a proxy.
//
// The proxy's paths begin with the run: "j17/plots/loss.png". Files of our own jobs can be listed and read, not written.
//
// Thread safety: free functions on the thread of their call, which may block.
#pragma once

#include <grpcpp/support/sync_stream.h>

#include "mlflow/service.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

absl::Status ListArtifacts(Core& core, const mlflow::ListArtifactsRequest& request,
                           mlflow::ListArtifactsResponse& response);
absl::Status ListFiles(Core& core, const mlflow::ListFilesRequest& request, mlflow::ListFilesResponse& response);
absl::Status SendFile(Core& core, const mlflow::ReadFileRequest& request,
                      grpc::ServerWriter<mlflow::ReadFileResponse>& writer);
// On disk when it returns OK.
absl::Status ReceiveFile(Core& core, grpc::ServerReader<mlflow::WriteFileRequest>& reader);

}  // namespace normlab::server
