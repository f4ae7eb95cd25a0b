#include "server/edge/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "proto/names.h"
#include "proto/spec_text.h"
#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/stream.h"

namespace normlab::server {
namespace {

// The first message must be the header.
template <typename Request>
absl::StatusOr<typename Request::Header> ReadHeader(grpc::ServerReader<Request>& reader) {
  Request first;
  if (!reader.Read(&first) || first.part_case() != Request::kHeader) {
    return BadField("header", "is missing; expected the header in the first message");
  }
  return first.header();
}

// Of any file: how large it is, and after how many updates it was made.
void CheckFile(std::uint64_t size, std::uint64_t step, std::string_view prefix, std::uint64_t max_size,
               std::vector<FieldViolation>& violations) {
  if (size > max_size) {
    violations.push_back(
        {fmt::format("{}size", prefix), fmt::format("is {}; expected at most {} bytes", size, max_size)});
  }
  ReadCount(step, fmt::format("{}step", prefix), violations);
}

// Reads the pieces up to the end of the stream into `file`; each shows that the attempt gets on.
template <typename Request>
absl::Status ReadPieces(grpc::ServerReader<Request>& reader, const typename Request::Header& header, Attempts& attempts,
                        store::AttemptId attempt, PendingFile& file) {
  PieceCount pieces(header.size());
  Request message;
  while (reader.Read(&message)) {
    if (message.part_case() != Request::kData) {
      return BadField("data", "is missing; expected data in every message after the first");
    }
    NORMLAB_RETURN_IF_ERROR(pieces.Add(message.data()));
    NORMLAB_RETURN_IF_ERROR(file.Append(message.data()));
    attempts.Moved(attempt);
  }
  return absl::OkStatus();
}

absl::Status StoreCheckpoint(Core& core, grpc::ServerReader<v1::PutCheckpointRequest>& reader,
                             const v1::PutCheckpointRequest::Header& header, store::AttemptId attempt) {
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<PendingFile> file, core.store.NewCheckpointFile(attempt, header.step()));
  NORMLAB_RETURN_IF_ERROR(ReadPieces(reader, header, core.attempts, attempt, *file));
  const store::CheckpointInfo info{.step = header.step(), .size = header.size(), .crc32c = header.crc32c()};
  NORMLAB_RETURN_IF_ERROR(core.store.PutCheckpoint(attempt, info, std::move(file)));
  core.attempts.Moved(attempt);
  return absl::OkStatus();
}

absl::Status StoreArtifact(Core& core, grpc::ServerReader<v1::PutArtifactRequest>& reader,
                           const v1::PutArtifactRequest::Header& header, store::AttemptId attempt,
                           const store::ArtifactInfo& info) {
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<PendingFile> file, core.store.NewArtifactFile(attempt, info.name));
  NORMLAB_RETURN_IF_ERROR(ReadPieces(reader, header, core.attempts, attempt, *file));
  NORMLAB_RETURN_IF_ERROR(core.store.PutArtifact(attempt, info, std::move(file)));
  core.attempts.Moved(attempt);
  return absl::OkStatus();
}

// Sends the header that `message` holds, then `file` in pieces; calls `sent` after each.
template <typename Response>
absl::Status SendPieces(Response& message, const ReadableFile& file, grpc::ServerWriter<Response>& writer,
                        const std::function<void()>& sent) {
  bool open = writer.Write(message);
  for (std::uint64_t begin = 0; open && begin < file.size(); begin += kPieceBytes) {
    std::string& piece = *message.mutable_data();
    piece.resize(std::min<std::uint64_t>(kPieceBytes, file.size() - begin));
    NORMLAB_ASSIGN_OR_RETURN(const std::size_t n, file.Read(begin, piece));
    piece.resize(n);
    open = writer.Write(message);
    sent();
  }
  return open ? absl::OkStatus() : ReaderGone();
}

// A checkpoint behind its header; `response` may have other fields of the header set.
template <typename Response>
absl::Status SendWhole(Response& response, const store::StoredCheckpoint& checkpoint,
                       grpc::ServerWriter<Response>& writer, const std::function<void()>& sent) {
  auto& header = *response.mutable_header();
  header.set_step(checkpoint.info.step);
  header.set_size(checkpoint.info.size);
  header.set_crc32c(checkpoint.info.crc32c);
  return SendPieces(response, *checkpoint.file, writer, sent);
}

}  // namespace

absl::Status PieceCount::Add(std::string_view piece) {
  if (piece.empty() || piece.size() > kPieceBytes) {
    return BadField("data", fmt::format("is a piece of {} bytes; expected 1 to {}", piece.size(), kPieceBytes));
  }
  if (piece.size() > size_ - received_) {
    return BadField("data", fmt::format("brings more than the {} bytes that were announced", size_));
  }
  received_ += piece.size();
  return absl::OkStatus();
}

void CheckArtifact(const store::ArtifactInfo& info, std::string_view prefix, std::uint64_t max_size,
                   std::vector<FieldViolation>& violations) {
  if (!IsName(info.name, false)) {
    violations.push_back(
        {fmt::format("{}name", prefix),
         fmt::format("is {}; expected letters, digits, '.', '_' and '-', at most 128", Shown(info.name))});
  }
  if (!IsMediaType(info.media_type)) {
    violations.push_back({fmt::format("{}media_type", prefix),
                          fmt::format("is {}; expected one such as image/png", Shown(info.media_type))});
  }
  CheckFile(info.size, info.step, prefix, max_size, violations);
}

absl::Status ReceiveCheckpoint(Core& core, grpc::ServerReader<v1::PutCheckpointRequest>& reader) {
  NORMLAB_ASSIGN_OR_RETURN(const auto header, ReadHeader(reader));
  std::vector<FieldViolation> violations;
  CheckFile(header.size(), header.step(), "header.", core.job_limits.file_bytes, violations);
  NORMLAB_ASSIGN_OR_RETURN(const store::AttemptId attempt, core.secrets.Read(header.attempt(), violations));
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  return core.attempts.Answered(attempt, StoreCheckpoint(core, reader, header, attempt));
}

absl::Status ReceiveArtifact(Core& core, grpc::ServerReader<v1::PutArtifactRequest>& reader) {
  NORMLAB_ASSIGN_OR_RETURN(const auto header, ReadHeader(reader));
  const store::ArtifactInfo info{.name = header.name(),
                                 .media_type = header.media_type(),
                                 .step = header.step(),
                                 .size = header.size(),
                                 .crc32c = header.crc32c()};
  std::vector<FieldViolation> violations;
  CheckArtifact(info, "header.", core.job_limits.file_bytes, violations);
  NORMLAB_ASSIGN_OR_RETURN(const store::AttemptId attempt, core.secrets.Read(header.attempt(), violations));
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  return core.attempts.Answered(attempt, StoreArtifact(core, reader, header, attempt, info));
}

absl::Status SendCheckpoint(Core& core, const v1::GetCheckpointRequest& request,
                            grpc::ServerWriter<v1::GetCheckpointResponse>& writer) {
  std::vector<FieldViolation> violations;
  NORMLAB_ASSIGN_OR_RETURN(const store::AttemptId attempt, core.secrets.Read(request.attempt(), violations));
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const store::Job job, core.store.GetJob(attempt.job));
  if (job.attempt != attempt.number || store::IsTerminal(job.state) || job.state == store::JobState::kQueued) {
    return absl::FailedPreconditionError(
        fmt::format("attempt {} of {} is not its current one ({})", attempt.number, JobName(job.id), job.attempt));
  }
  NORMLAB_ASSIGN_OR_RETURN(const auto checkpoint, core.store.OpenCheckpoint(attempt.job));
  v1::GetCheckpointResponse response;
  *response.mutable_header()->mutable_attempt() = request.attempt();
  return SendWhole(response, checkpoint, writer, [&] { core.attempts.Moved(attempt); });
}

absl::Status SendCheckpoint(Core& core, const v1::ReadCheckpointRequest& request,
                            grpc::ServerWriter<v1::ReadCheckpointResponse>& writer) {
  std::vector<FieldViolation> violations;
  const store::JobId job = ReadJobId(request.job_id(), "job_id", violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const auto checkpoint, core.store.OpenCheckpoint(job, request.at_most_step()));
  v1::ReadCheckpointResponse response;
  return SendWhole(response, checkpoint, writer, [] {});
}

absl::Status SendArtifact(Core& core, const v1::ReadArtifactRequest& request,
                          grpc::ServerWriter<v1::ReadArtifactResponse>& writer) {
  std::vector<FieldViolation> violations;
  const store::JobId job = ReadJobId(request.job_id(), "job_id", violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const store::StoredArtifact artifact, core.store.OpenArtifact(job, request.name()));
  v1::ReadArtifactResponse response;
  ToWire(artifact.info, *response.mutable_header()->mutable_artifact());
  response.mutable_header()->set_crc32c(artifact.info.crc32c);
  return SendPieces(response, *artifact.file, writer, [] {});
}

}  // namespace normlab::server
