// export_bundle.h - jobs with all that they measured into one file that travels (client/bundle.h).
#pragma once

#include <string>
#include <vector>

#include "client/commands/command.h"

namespace normlab::client {

struct BundleOptions {
  std::string file;
  std::vector<std::string> series;  // empty: all
  bool artifacts = false;
};

// Those of `jobs` that have ended. What is left out, and why, is said; kFailedPrecondition if that is all of them.
absl::Status ExportBundle(Session& session, Client& client, const std::vector<v1::Job>& jobs,
                          const BundleOptions& options);

}  // namespace normlab::client
