#include "data/handwriting/import.h"

#include <fmt/format.h>

#include <set>

#include "base/fs.h"
#include "base/sha256.h"
#include "data/gzip.h"
#include "data/handwriting/pen_file.h"

namespace normlab::data {

bool IsImportedHandwriting(const std::string& dataset) { return dataset == "iam_ondb" || dataset == "unipen_original"; }

absl::Status NothingUsable(const std::string& path, const SkippedByReason& skipped) {
  std::string text = fmt::format("{}: no line of handwriting could be used", path);
  for (const auto& [reason, of] : skipped) {
    text += fmt::format("\n  {} x {}, for example {}", of.count, reason, of.example);
  }
  return absl::NotFoundError(text);
}

absl::StatusOr<ImportReport> ImportHandwriting(const std::string& dataset, const std::string& path,
                                               const std::string& directory, const ImportProgress& progress) {
  if (!IsImportedHandwriting(dataset)) {
    return absl::InvalidArgumentError(
        fmt::format("{} is not imported from recordings; iam_ondb and unipen_original are", dataset));
  }
  NORMLAB_ASSIGN_OR_RETURN(ImportedLines imported,
                           dataset == "iam_ondb" ? ImportIamOnDb(path, progress) : ImportUnipen(path, progress));
  ImportReport report;
  report.skipped = std::move(imported.skipped);
  report.lines = static_cast<std::int64_t>(imported.lines.size());
  std::set<std::string> writers;
  for (const PenLine& line : imported.lines) {
    writers.insert(line.writer);
    report.points += PointCount(line);
  }
  report.writers = static_cast<std::int64_t>(writers.size());
  const std::string content = FormatPenFile(imported.lines);
  report.sha256 = Sha256Hex(content);
  const std::string folder = directory + "/" + dataset;
  report.stored = folder + "/lines.txt.gz";
  FileSystem& files = PosixFileSystem();
  NORMLAB_RETURN_IF_ERROR(files.MakeDirectories(folder));
  NORMLAB_RETURN_IF_ERROR(files.AtomicWrite(report.stored, Gzipped(content)));
  return report;
}

}  // namespace normlab::data
