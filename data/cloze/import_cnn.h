// import_cnn.h - the CNN corpus a user has, turned into the cached form (cloze_file.h): of each passage, the four sentences
// that have most to do with its question (relevance.h).
//
// A file that cannot be read costs its question, not the import: it is counted under its reason, with the first example's
// message. The result is the same bytes for the same files, however they are packed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"
#include "data/skipped.h"

namespace normlab::data {

struct ClozeImport {
  // By part: training, validation, test.
  std::int64_t questions[3] = {};
  std::int64_t answers_kept[3] = {};  // of them, whose answer is in the four sentences
  SkippedByReason skipped;
  std::string stored;  // path of the cached file
  std::string sha256;  // of its uncompressed content
};

// Reads NAME.question in the folders training, validation and test of `path`, a folder or an archive such as cnn.tgz, and
// stores `directory`/cnn/questions.txt.gz. done and total in bytes of input. kNotFound: not a question could be used.
absl::StatusOr<ClozeImport> ImportCnn(const std::string& path, const std::string& directory,
                                      const std::function<void(std::int64_t done, std::int64_t total)>& progress);

}  // namespace normlab::data
