// notes.h - what MLflow's client keeps with a run and normlab has no use for: its data sets and logged models. They are
// stored as the JSON of MLflow's messages and given back as they came.
//
// Thread safety: free functions, any thread; they read the store.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "mlflow/service.pb.h"
#include "results/store/external_runs.h"
#include "server/edge/core.h"

namespace normlab::server {

inline constexpr char kDatasetNote[] = "mlflow.dataset";     // by name and digest
inline constexpr char kModelInputNote[] = "mlflow.input";    // by model
inline constexpr char kModelOutputNote[] = "mlflow.output";  // by model
inline constexpr char kLoggedModelNote[] = "mlflow.model";   // by its id

// Adds `message` as a note.
void SetNote(std::string_view kind, std::string_view key, const google::protobuf::Message& message,
             store::RunChange& change);
// kDataLoss if it is not one.
absl::Status ReadNote(std::string_view text, google::protobuf::Message& message);

// Adds a run's inputs and outputs.
absl::Status AddNotes(Core& core, store::JobId job, mlflow::Run& run);

}  // namespace normlab::server
