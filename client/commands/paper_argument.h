// paper_argument.h - PAPER on the command line: the id of a paper that is built in, or a manifest file of one's own.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "normlab/v1/papers.pb.h"

namespace normlab::client {

struct PaperArgument {
  std::string id;                             // empty for a manifest
  std::optional<v1::PaperManifest> manifest;  // with the CSV files beside it that it names
};

// A word with a slash or the ending .yaml or .yml is a file. kInvalidArgument names a file that cannot be
// read or is not UTF-8.
absl::StatusOr<PaperArgument> ReadPaperArgument(const std::string& word, const std::stop_token& stop);

// Sets paper_id or manifest of a request.
template <typename Request>
void SetPaper(const PaperArgument& paper, Request& request) {
  request.set_paper_id(paper.id);
  if (paper.manifest) {
    *request.mutable_manifest() = *paper.manifest;
  }
}

}  // namespace normlab::client
