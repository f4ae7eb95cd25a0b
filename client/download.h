// download.h - files of jobs, from the server into files here, piece by piece: memory does not grow with them.
//
// `path` appears whole or not at all (see output.h). One thread. Errors: those of Client and of FileOutput.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "client/client.h"

namespace normlab::client {

// Returns its bytes.
absl::StatusOr<std::uint64_t> DownloadArtifact(Client& client, const std::string& job_id, const std::string& name,
                                               const std::string& path, const std::stop_token& stop);

// The newest one of at most so many updates; returns the number of its updates.
absl::StatusOr<std::uint64_t> DownloadCheckpoint(Client& client, const std::string& job_id, std::uint64_t at_most_step,
                                                 const std::string& path, const std::stop_token& stop);

}  // namespace normlab::client
