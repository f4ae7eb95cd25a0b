#include "data/text/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "base/fs.h"
#include "base/sha256.h"
#include "data/handwriting/file_set.h"
#include "data/text/book_file.h"
#include "data/text/kjv.h"
#include "data/text/sentence_sets.h"
#include "data/text/sick.h"
#include "data/text/unicode.h"

namespace normlab::data {
namespace {

struct Imported {
  std::string content;  // of the file that is stored
  std::string summary;
  SkippedByReason skipped;
};

std::string BaseName(std::string_view name) { return std::filesystem::path(name).filename().string(); }

bool IsPlainText(std::string_view name) { return ToLower(name).ends_with(".txt"); }

// The files found at a path, of which only some names are wanted.
struct Found {
  std::string where, content;
};
absl::StatusOr<std::map<std::string, Found>> Find(const std::string& path, const std::set<std::string>& names,
                                                  const TextProgress& progress) {
  std::map<std::string, Found> found;
  NORMLAB_RETURN_IF_ERROR(
      VisitFiles(path, {.wants = [&](std::string_view name) { return names.contains(BaseName(name)); },
                        .take =
                            [&](const std::string& name, const std::string& where, std::string content) {
                              found.try_emplace(BaseName(name), Found{where, std::move(content)});
                              return absl::OkStatus();
                            },
                        .progress = progress}));
  return found;
}

class BookImporter {
 public:
  absl::StatusOr<Imported> Import(const std::string& path, std::int64_t most_bytes, const TextProgress& progress) {
    NORMLAB_RETURN_IF_ERROR(
        VisitFiles(path, {.wants = IsPlainText,
                          .take =
                              [&](const std::string& name, const std::string& where, const std::string& content) {
                                Take(name, where, content);
                                return bytes_ > most_bytes ? TooMuch(path, most_bytes) : absl::OkStatus();
                              },
                          .progress = progress}));
    if (books_.empty()) {
      return absl::NotFoundError(NothingText(path));
    }
    // By name, however they came.
    std::sort(books_.begin(), books_.end(), [](const Part& a, const Part& b) { return a.name < b.name; });
    result_.content.reserve(static_cast<std::size_t>(bytes_));
    for (Part& book : books_) {
      Append(book);
      book.text = std::string();
    }
    result_.summary = fmt::format("{} {}, {} {}", seen_.size(), seen_.size() == 1 ? "book" : "books", chapters_,
                                  chapters_ == 1 ? "chapter" : "chapters");
    return std::move(result_);
  }

 private:
  struct Part {
    std::string name, where, text;
    std::size_t chapters;
  };

  void Take(const std::string& name, const std::string& where, const std::string& content) {
    const absl::StatusOr<std::string> text = ToNfc(content, where);
    if (!text.ok()) {
      return Skip("not UTF-8 text", Message(text.status()));
    }
    const Book book = ReadBook(std::filesystem::path(name).stem().string(), *text);
    if (book.chapters.empty()) {
      return Skip("no text in it", where);
    }
    Part part{BaseName(name) + "\n" + name, where, {}, book.chapters.size()};
    AppendBook(book, part.text);
    bytes_ += static_cast<std::int64_t>(part.text.size());
    books_.push_back(std::move(part));
  }

  // The same text twice would stand in training and among what is held out.
  void Append(const Part& book) {
    const std::string_view text = std::string_view(book.text).substr(book.text.find('\n'));  // without the title
    if (!seen_.insert(Sha256Hex(text)).second) {
      return Skip("the same text as another", book.where);
    }
    chapters_ += book.chapters;
    result_.content += book.text;
  }

  void Skip(const std::string& reason, const std::string& example) {
    Skipped& skipped = result_.skipped[reason];
    if (skipped.count++ == 0) {
      skipped.example = example;
    }
  }

  static absl::Status TooMuch(const std::string& path, std::int64_t most_bytes) {
    return absl::DataLossError(fmt::format("{}: more than {} bytes of text; import a part of it", path, most_bytes));
  }

  std::string NothingText(const std::string& path) const {
    std::string text = fmt::format("{}: no book; expected files of plain text that end in .txt", path);
    for (const auto& [reason, skipped] : result_.skipped) {
      text += fmt::format("\n  {} x {}, for example {}", skipped.count, reason, skipped.example);
    }
    return text;
  }

  Imported result_;
  std::vector<Part> books_;
  std::set<std::string> seen_;  // hashes of those in the result
  std::int64_t bytes_ = 0;
  std::size_t chapters_ = 0;
};

// The names under which a set of labelled sentences is distributed: in one file with labels, or a file a label.
struct OfficialNames {
  std::string_view dataset, labelled;
  std::vector<std::array<std::string_view, 2>> by_label;  // of label 0 and of label 1
};
const std::vector<OfficialNames>& SentenceFiles() {
  static const std::vector<OfficialNames> files = {
      {"mr", "rt-polarity.all", {{"rt-polarity.neg", "rt-polarity.pos"}}},
      {"cr", "custrev.all", {{"custrev.neg", "custrev.pos"}}},
      {"subj", "subj.all", {{"subj.objective", "subj.subjective"}, {"plot.tok.gt9.5000", "quote.tok.gt9.5000"}}},
      {"mpqa", "mpqa.all", {{"mpqa.neg", "mpqa.pos"}}},
  };
  return files;
}

const OfficialNames* FindSentenceFiles(const std::string& dataset) {
  const auto& files = SentenceFiles();
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const auto& names) { return names.dataset == dataset; });
  return found != files.end() ? &*found : nullptr;
}

absl::StatusOr<OfficialSentences> ParseOfficial(const OfficialNames& names, const std::map<std::string, Found>& found) {
  if (const auto file = found.find(std::string(names.labelled)); file != found.end()) {
    return ParseLabelledLines(file->second.content, file->second.where);
  }
  for (const auto& pair : names.by_label) {
    const auto zeros = found.find(std::string(pair[0])), ones = found.find(std::string(pair[1]));
    if (zeros != found.end() && ones != found.end()) {
      NORMLAB_ASSIGN_OR_RETURN(auto official, ParseLinesOfLabel(zeros->second.content, zeros->second.where, 0));
      NORMLAB_ASSIGN_OR_RETURN(auto more, ParseLinesOfLabel(ones->second.content, ones->second.where, 1));
      official.sentences.insert(official.sentences.end(), more.sentences.begin(), more.sentences.end());
      official.empty.example = official.empty.count > 0 ? official.empty.example : more.empty.example;
      official.empty.count += more.empty.count;
      return official;
    }
  }
  return OfficialSentences();
}

absl::StatusOr<Imported> ImportSentences(const OfficialNames& names, const std::string& path,
                                         const TextProgress& progress) {
  std::set<std::string> wanted = {std::string(names.labelled)};
  for (const auto& pair : names.by_label) {
    wanted.insert({std::string(pair[0]), std::string(pair[1])});
  }
  NORMLAB_ASSIGN_OR_RETURN(const auto found, Find(path, wanted, progress));
  NORMLAB_ASSIGN_OR_RETURN(const OfficialSentences official, ParseOfficial(names, found));
  const auto& sentences = official.sentences;
  const auto ones = std::count_if(sentences.begin(), sentences.end(), [](const auto& s) { return s.label == 1; });
  const auto zeros = static_cast<std::ptrdiff_t>(sentences.size()) - ones;
  if (ones == 0 || zeros == 0) {
    return absl::NotFoundError(fmt::format("{}: {} sentences of label 0 and {} of label 1; expected {}, or {} and {}",
                                           path, zeros, ones, names.labelled, names.by_label[0][0],
                                           names.by_label[0][1]));
  }
  Imported imported{FormatSentenceSet(sentences),
                    fmt::format("{} sentences, {} of label 0 and {} of label 1", sentences.size(), zeros, ones),
                    {}};
  if (official.empty.count > 0) {
    imported.skipped["no sentence in the line"] = official.empty;
  }
  return imported;
}

absl::StatusOr<Imported> ImportSick(const std::string& path, const TextProgress& progress) {
  constexpr const char* kNames[] = {"SICK_train.txt", "SICK_trial.txt", "SICK_test_annotated.txt"};
  NORMLAB_ASSIGN_OR_RETURN(const auto found, Find(path, {std::begin(kNames), std::end(kNames)}, progress));
  SickData data;
  std::vector<SickPair>* const parts[] = {&data.train, &data.trial, &data.test};
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    const auto file = found.find(kNames[i]);
    if (file == found.end()) {
      return absl::NotFoundError(
          fmt::format("{}: no {}; expected {}, {} and {}", path, kNames[i], kNames[0], kNames[1], kNames[2]));
    }
    NORMLAB_ASSIGN_OR_RETURN(*parts[i], ParseSickFile(file->second.content, file->second.where));
  }
  return Imported{
      FormatSick(data),
      fmt::format("{} training, {} trial and {} test pairs", data.train.size(), data.trial.size(), data.test.size()),
      {}};
}

absl::StatusOr<Imported> ImportKjv(const std::string& path, const TextProgress& progress) {
  NORMLAB_ASSIGN_OR_RETURN(const auto found, Find(path, {"bible.data"}, progress));
  if (found.empty()) {
    return absl::NotFoundError(
        fmt::format("{}: no bible.data; Debian's package bible-kjv-text has it as /usr/lib/bible.data", path));
  }
  const Found& file = found.begin()->second;
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, UnpackBible(file.content, file.where));
  NORMLAB_ASSIGN_OR_RETURN(std::string content, VersesToBookFile(text, file.where));
  return Imported{std::move(content), "the King James Bible", {}};
}

absl::StatusOr<Imported> ImportAny(const DatasetInfo& dataset, const std::string& path, const TextProgress& progress) {
  if (dataset.name == "books") {
    return BookImporter().Import(path, dataset.files.front().bytes, progress);
  }
  if (dataset.name == "kjv") {
    return ImportKjv(path, progress);
  }
  if (dataset.name == "sick") {
    return ImportSick(path, progress);
  }
  return ImportSentences(*FindSentenceFiles(dataset.name), path, progress);
}

}  // namespace

bool IsBooks(const DatasetInfo& dataset) { return dataset.name == "books" || dataset.name == "kjv"; }

bool IsImportedText(const DatasetInfo& dataset) {
  return IsBooks(dataset) || dataset.name == "sick" || FindSentenceFiles(dataset.name) != nullptr;
}

absl::StatusOr<TextImportReport> ImportText(const DatasetInfo& dataset, const std::string& path,
                                            const std::string& directory, const TextProgress& progress) {
  if (!IsImportedText(dataset)) {
    return absl::InvalidArgumentError(fmt::format("{} is not imported from text", dataset.name));
  }
  const TextProgress show = progress ? progress : [](std::int64_t, std::int64_t) {};
  NORMLAB_ASSIGN_OR_RETURN(Imported imported, ImportAny(dataset, path, show));
  const DataFile& file = dataset.files.front();
  TextImportReport report{.summary = std::move(imported.summary),
                          .skipped = std::move(imported.skipped),
                          .stored = fmt::format("{}/{}", directory, file.candidates.front()),
                          .sha256 = Sha256Hex(imported.content)};
  if (!file.sha256.empty() && file.sha256 != report.sha256) {
    return absl::DataLossError(fmt::format("{}: not the text of {} normlab knows: sha256 {}, expected {}", path,
                                           dataset.name, report.sha256, file.sha256));
  }
  FileSystem& files = PosixFileSystem();
  NORMLAB_RETURN_IF_ERROR(files.MakeDirectories(std::filesystem::path(report.stored).parent_path().string()));
  NORMLAB_RETURN_IF_ERROR(files.AtomicWrite(report.stored, imported.content));
  return report;
}

}  // namespace normlab::data
