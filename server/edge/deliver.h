// deliver.h - tables, figures and pages into responses, in the format that was asked for.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <utility>

#include "base/status.h"
#include "normlab/v1/papers.pb.h"
#include "results/report/format.h"
#include "server/edge/stream.h"

namespace normlab::server {

absl::StatusOr<report::Format> ReadFormat(v1::Format format, report::Format if_unset);
// Two pixels to a unit of the picture. Made here, where fonts may be looked at, and nowhere below.
absl::StatusOr<std::string> PngOf(const std::string& svg);

// Fills in `content` and `media_type` of a response. render(report::Format) gives an absl::StatusOr<std::string>; PNG
// is made from its SVG.
template <typename Response, typename Render>
absl::Status Deliver(v1::Format wanted, report::Format if_unset, Response& response, const Render& render) {
  const bool png = wanted == v1::FORMAT_PNG;
  NORMLAB_ASSIGN_OR_RETURN(const report::Format format, ReadFormat(png ? v1::FORMAT_SVG : wanted, if_unset));
  NORMLAB_ASSIGN_OR_RETURN(*response.mutable_content(), render(format));
  response.set_media_type(png ? "image/png" : std::string(report::MediaType(format)));
  if (png) {
    NORMLAB_ASSIGN_OR_RETURN(*response.mutable_content(), PngOf(response.content()));
  }
  return absl::OkStatus();
}

// Sends an answer whose `content` may be long in as many messages as that takes; all else is in the first. kCancelled if the
// reader is gone.
template <typename Response>
absl::Status SendInPieces(Response answer, grpc::ServerWriter<Response>& writer) {
  const std::string content = std::move(*answer.mutable_content());
  for (std::size_t begin = 0; begin == 0 || begin < content.size(); begin += kPieceBytes) {
    answer.set_content(content.substr(begin, kPieceBytes));
    NORMLAB_RETURN_IF_ERROR(Send(answer, writer));
    answer.Clear();
  }
  return absl::OkStatus();
}

}  // namespace normlab::server
