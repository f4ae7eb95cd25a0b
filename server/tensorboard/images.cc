#include "server/tensorboard/images.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/parse_number.h"
#include "proto/spec_text.h"
#include "server/edge/convert.h"
#include "server/edge/stream.h"

namespace normlab::server {
namespace {

namespace tb = ::tensorboard::data;

constexpr std::string_view kPng = "image/png";
// In TensorBoard's order.
constexpr std::array<std::string_view, 3> kParts = {"width", "height", "picture"};

// None of a job that was deleted meanwhile.
absl::StatusOr<std::vector<store::ArtifactInfo>> Pictures(Core& core, const Run& run) {
  absl::StatusOr<std::vector<store::ArtifactInfo>> all = core.store.ListArtifacts(run.job.id);
  if (absl::IsNotFound(all.status())) {
    return std::vector<store::ArtifactInfo>();
  }
  NORMLAB_RETURN_IF_ERROR(all.status());
  std::erase_if(*all, [](const store::ArtifactInfo& artifact) { return artifact.media_type != kPng; });
  return all;
}

// Calls add(run, picture, entry) for each picture that `query` wants, with the entry of its tag in the response.
template <typename Response, typename Add>
absl::Status ForEach(Core& core, const Caller& caller, const Query& query, Response& response, const Add& add) {
  const auto fill = [&](const Run& run, typename Response::RunEntry& entry) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::ArtifactInfo> pictures, Pictures(core, run));
    for (const store::ArtifactInfo& picture : pictures) {
      if (query.Wants(picture.name)) {
        auto& wire = *entry.add_tags();
        wire.set_tag_name(picture.name);
        NORMLAB_RETURN_IF_ERROR(add(run, picture, wire));
      }
    }
    return absl::OkStatus();
  };
  return AddRuns(core, caller, query, response, fill);
}

// When the job was at `step`, by the points it measured there; when it began, if it measured none.
absl::StatusOr<double> TimeOf(Core& core, const store::Job& job, std::uint64_t step) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::SeriesInfo> all, core.store.ListSeries(job.id));
  for (const store::SeriesInfo& series : all) {
    if (series.first_step <= step && step <= series.last_step) {
      NORMLAB_ASSIGN_OR_RETURN(
          const store::Curve curve,
          core.store.ReadCurve(job.id, series.name, {.from_step = step, .to_step = step, .skip_damaged = true}));
      if (!curve.wall_ms.empty()) {
        return Seconds(curve.wall_ms.front());
      }
    }
  }
  return Seconds(job.started_ms);
}

struct BlobKey {
  store::JobId job = 0;
  std::uint64_t step = 0;
  std::string_view part;
  std::string_view name;
};

std::string Text(const BlobKey& key) {
  return fmt::format("{}/{}/{}/{}", JobName(key.job), key.step, key.part, key.name);
}

std::optional<BlobKey> ParseKey(std::string_view text) {
  std::array<std::string_view, 3> words;
  for (std::string_view& word : words) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
      return std::nullopt;
    }
    word = text.substr(0, slash);
    text.remove_prefix(slash + 1);
  }
  std::vector<FieldViolation> violations;
  const store::JobId job = ReadJobId(words[0], "", violations);
  const std::optional<std::uint64_t> step = ParseWhole<std::uint64_t>(words[1]);
  const bool known = std::find(kParts.begin(), kParts.end(), words[2]) != kParts.end();
  if (!violations.empty() || !step || !known || text.empty()) {
    return std::nullopt;
  }
  return BlobKey{.job = job, .step = *step, .part = words[2], .name = text};
}

// Width or height as text, from the header that every PNG begins with.
absl::StatusOr<std::string> Extent(const ReadableFile& file, std::string_view part) {
  constexpr std::string_view kHeader("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
  std::array<char, kHeader.size() + 8> head;
  NORMLAB_ASSIGN_OR_RETURN(const std::size_t n, file.Read(0, head));
  if (n < head.size() || std::string_view(head.data(), kHeader.size()) != kHeader) {
    return absl::FailedPreconditionError("the picture is no PNG, whatever its job called it");
  }
  std::uint32_t extent = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    extent = extent << 8 | static_cast<unsigned char>(head[kHeader.size() + (part == "height" ? 4 : 0) + i]);
  }
  return fmt::to_string(extent);
}

}  // namespace

absl::StatusOr<bool> HaveImages(Core& core, const Caller& caller, const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (caller.cancelled()) {
      return ReaderGone();
    }
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::ArtifactInfo> pictures, Pictures(core, run));
    if (!pictures.empty()) {
      return true;
    }
  }
  return false;
}

absl::Status ListImages(Core& core, const Caller& caller, const Query& query, tb::ListBlobSequencesResponse& response) {
  const auto add = [](const Run& run, const store::ArtifactInfo& picture,
                      tb::ListBlobSequencesResponse::TagEntry& wire) {
    auto& metadata = *wire.mutable_metadata();
    metadata.set_max_step(static_cast<std::int64_t>(picture.step));
    metadata.set_max_wall_time(LastAtWork(run.job));
    metadata.set_max_length(kParts.size());
    metadata.mutable_summary_metadata()->set_data_class(tensorboard::DATA_CLASS_BLOB_SEQUENCE);
    metadata.mutable_summary_metadata()->mutable_plugin_data()->set_plugin_name(kImages);
    return absl::OkStatus();
  };
  return ForEach(core, caller, query, response, add);
}

absl::Status ReadImages(Core& core, const Caller& caller, const Query& query, tb::ReadBlobSequencesResponse& response) {
  const auto add = [&core](const Run& run, const store::ArtifactInfo& picture,
                           tb::ReadBlobSequencesResponse::TagEntry& wire) -> absl::Status {
    auto& data = *wire.mutable_data();
    data.add_step(static_cast<std::int64_t>(picture.step));
    NORMLAB_ASSIGN_OR_RETURN(const double time, TimeOf(core, run.job, picture.step));
    data.add_wall_time(time);
    auto& blobs = *data.add_values();
    for (const std::string_view part : kParts) {
      blobs.add_blob_refs()->set_blob_key(
          Text({.job = run.job.id, .step = picture.step, .part = part, .name = picture.name}));
    }
    return absl::OkStatus();
  };
  return ForEach(core, caller, query, response, add);
}

absl::Status SendBlob(Core& core, const tb::ReadBlobRequest& request,
                      grpc::ServerWriter<tb::ReadBlobResponse>& writer) {
  const std::optional<BlobKey> key = ParseKey(request.blob_key());
  if (!key) {
    return BadField("blob_key",
                    fmt::format("is {}; expected one that ReadBlobSequences gave", Shown(request.blob_key())));
  }
  NORMLAB_ASSIGN_OR_RETURN(const store::StoredArtifact artifact, core.store.OpenArtifact(key->job, key->name));
  if (artifact.info.step != key->step || artifact.info.media_type != kPng) {
    return absl::NotFoundError(fmt::format("{} of {} is not a picture after {} updates any more; read the list again",
                                           key->name, JobName(key->job), key->step));
  }
  tb::ReadBlobResponse response;
  if (key->part != "picture") {
    NORMLAB_ASSIGN_OR_RETURN(*response.mutable_data(), Extent(*artifact.file, key->part));
    return Send(response, writer);
  }
  for (std::uint64_t begin = 0; begin < artifact.file->size(); begin += kPieceBytes) {
    std::string& piece = *response.mutable_data();
    piece.resize(std::min<std::uint64_t>(kPieceBytes, artifact.file->size() - begin));
    NORMLAB_ASSIGN_OR_RETURN(const std::size_t n, artifact.file->Read(begin, piece));
    piece.resize(n);
    NORMLAB_RETURN_IF_ERROR(Send(response, writer));
  }
  return absl::OkStatus();
}

}  // namespace normlab::server
