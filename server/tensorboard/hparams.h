// hparams.h - what a run was configured with, as TensorBoard's hyperparameter dashboard finds it: in the metadata of two
// tensors of each run, one that says how it began and one that says how it ended.
//
// Runs that differ in their seed alone are a group; a group has the fields of its configuration, and the experiment.
//
// Thread safety: free functions, any thread; they read the store. kCancelled when nobody waits any more.
#pragma once

#include "server/tensorboard/runs.h"

namespace normlab::server {

absl::Status ListTensors(Core& core, const Caller& caller, const Query& query,
                         tensorboard::data::ListTensorsResponse& response);
// The tensors are empty.
absl::Status ReadTensors(Core& core, const Caller& caller, const Query& query,
                         tensorboard::data::ReadTensorsResponse& response);

}  // namespace normlab::server
