// catalog.h - what can be run, as the messages of catalog.proto: what ExperimentService answers, and what a client
// without a server knows by itself.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "normlab/v1/catalog.pb.h"

namespace normlab {

// In the order of JobSpec's oneof.
std::vector<v1::Experiment> ExperimentCatalog();

// kNotFound for another name: the message lists those there are, and the nearest.
absl::StatusOr<v1::Experiment> DescribeExperiment(const std::string& name);

}  // namespace normlab
