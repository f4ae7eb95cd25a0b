#include "server/mlflow/notes.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <utility>

namespace normlab::server {
namespace {

template <typename Message>
absl::Status AddAll(Core& core, store::JobId job, std::string_view kind,
                    google::protobuf::RepeatedPtrField<Message>& messages) {
  NORMLAB_ASSIGN_OR_RETURN(const auto notes, core.store.external().Notes(job, kind));
  for (const auto& [key, text] : notes) {
    NORMLAB_RETURN_IF_ERROR(ReadNote(text, *messages.Add()));
  }
  return absl::OkStatus();
}

}  // namespace

void SetNote(std::string_view kind, std::string_view key, const google::protobuf::Message& message,
             store::RunChange& change) {
  std::string text;
  // Fails for well-known types alone, of which MLflow's messages have none.
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &text));
  change.notes[{std::string(kind), std::string(key)}] = std::move(text);
}

absl::Status ReadNote(std::string_view text, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // of a later version
  const auto status = google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &message, options);
  return status.ok() ? absl::OkStatus()
                     : absl::DataLossError(
                           fmt::format("a note of a run is no JSON of {}", message.GetDescriptor()->full_name()));
}

absl::Status AddNotes(Core& core, store::JobId job, mlflow::Run& run) {
  NORMLAB_RETURN_IF_ERROR(AddAll(core, job, kDatasetNote, *run.mutable_inputs()->mutable_dataset_inputs()));
  NORMLAB_RETURN_IF_ERROR(AddAll(core, job, kModelInputNote, *run.mutable_inputs()->mutable_model_inputs()));
  return AddAll(core, job, kModelOutputNote, *run.mutable_outputs()->mutable_model_outputs());
}

}  // namespace normlab::server
