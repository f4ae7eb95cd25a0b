#include "server/mlflow/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "proto/spec_text.h"
#include "results/store/external_runs.h"
#include "server/edge/errors.h"
#include "server/edge/stream.h"
#include "server/mlflow/runs.h"

namespace normlab::server {
namespace {

using Files = google::protobuf::RepeatedPtrField<mlflow::FileInfo>;

// What lies in `folder` ("": the run's own), its folders as such. Names begin with `prefix`.
absl::Status List(Core& core, store::JobId job, std::string_view folder, std::string_view prefix, Files& files) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::ArtifactInfo> all, core.store.ListArtifacts(job));
  const std::string inside = folder.empty() ? "" : fmt::format("{}/", folder);
  std::map<std::string, mlflow::FileInfo> entries;
  for (const store::ArtifactInfo& artifact : all) {
    if (!artifact.name.starts_with(inside)) {
      continue;
    }
    const std::string_view rest = std::string_view(artifact.name).substr(inside.size());
    const std::size_t slash = rest.find('/');
    mlflow::FileInfo& entry = entries[std::string(rest.substr(0, slash))];
    entry.set_is_dir(slash != std::string_view::npos);
    if (!entry.is_dir()) {
      entry.set_file_size(static_cast<std::int64_t>(artifact.size));
    }
  }
  for (auto& [name, entry] : entries) {
    entry.set_path(fmt::format("{}{}", prefix, name));
    *files.Add() = std::move(entry);
  }
  return absl::OkStatus();
}

std::string_view WithoutSlashes(std::string_view path) {
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  return path;
}

struct Place {
  store::JobId job = 0;
  std::string name;
};

// "j17/plots/loss.png".
absl::StatusOr<Place> ReadPlace(std::string_view path) {
  path = WithoutSlashes(path);
  const std::size_t slash = path.find('/');
  Place place;
  NORMLAB_ASSIGN_OR_RETURN(place.job, ReadRunId(path.substr(0, slash)));
  place.name = slash == std::string_view::npos ? "" : std::string(path.substr(slash + 1));
  return place;
}

// By the name's ending. What a browser would run is not among them.
std::string_view MediaTypeOf(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".png", "image/png"},   {".jpg", "image/jpeg"},        {".jpeg", "image/jpeg"}, {".gif", "image/gif"},
      {".csv", "text/csv"},    {".json", "application/json"}, {".txt", "text/plain"},  {".md", "text/markdown"},
      {".yaml", "text/plain"}, {".yml", "text/plain"},        {".log", "text/plain"}};
  const auto* const known = std::find_if(std::begin(kTypes), std::end(kTypes),
                                         [name](const auto& type) { return name.ends_with(type.first); });
  return known == std::end(kTypes) ? "application/octet-stream" : known->second;
}

}  // namespace

absl::Status ListArtifacts(Core& core, const mlflow::ListArtifactsRequest& request,
                           mlflow::ListArtifactsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const store::JobId job, ReadRunId(request.run_id(), request.run_uuid()));
  const std::string folder(WithoutSlashes(request.path()));
  response.set_root_uri(ArtifactUri(job));
  return List(core, job, folder, folder.empty() ? "" : folder + "/", *response.mutable_files());
}

absl::Status ListFiles(Core& core, const mlflow::ListFilesRequest& request, mlflow::ListFilesResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const Place place, ReadPlace(request.path()));
  return List(core, place.job, place.name, "", *response.mutable_files());
}

absl::Status SendFile(Core& core, const mlflow::ReadFileRequest& request,
                      grpc::ServerWriter<mlflow::ReadFileResponse>& writer) {
  NORMLAB_ASSIGN_OR_RETURN(const Place place, ReadPlace(request.path()));
  NORMLAB_ASSIGN_OR_RETURN(const store::StoredArtifact artifact, core.store.OpenArtifact(place.job, place.name));
  mlflow::ReadFileResponse piece;
  for (std::uint64_t begin = 0; begin < artifact.file->size(); begin += kPieceBytes) {
    piece.mutable_data()->resize(std::min<std::uint64_t>(kPieceBytes, artifact.file->size() - begin));
    NORMLAB_ASSIGN_OR_RETURN(const std::size_t n, artifact.file->Read(begin, *piece.mutable_data()));
    piece.mutable_data()->resize(n);
    NORMLAB_RETURN_IF_ERROR(Send(piece, writer));
  }
  return absl::OkStatus();
}

absl::Status ReceiveFile(Core& core, grpc::ServerReader<mlflow::WriteFileRequest>& reader) {
  mlflow::WriteFileRequest piece;
  if (!reader.Read(&piece)) {
    return BadField("path", "is missing; expected it in the first message");
  }
  NORMLAB_ASSIGN_OR_RETURN(const Place place, ReadPlace(piece.path()));
  NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<PendingFile> file,
                           core.store.external().NewArtifactFile(place.job, place.name));
  store::ArtifactInfo info{.name = place.name, .media_type = std::string(MediaTypeOf(place.name))};
  bool whole = false;
  while (reader.Read(&piece)) {
    info.size += piece.data().size();
    if (info.size > core.job_limits.file_bytes) {
      return BadField("data", fmt::format("has more than {} bytes", core.job_limits.file_bytes));
    }
    info.crc32c = Crc32c(piece.data(), info.crc32c);
    NORMLAB_RETURN_IF_ERROR(file->Append(piece.data()));
    whole = piece.last();
  }
  if (!whole) {
    return absl::CancelledError("the file's sender left before its end");
  }
  return core.store.external().PutArtifact(place.job, info, std::move(file));
}

}  // namespace normlab::server
