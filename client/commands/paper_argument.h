// paper_argument.h - PAPER on the command line: the id of a paper that is built in, or a manifest file of one's own.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "normlab/v1/papers.pb.h"

namespace normlab::client {

struct PaperArgument {
  std::string id;                             // empty for a manifest
  std::optional<v1::PaperManifest> manifest;  // with the CSV files beside it that it names
};

// A word with a slash or the ending .yaml or .yml is a file. kNotFound, kInvalidArgument name it.
absl::StatusOr<PaperArgument> ReadPaperArgument(const std::string& word);

// Sets paper_id or manifest of a request.
template <typename Request>
void SetPaper(const PaperArgument& paper, Request& request) {
  request.set_paper_id(paper.id);
  if (paper.manifest) {
    *request.mutable_manifest() = *paper.manifest;
  }
}

}  // namespace normlab::client
