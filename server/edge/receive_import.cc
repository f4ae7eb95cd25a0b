#include "server/edge/receive_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/parse_number.h"
#include "base/text.h"
#include "proto/spec_text.h"
#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/request_id.h"
#include "server/edge/transfer.h"
#include "server/schedule/resolve.h"

namespace normlab::server {
namespace {

// What tells runs of one identity apart whose bits may differ.
constexpr const char* kComputationFacts[] = {"arithmetic", "numerics_revision", "model_revision"};

// Unix milliseconds; 0 for none.
std::int64_t ReadTime(const google::protobuf::Timestamp& time, std::string_view path,
                      std::vector<FieldViolation>& violations) {
  constexpr std::int64_t kEnd = 253'402'300'800;  // seconds: the year 10,000
  if (time.seconds() < 0 || time.seconds() >= kEnd || time.nanos() < 0 || time.nanos() >= 1'000'000'000) {
    violations.push_back({std::string(path), "is no time; expected one of the years 1970 to 9999"});
    return 0;
  }
  return time.seconds() * 1000 + time.nanos() / 1'000'000;
}

std::string FactOf(const v1::Job& job, const std::string& key) {
  const auto fact = job.facts().find(key);
  return fact == job.facts().end() ? "" : fact->second;
}

// The revisions that computed the job, as its facts say.
Revisions ReadRevisions(const v1::Job& job, std::vector<FieldViolation>& violations) {
  Revisions revisions;
  for (const auto& [key, revision] :
       {std::pair("numerics_revision", &revisions.numerics), std::pair("model_revision", &revisions.model)}) {
    const std::string text = FactOf(job, key);
    if (const auto number = ParseWhole<int>(text); number.has_value() && *number >= 1) {
      *revision = *number;
    } else {
      violations.push_back(
          {fmt::format("header.job.facts[\"{}\"]", key),
           fmt::format("is {}; expected a revision, >= 1: a job of a normlab that kept none cannot be told "
                       "from others",
                       Shown(text))});
    }
  }
  return revisions;
}

// The identity that the job has here: the same, unless this build knows options that the other did not.
std::string ReadIdentity(const v1::Job& job, const v1::JobSpec& resolved, std::vector<FieldViolation>& violations) {
  const Revisions revisions = ReadRevisions(job, violations);
  if (FactOf(job, "arithmetic").empty()) {
    violations.push_back(
        {"header.job.facts[\"arithmetic\"]", "is missing; expected what instructions computed the job"});
  }
  const std::string dataset = DatasetName(job.spec());
  const std::string data = dataset.empty() ? "" : FactOf(job, "data." + dataset);
  if (!dataset.empty() && data.empty()) {
    violations.push_back({fmt::format("header.job.facts[\"data.{}\"]", dataset),
                          "is missing; expected the SHA-256 of the data that the job read"});
  }
  if (violations.empty() && Identity(job.spec(), data, revisions) != job.identity()) {
    violations.push_back({"header.job.identity",
                          fmt::format("is {}; its spec, data and revisions have the identity {}",
                                      Shown(job.identity().substr(0, 64)), Identity(job.spec(), data, revisions))});
  }
  return Identity(resolved, data, revisions);
}

store::JobState ReadEndState(const v1::Job& job, std::vector<FieldViolation>& violations) {
  const auto state = static_cast<store::JobState>(job.state());
  if (!v1::JobState_IsValid(job.state()) || !store::IsTerminal(state)) {
    violations.push_back({"header.job.state",
                          "is not one in which a job has ended; expected JOB_STATE_SUCCEEDED, "
                          "JOB_STATE_FAILED, JOB_STATE_CANCELLED or JOB_STATE_DIVERGED"});
  }
  return state;
}

void CheckOutcome(const v1::Job& job, std::vector<FieldViolation>& violations) {
  if (job.state() == v1::JOB_STATE_SUCCEEDED) {
    CheckFingerprint(job.fingerprint(), "header.job.fingerprint", violations);
  } else if (!job.fingerprint().empty()) {
    violations.push_back({"header.job.fingerprint", "is that of a job that did not succeed; expected none"});
  }
}

// "it was j17 of another store, without train/batch_nll"
std::string WhereFrom(const v1::ImportJobRequest::Header& header) {
  std::string text = fmt::format("it was {} of another store", header.job().job_id());
  for (int i = 0; i < header.left_out_size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? ", without " : " and ", header.left_out(i));
  }
  return OneLine(text, kMaxText);
}

// The job of `header`, whose spec is `resolved`, as ours.
store::Job ReadEndedJob(const v1::ImportJobRequest::Header& header, const v1::JobSpec& resolved,
                        std::vector<FieldViolation>& violations) {
  const v1::Job& job = header.job();
  store::Job ended;
  ended.spec = Deterministic(resolved);
  ended.experiment = ExperimentName(resolved);
  ended.dataset = DatasetName(resolved);
  ended.state = ReadEndState(job, violations);
  ended.created_ms = ReadTime(job.created(), "header.job.created", violations);
  ended.started_ms = ReadTime(job.started(), "header.job.started", violations);
  ended.finished_ms = ReadTime(job.finished(), "header.job.finished", violations);
  ended.steps_done = ReadCount(job.steps_done(), "header.job.steps_done", violations);
  ended.steps_total = ReadCount(job.steps_total(), "header.job.steps_total", violations);
  ended.cpu_seconds = ReadAmount(job.cpu_seconds(), "header.job.cpu_seconds", violations);
  ended.error = OneLine(job.error(), kMaxText);
  ended.fingerprint = job.fingerprint();
  ended.worker = OneLine(job.worker(), kMaxText);
  ended.labels = {job.labels().begin(), job.labels().end()};
  ended.facts = ReadFacts(job.facts(), "header.job.facts", violations);
  ended.facts["imported"] = WhereFrom(header);
  CheckLabels(job.labels(), "header.job.labels", violations);
  CheckOutcome(job, violations);
  return ended;
}

absl::StatusOr<store::ImportedJob> ReadHeader(const v1::ImportJobRequest::Header& header, const LocalData& data) {
  const v1::Job& job = header.job();
  std::vector<FieldViolation> violations, fields;
  const v1::JobSpec resolved = ResolveJob(job.spec(), data, fields).spec;
  for (FieldViolation& field : fields) {
    violations.push_back({"header.job.spec." + field.path, std::move(field.description)});
  }
  store::ImportedJob run;
  run.job = ReadEndedJob(header, resolved, violations);
  if (violations.empty()) {
    run.computation.identity = ReadIdentity(job, resolved, violations);
  }
  for (const char* const key : kComputationFacts) {
    run.computation.facts[key] = FactOf(job, key);
  }
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  return run;
}

// Takes the parts of a job as they come, header first.
class Receiver {
 public:
  explicit Receiver(Core& core) : core_(core) {}

  absl::Status Add(const v1::ImportJobRequest& message) {
    if (!header_.has_value() && !message.has_header()) {
      return BadField("header", "is missing; expected the header in the first message");
    }
    switch (message.part_case()) {
      case v1::ImportJobRequest::kHeader:
        return AddHeader(message.header());
      case v1::ImportJobRequest::kPoints:
        return AddPoints(message.points());
      case v1::ImportJobRequest::kArtifact:
        return AddArtifact(message.artifact());
      case v1::ImportJobRequest::kData:
        return AddData(message.data());
      case v1::ImportJobRequest::PART_NOT_SET:
        break;
    }
    return BadField("part", "is missing; expected points, an artifact or its data");
  }

  absl::StatusOr<store::CreatedJob> Finish() && {
    if (!header_.has_value()) {
      return BadField("header", "is missing; expected the header in the first message");
    }
    if (points_ != header_->points() || run_.artifacts.size() != header_->artifacts()) {
      return absl::DataLossError(
          fmt::format("{} points and {} artifacts came; the header announced {} and {}: send it again", points_,
                      run_.artifacts.size(), header_->points(), header_->artifacts()));
    }
    return core_.store.ImportJob(std::move(run_));
  }

 private:
  absl::Status AddHeader(const v1::ImportJobRequest::Header& header) {
    if (header_.has_value()) {
      return BadField("header", "comes a second time; expected one job in one call");
    }
    if (header.points() > kMaxImportedPoints) {
      return absl::ResourceExhaustedError(
          fmt::format("the job has {} points; at most {} are taken at once", header.points(), kMaxImportedPoints));
    }
    NORMLAB_ASSIGN_OR_RETURN(run_, ReadHeader(header, core_.data));
    header_ = header;
    return absl::OkStatus();
  }

  absl::Status AddPoints(const v1::AppendPointsRequest::Columns& points) {
    std::vector<FieldViolation> violations;
    store::PointColumns piece = ReadColumn(points, "points", violations);
    NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
    points_ += piece.steps.size();
    if (points_ > header_->points()) {
      return BadField("points", fmt::format("are more than the {} that header.points announced", header_->points()));
    }
    if (run_.curves.empty() || run_.curves.back().series != piece.series) {
      run_.curves.push_back(std::move(piece));  // one that comes back later is refused by the store
      return absl::OkStatus();
    }
    store::PointColumns& curve = run_.curves.back();
    const auto append = [](const auto& from, auto& to) { to.insert(to.end(), from.begin(), from.end()); };
    append(piece.steps, curve.steps);
    append(piece.values, curve.values);
    append(piece.wall_ms, curve.wall_ms);
    return absl::OkStatus();
  }

  absl::Status AddArtifact(const v1::Artifact& artifact) {
    std::vector<FieldViolation> violations;
    const store::ArtifactInfo info{.name = artifact.name(),
                                   .media_type = artifact.media_type(),
                                   .step = artifact.step(),
                                   .size = artifact.size(),
                                   .crc32c = artifact.crc32c()};
    CheckArtifact(info, "artifact.", core_.job_limits.file_bytes, violations);
    NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
    if (run_.artifacts.size() == std::min(header_->artifacts(), kMaxArtifacts)) {
      return BadField("artifact",
                      fmt::format("comes after {}; expected as many as header.artifacts announced, at most {}",
                                  run_.artifacts.size(), kMaxArtifacts));
    }
    NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<PendingFile> file, core_.store.NewImportedFile(info.name));
    run_.artifacts.push_back({info, std::move(file)});
    pieces_.emplace(info.size);
    return absl::OkStatus();
  }

  absl::Status AddData(const std::string& data) {
    if (!pieces_.has_value()) {
      return BadField("data", "belongs to no artifact; expected an artifact before its data");
    }
    NORMLAB_RETURN_IF_ERROR(pieces_->Add(data));
    return run_.artifacts.back().file->Append(data);
  }

  static constexpr std::uint32_t kMaxArtifacts = 1'000;

  Core& core_;
  std::optional<v1::ImportJobRequest::Header> header_;
  store::ImportedJob run_;
  std::size_t points_ = 0;
  std::optional<PieceCount> pieces_;  // of the last artifact
};

}  // namespace

absl::StatusOr<store::CreatedJob> ReceiveImport(Core& core, grpc::ServerReader<v1::ImportJobRequest>& reader) {
  Receiver receiver(core);
  v1::ImportJobRequest message;
  while (reader.Read(&message)) {
    NORMLAB_RETURN_IF_ERROR(receiver.Add(message));
  }
  return std::move(receiver).Finish();
}

}  // namespace normlab::server
