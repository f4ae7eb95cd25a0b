#include "results/store/external_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "results/store/jobs.h"
#include "results/store/loose.h"

namespace normlab::store {
namespace {

constexpr std::string_view kParam = "param";
constexpr std::string_view kTag = "tag";
constexpr std::size_t kMaxArtifactPath = 500;
constexpr std::int64_t kMaxTexts = 10'000;       // parameters, tags and labels of one run, and
constexpr std::int64_t kMaxTextBytes = 8 << 20;  // what they hold: each look at the run reads it all
constexpr std::size_t kMaxTold = 200;            // bytes of a program's own text in an error

absl::Status SetText(Connection& db, JobId job, std::string_view kind, std::string_view key, std::string_view value) {
  return db.Run("INSERT OR REPLACE INTO external_text(job, kind, key, value) VALUES(?1, ?2, ?3, ?4)", job, kind, key,
                value);
}

absl::Status AddParam(Connection& db, JobId job, const std::string& key, const std::string& value) {
  Query stored = db.Ask("SELECT value FROM external_text WHERE job = ?1 AND kind = ?2 AND key = ?3", job, kParam, key);
  if (!stored.Next()) {
    NORMLAB_RETURN_IF_ERROR(stored.status());
    return SetText(db, job, kParam, key, value);
  }
  return stored.View(0) == value
             ? absl::OkStatus()
             : absl::FailedPreconditionError(fmt::format(
                   "the parameter {} of {} is {} and cannot become {}; a parameter is set once", OneLine(key, kMaxTold),
                   JobName(job), OneLine(stored.Text(0), kMaxTold), OneLine(value, kMaxTold)));
}

// kResourceExhausted if a run has too much text. Call after adding some, to have it undone.
absl::Status CheckTexts(Connection& db, JobId job) {
  Query row = db.Ask(
      "SELECT count(*), coalesce(sum(bytes), 0) FROM ("
      "SELECT length(CAST(key AS BLOB)) + length(CAST(value AS BLOB)) AS bytes FROM external_text WHERE job = ?1 "
      "UNION ALL SELECT length(CAST(key AS BLOB)) + length(CAST(value AS BLOB)) FROM label WHERE job = ?1)",
      job);
  if (!row.Next()) {
    return row.status();
  }
  return row.Int(0) <= kMaxTexts && row.Int(1) <= kMaxTextBytes
             ? absl::OkStatus()
             : absl::ResourceExhaustedError(fmt::format(
                   "{} would have {} parameters, tags and labels of {} bytes; at most {} of {} bytes fit into "
                   "one run: log files instead, or begin another run",
                   JobName(job), row.Int(0), row.Int(1), kMaxTexts, kMaxTextBytes));
}

absl::Status AddPoints(Connection& db, JobId job, const std::vector<LoggedPoint>& points) {
  if (points.empty()) {
    return absl::OkStatus();
  }
  std::map<std::string_view, std::vector<const LoggedPoint*>> by_series;
  std::uint64_t last_step = 0;
  for (const LoggedPoint& point : points) {
    by_series[point.series].push_back(&point);
    last_step = std::max(last_step, point.step);
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t last,
                           db.Int("UPDATE counter SET sequence = sequence + ?1 RETURNING sequence", points.size()));
  std::uint64_t sequence = static_cast<std::uint64_t>(last) - points.size();
  for (const auto& [series, its] : by_series) {
    NORMLAB_RETURN_IF_ERROR(AddLoose(db, job, series, its, sequence));
  }
  return db.Run("UPDATE job SET steps_done = max(steps_done, ?2) WHERE id = ?1", job, last_step);
}

absl::Status SetState(Connection& db, JobId job, const RunChange& change, std::int64_t now_ms) {
  if (!change.state && !change.finished_ms) {
    return absl::OkStatus();
  }
  const std::optional<int> state = change.state ? std::optional<int>(static_cast<int>(*change.state)) : std::nullopt;
  return db.Run(
      "UPDATE job SET state = ifnull(?2, state), finished_ms = CASE WHEN ifnull(?2, state) = 2 THEN 0 "
      "ELSE coalesce(?3, nullif(finished_ms, 0), ?4) END WHERE id = ?1",
      job, state, change.finished_ms, now_ms);
}

}  // namespace

absl::StatusOr<ExternalExperiment> InsertExperiment(Connection& db, const std::string& name,
                                                    const std::map<std::string, std::string>& tags,
                                                    std::int64_t now_ms) {
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t there,
                           db.Int("SELECT count(*) FROM external_experiment WHERE name = ?1", name));
  if (there > 0) {
    return absl::AlreadyExistsError(fmt::format("there is an experiment {} already", OneLine(name, kMaxTold)));
  }
  NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO external_experiment(name, created_ms) VALUES(?1, ?2)", name, now_ms));
  ExternalExperiment experiment{.id = db.LastRowId(), .name = name, .created_ms = now_ms, .tags = tags};
  for (const auto& [key, value] : tags) {
    NORMLAB_RETURN_IF_ERROR(TagExperiment(db, experiment.id, key, value));
  }
  return experiment;
}

absl::Status TagExperiment(Connection& db, std::int64_t id, const std::string& key, const std::string& value) {
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t there,
                           db.Int("SELECT count(*) FROM external_experiment WHERE id = ?1", id));
  if (there == 0) {
    return absl::NotFoundError(fmt::format("there is no experiment {}", id));
  }
  return db.Run("INSERT OR REPLACE INTO external_experiment_tag(experiment, key, value) VALUES(?1, ?2, ?3)", id, key,
                value);
}

absl::StatusOr<std::vector<ExternalExperiment>> ListExperiments(Connection& db) {
  std::vector<ExternalExperiment> experiments;
  Query row = db.Ask("SELECT id, name, created_ms FROM external_experiment ORDER BY id");
  while (row.Next()) {
    experiments.push_back({.id = row.Int(0), .name = row.Text(1), .created_ms = row.Int(2), .tags = {}});
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  for (ExternalExperiment& experiment : experiments) {
    Query tag = db.Ask("SELECT key, value FROM external_experiment_tag WHERE experiment = ?1", experiment.id);
    while (tag.Next()) {
      experiment.tags[tag.Text(0)] = tag.Text(1);
    }
    NORMLAB_RETURN_IF_ERROR(tag.status());
  }
  return experiments;
}

absl::StatusOr<JobId> InsertRun(Connection& db, const NewExternalRun& run, std::int64_t now_ms) {
  std::string name;
  {
    Query row = db.Ask("SELECT name FROM external_experiment WHERE id = ?1", run.experiment);
    if (!row.Next()) {
      return row.status().ok() ? absl::NotFoundError(fmt::format("there is no experiment {}", run.experiment))
                               : row.status();
    }
    name = row.Text(0);
  }
  const NewJob job{.spec = "", .experiment = name, .identity = "", .dataset = "", .labels = run.labels};
  NORMLAB_ASSIGN_OR_RETURN(const JobId id, InsertJob(db, job, now_ms));
  NORMLAB_RETURN_IF_ERROR(db.Run("UPDATE job SET state = ?2, started_ms = ?3 WHERE id = ?1", id,
                                 static_cast<int>(JobState::kRunning), run.started_ms));
  NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO external_run(job, experiment) VALUES(?1, ?2)", id, run.experiment));
  for (const auto& [key, value] : run.tags) {
    NORMLAB_RETURN_IF_ERROR(SetText(db, id, kTag, key, value));
  }
  NORMLAB_RETURN_IF_ERROR(CheckTexts(db, id));
  return id;
}

absl::Status CheckExternal(Connection& db, JobId job) {
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t external,
                           db.Int("SELECT count(*) FROM external_run WHERE job = ?1", job));
  if (external == 1) {
    return absl::OkStatus();
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t there, db.Int("SELECT count(*) FROM job WHERE id = ?1", job));
  return there == 0 ? absl::NotFoundError(fmt::format("{} does not exist", JobName(job)))
                    : absl::FailedPreconditionError(
                          fmt::format("{} was trained by normlab and takes nothing from other programs", JobName(job)));
}

absl::Status ChangeRun(Connection& db, JobId job, const RunChange& change, std::int64_t now_ms) {
  NORMLAB_RETURN_IF_ERROR(CheckExternal(db, job));
  for (const auto& [key, value] : change.params) {
    NORMLAB_RETURN_IF_ERROR(AddParam(db, job, key, value));
  }
  std::vector<std::string> gone = change.remove;
  for (const auto* set : {&change.set_labels, &change.set_tags}) {
    for (const auto& [key, value] : *set) {
      gone.push_back(key);  // a tag may have become a label, or a label a tag
    }
  }
  for (const std::string& key : gone) {
    NORMLAB_RETURN_IF_ERROR(db.Run("DELETE FROM label WHERE job = ?1 AND key = ?2", job, key));
    NORMLAB_RETURN_IF_ERROR(
        db.Run("DELETE FROM external_text WHERE job = ?1 AND kind = ?2 AND key = ?3", job, kTag, key));
  }
  for (const auto& [key, value] : change.set_labels) {
    NORMLAB_RETURN_IF_ERROR(db.Run("INSERT INTO label(job, key, value) VALUES(?1, ?2, ?3)", job, key, value));
  }
  for (const auto& [key, value] : change.set_tags) {
    NORMLAB_RETURN_IF_ERROR(SetText(db, job, kTag, key, value));
  }
  for (const auto& [note, text] : change.notes) {
    NORMLAB_RETURN_IF_ERROR(SetText(db, job, note.first, note.second, text));
  }
  if (!change.params.empty() || !change.set_labels.empty() || !change.set_tags.empty() || !change.notes.empty()) {
    NORMLAB_RETURN_IF_ERROR(CheckTexts(db, job));
  }
  NORMLAB_RETURN_IF_ERROR(AddPoints(db, job, change.points));
  NORMLAB_RETURN_IF_ERROR(SetState(db, job, change, now_ms));
  if (change.removed) {
    NORMLAB_RETURN_IF_ERROR(
        db.Run("UPDATE external_run SET removed = ?2 WHERE job = ?1", job, *change.removed ? 1 : 0));
  }
  return ChangeJob(db, "UPDATE job SET " NORMLAB_NEW_REVISION " WHERE id = ?1", job).status();
}

absl::StatusOr<std::optional<ExternalRun>> LoadExternal(Connection& db, JobId job) {
  std::optional<ExternalRun> run;
  {
    Query row = db.Ask("SELECT experiment, removed FROM external_run WHERE job = ?1", job);
    if (row.Next()) {
      run.emplace();
      run->experiment = row.Int(0);
      run->removed = row.Int(1) != 0;
    }
    NORMLAB_RETURN_IF_ERROR(row.status());
  }
  if (run) {
    NORMLAB_ASSIGN_OR_RETURN(run->params, Notes(db, job, kParam));
    NORMLAB_ASSIGN_OR_RETURN(run->tags, Notes(db, job, kTag));
  }
  return run;
}

absl::StatusOr<std::map<std::string, std::string>> Notes(Connection& db, JobId job, std::string_view kind) {
  std::map<std::string, std::string> notes;
  Query row = db.Ask("SELECT key, value FROM external_text WHERE job = ?1 AND kind = ?2 ORDER BY key", job, kind);
  while (row.Next()) {
    notes.emplace_hint(notes.end(), row.Text(0), row.Text(1));
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return notes;
}

absl::StatusOr<std::pair<JobId, std::string>> FindNote(Connection& db, std::string_view kind, std::string_view key) {
  Query row = db.Ask(
      "SELECT job, value FROM external_text INDEXED BY external_text_by_key WHERE kind = ?1 AND key = ?2 LIMIT 1", kind,
      key);
  if (row.Next()) {
    return std::pair(row.Int(0), row.Text(1));
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return absl::NotFoundError(fmt::format("no run has a {} {}", kind, OneLine(key, kMaxTold)));
}

absl::StatusOr<std::vector<std::string>> AllNotes(Connection& db, std::string_view kind) {
  std::vector<std::string> notes;
  Query row = db.Ask("SELECT value FROM external_text INDEXED BY external_text_by_key WHERE kind = ?1", kind);
  while (row.Next()) {
    notes.push_back(row.Text(0));
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return notes;
}

bool StaysBelow(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") {
      return false;
    }
    begin = end + 1;
  }
  return true;
}

absl::Status CheckArtifactPath(std::string_view path) {
  const auto wrong = [path](std::string_view expected) {
    return absl::InvalidArgumentError(fmt::format("artifact {}: expected {}", OneLine(path, kMaxTold), expected));
  };
  if (path.empty() || path.size() > kMaxArtifactPath) {
    return wrong(fmt::format("a path of 1 to {} bytes", kMaxArtifactPath));
  }
  if (std::any_of(path.begin(), path.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\' || c == ':'; })) {
    return wrong("a path without control characters, backslashes and colons");
  }
  return StaysBelow(path) ? absl::OkStatus() : wrong("a relative path without empty parts, \".\" and \"..\"");
}

}  // namespace normlab::store
