#include "data/cloze/import_cnn.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/sha256.h"
#include "data/cloze/cloze_file.h"
#include "data/cloze/question_file.h"
#include "data/cloze/relevance.h"
#include "data/gzip.h"
#include "data/handwriting/file_set.h"

namespace normlab::data {
namespace {

constexpr std::size_t kSentences = 4;
constexpr std::int64_t kMostFileBytes = std::int64_t{1} << 20;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;

// The part that a file belongs to by its folder, and its name in there.
struct Place {
  ClozePart part;
  std::string name;
};

std::optional<Place> PlaceOf(std::string_view name) {
  if (!name.ends_with(".question")) {
    return std::nullopt;
  }
  const std::size_t slash = name.rfind('/');
  const std::string_view folder = name.substr(0, slash == std::string_view::npos ? 0 : slash);
  const std::size_t before = folder.rfind('/');
  const std::string_view last = before == std::string_view::npos ? folder : folder.substr(before + 1);
  const auto* const part = std::find(std::begin(kClozePartNames), std::end(kClozePartNames), last);
  if (part == std::end(kClozePartNames)) {
    return std::nullopt;
  }
  return Place{static_cast<ClozePart>(part - std::begin(kClozePartNames)), std::string(name.substr(slash + 1))};
}

std::string Joined(TokenSpan tokens) { return fmt::format("{}", fmt::join(tokens, " ")); }

class CnnImporter {
 public:
  absl::Status Take(const std::string& name, const std::string& where, std::string_view content) {
    const auto file = ParseQuestionFile(content, where);
    if (!file.ok()) {
      Skip("file that is not a question", Message(file.status()));
      return absl::OkStatus();
    }
    const Place place = *PlaceOf(name);
    const auto part = static_cast<std::size_t>(place.part);
    const std::vector<TokenSpan> sentences = SplitPassage(file->passage);
    std::vector<std::string_view> kept;
    for (const std::size_t s : MostRelevant(sentences, file->question, kSentences)) {
      kept.insert(kept.end(), sentences[s].begin(), sentences[s].end());
    }
    ++report_.questions[part];
    report_.answers_kept[part] += std::find(kept.begin(), kept.end(), file->answer) != kept.end() ? 1 : 0;
    std::string record;
    AppendClozeRecord(
        {.part = place.part, .passage = Joined(kept), .question = Joined(file->question), .answer = file->answer},
        record);
    bytes_ += static_cast<std::int64_t>(record.size());
    if (bytes_ > kMostBytes) {
      return absl::DataLossError(
          fmt::format("{}: with the questions before it, more than {} bytes", where, kMostBytes));
    }
    records_.emplace_back(std::pair(place.part, place.name), std::move(record));
    return absl::OkStatus();
  }

  // What was read, sorted by part and name, and what is to be said of it.
  std::string Content() {
    std::sort(records_.begin(), records_.end());
    std::string content;
    content.reserve(static_cast<std::size_t>(bytes_));
    for (const auto& [key, record] : records_) {
      content += record;
    }
    return content;
  }
  ClozeImport& report() { return report_; }
  bool empty() const { return records_.empty(); }

 private:
  void Skip(const std::string& reason, const std::string& example) {
    Skipped& skipped = report_.skipped[reason];
    skipped.example = skipped.count++ == 0 ? example : skipped.example;
  }

  ClozeImport report_;
  std::vector<std::pair<std::pair<ClozePart, std::string>, std::string>> records_;
  std::int64_t bytes_ = 0;
};

absl::Status NothingUsable(const std::string& path, const ClozeImport& report) {
  std::string text = fmt::format(
      "{}: no question could be used; expected files questions/{{training,validation,test}}/*.question", path);
  for (const auto& [reason, of] : report.skipped) {
    text += fmt::format("\n  {} x {}, for example {}", of.count, reason, of.example);
  }
  return absl::NotFoundError(text);
}

}  // namespace

absl::StatusOr<ClozeImport> ImportCnn(const std::string& path, const std::string& directory,
                                      const std::function<void(std::int64_t done, std::int64_t total)>& progress) {
  CnnImporter importer;
  const FileVisitor visitor = {
      .wants = [](std::string_view name) { return PlaceOf(name).has_value(); },
      .take = [&](const std::string& name, const std::string& where,
                  std::string content) { return importer.Take(name, where, content); },
      .progress = progress,
  };
  NORMLAB_RETURN_IF_ERROR(VisitFiles(path, visitor, kMostFileBytes));
  if (importer.empty()) {
    return NothingUsable(path, importer.report());
  }
  const std::string content = importer.Content();
  ClozeImport report = std::move(importer.report());
  report.sha256 = Sha256Hex(content);
  report.stored = directory + "/cnn/questions.txt.gz";
  FileSystem& files = PosixFileSystem();
  NORMLAB_RETURN_IF_ERROR(files.MakeDirectories(directory + "/cnn"));
  NORMLAB_RETURN_IF_ERROR(files.AtomicWrite(report.stored, Gzipped(content)));
  return report;
}

}  // namespace normlab::data
