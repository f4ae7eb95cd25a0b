// import.h - handwriting a user has, official archives or a folder, turned into the cached form (pen_file.h).
//
// A file that cannot be read costs its line or its form, not the import: it is counted under its reason, with the first
// example's message. The result is the same bytes for the same files, however they are packed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/handwriting/pen_line.h"
#include "data/skipped.h"

namespace normlab::data {

struct ImportReport {
  std::int64_t lines = 0, writers = 0, points = 0;
  SkippedByReason skipped;
  std::string stored;  // path of the cached file
  std::string sha256;  // of its uncompressed content
};

// done and total in bytes of input.
using ImportProgress = std::function<void(std::int64_t done, std::int64_t total)>;

struct ImportedLines {
  std::vector<PenLine> lines;
  SkippedByReason skipped;
};

// IAM-OnDB's official archives or what they unpack to, in one folder: lineStrokes, ascii, original and the split lists.
// kNotFound names the kind of file that is missing altogether.
absl::StatusOr<ImportedLines> ImportIamOnDb(const std::string& path, const ImportProgress& progress);

// UNIPEN's folders data/ and include/, or an archive of them: the English lines of running text.
absl::StatusOr<ImportedLines> ImportUnipen(const std::string& path, const ImportProgress& progress);

// Imports `path` for the data set named iam_ondb or unipen_original, and stores `directory`/`dataset`/lines.txt.gz.
absl::StatusOr<ImportReport> ImportHandwriting(const std::string& dataset, const std::string& path,
                                               const std::string& directory, const ImportProgress& progress);

// kNotFound: no line could be used, and why, reason by reason.
absl::Status NothingUsable(const std::string& path, const SkippedByReason& skipped);

// Whether ImportHandwriting is the way into this data set.
bool IsImportedHandwriting(const std::string& dataset);

}  // namespace normlab::data
