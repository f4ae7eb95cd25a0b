// external_runs.h - runs of other programs, which log themselves: jobs that no worker gets and nobody verifies.
//
// They lie beside our own jobs, and whoever reads jobs, series and artifacts finds them there. Their programs keep to other
// rules than workers do: points come in any order, several at a step, and are told twice when an answer was lost; a run
// that has ended may go on.
//
// Thread safety: all methods, any thread. Writes return once they are on disk, as the store's own (store.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "results/store/store.h"

namespace normlab::store {

// Tags with which MLflow's client says whose a run is, and how it is called.
inline constexpr char kRunNameTag[] = "mlflow.runName";
inline constexpr char kUserTag[] = "mlflow.user";

// Whether a relative path, without empty parts, "." and "..", stays below where it begins.
bool StaysBelow(std::string_view path);

struct ExternalExperiment {
  std::int64_t id = 0;
  std::string name;
  std::int64_t created_ms = 0;
  std::map<std::string, std::string> tags;
};

struct NewExternalRun {
  std::int64_t experiment = 0;
  std::int64_t started_ms = 0;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> tags;
};

struct LoggedPoint {
  std::string series;
  std::uint64_t step = 0;
  std::int64_t wall_ms = 0;
  double value = 0;  // bits are kept, NaN included
};

// What a program says of its run.
struct RunChange {
  std::vector<LoggedPoint> points;            // those that are stored already are not stored again
  std::map<std::string, std::string> params;  // kFailedPrecondition for one that has another value already
  std::map<std::string, std::string> set_labels;
  std::map<std::string, std::string> set_tags;
  std::vector<std::string> remove;  // keys of labels and tags
  // What belongs to the run and is nothing to the store but text: by kind and key.
  std::map<std::pair<std::string, std::string>, std::string> notes;
  std::optional<JobState> state;  // RUNNING, SUCCEEDED, FAILED or CANCELLED
  std::optional<std::int64_t> finished_ms;
  std::optional<bool> removed;
};

// The place of a point in a history: by step, time and value's bits.
struct PointPlace {
  std::uint64_t step = 0;
  std::int64_t wall_ms = 0;
  std::int64_t bits = 0;
};
struct History {
  std::vector<LoggedPoint> points;  // every one that was logged
  std::optional<PointPlace> next;   // pass as `after` for the next page; absent: the end
};

class ExternalRuns {
 public:
  virtual ~ExternalRuns() = default;

  // kAlreadyExists for a name that there is.
  virtual absl::StatusOr<ExternalExperiment> CreateExperiment(const std::string& name,
                                                              const std::map<std::string, std::string>& tags) = 0;
  virtual absl::Status TagExperiment(std::int64_t id, const std::string& key, const std::string& value) = 0;
  virtual absl::StatusOr<std::vector<ExternalExperiment>> ListExperiments() = 0;  // by id

  // RUNNING. kNotFound for an unknown experiment.
  virtual absl::StatusOr<Job> CreateRun(const NewExternalRun& run) = 0;
  // All or nothing. kNotFound for an unknown job, kFailedPrecondition for one that is not external.
  virtual absl::Status Change(JobId run, const RunChange& change) = 0;
  // The notes of a kind, by key.
  virtual absl::StatusOr<std::map<std::string, std::string>> Notes(JobId run, std::string_view kind) = 0;
  // The run that has this note, with its text; kNotFound if none has.
  virtual absl::StatusOr<std::pair<JobId, std::string>> FindNote(std::string_view kind, std::string_view key) = 0;
  // The notes of a kind of every run.
  virtual absl::StatusOr<std::vector<std::string>> AllNotes(std::string_view kind) = 0;
  virtual absl::StatusOr<History> ReadHistory(JobId run, std::string_view series, std::optional<PointPlace> after,
                                              int limit) = 0;

  // As the store's own, but names may be paths: "plots/loss.png". kInvalidArgument for one that could leave its folder.
  virtual absl::StatusOr<std::unique_ptr<PendingFile>> NewArtifactFile(JobId run, std::string_view path) = 0;
  virtual absl::Status PutArtifact(JobId run, const ArtifactInfo& info, std::unique_ptr<PendingFile> file) = 0;
};

}  // namespace normlab::store
