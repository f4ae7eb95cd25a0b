// `normlab data`: the data sets on this machine. Works on local files; no server is asked.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/nearest.h"
#include "base/parallel.h"
#include "base/paths.h"
#include "client/commands/command.h"
#include "client/error.h"
#include "client/progress_line.h"
#include "client/text.h"
#include "data/cloze/cloze_file.h"
#include "data/cloze/import_cnn.h"
#include "data/coco/coco.h"
#include "data/content.h"
#include "data/fetch.h"
#include "data/handwriting/import.h"
#include "data/locate.h"
#include "data/registry.h"
#include "data/text/import.h"
#include "data/text/text_corpus.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

using data::DatasetInfo;
using data::FileReport;

absl::StatusOr<const DatasetInfo*> Find(const std::string& name) {
  if (const DatasetInfo* dataset = data::FindDataset(name)) {
    return dataset;
  }
  std::vector<std::string> names;
  std::string list;
  for (const DatasetInfo& dataset : data::Datasets()) {
    names.push_back(dataset.name);
    list += (list.empty() ? "" : ", ") + dataset.name;
  }
  return absl::NotFoundError(
      fmt::format("there is no data set {}; expected one of {}{}", name, list, DidYouMean(Nearest(name, names))));
}

absl::StatusOr<std::vector<const DatasetInfo*>> FindAll(const std::vector<std::string>& names) {
  std::vector<const DatasetInfo*> found;
  for (const std::string& name : names) {
    NORMLAB_ASSIGN_OR_RETURN(const DatasetInfo* dataset, Find(name));
    found.push_back(dataset);
  }
  if (names.empty()) {
    for (const DatasetInfo& dataset : data::Datasets()) {
      found.push_back(&dataset);
    }
  }
  return found;
}

// What lies here of a set that is not pinned; absent: it is pinned, not here, or cannot be read.
std::optional<data::Content> ImportedContent(const DatasetInfo& dataset) {
  if (data::IsPinned(dataset)) {
    return std::nullopt;
  }
  const data::DataFile& file = dataset.files.front();
  const std::optional<std::string> path = data::Locate(file, DataDirectories());
  absl::StatusOr<data::Content> content =
      path.has_value() ? data::ReadContent(file, *path) : absl::NotFoundError("not here");
  return content.ok() ? std::optional(*std::move(content)) : std::nullopt;
}

absl::StatusOr<int> ListDatasets(Session& session) {
  TextTable table({"DATA SET", "FILES", "LICENCE", "TITLE", "GET IT"});
  Json all = Json::array();
  for (const DatasetInfo& dataset : data::Datasets()) {
    int here = 0;
    for (const data::DataFile& file : dataset.files) {
      here += data::Locate(file, DataDirectories()).has_value() ? 1 : 0;
    }
    const std::optional<data::Content> content = ImportedContent(dataset);
    const int needed = static_cast<int>(dataset.files.size());
    table.Add({{dataset.name, Paint::kBold},
               {here != needed ? fmt::format("{} of {}", here, needed)
                : content      ? fmt::format("here, {} {}", content->records, dataset.files.front().records)
                               : "here",
                here == needed ? Paint::kGreen : Paint::kYellow},
               dataset.licence,
               dataset.title,
               here == needed ? std::string() : dataset.obtain});
    all.push_back({{"name", dataset.name},
                   {"title", dataset.title},
                   {"licence", dataset.licence},
                   {"source", dataset.source},
                   {"obtain", dataset.obtain},
                   {"files_here", here},
                   {"files_needed", needed},
                   {"lines", content ? Json(content->records) : Json()},
                   {"sha256", content                   ? Json(content->sha256)
                              : data::IsPinned(dataset) ? Json(data::DatasetSha256(dataset))
                                                        : Json()}});
  }
  session.Print(session.json ? Dump({{"datasets", all}, {"directories", DataDirectories()}})
                             : table.Render(session.out_colour(), session.table_width(), session.console().unicode));
  return kExitOk;
}

const char* StateWord(FileReport::State state) {
  return state == FileReport::State::kOk ? "ok" : state == FileReport::State::kMissing ? "missing" : "wrong";
}

absl::StatusOr<int> Verify(Session& session, const std::vector<std::string>& names) {
  NORMLAB_ASSIGN_OR_RETURN(const auto datasets, FindAll(names));
  TextTable table({"DATA SET", "FILE", "STATE", "WHERE"});
  Json all = Json::array();
  bool good = true;
  for (const DatasetInfo* dataset : datasets) {
    for (const FileReport& report : data::Verify(*dataset, DataDirectories())) {
      const bool ok = report.state == FileReport::State::kOk;
      good = good && ok;
      const std::string where = report.state == FileReport::State::kMissing ? dataset->obtain
                                : ok                                        ? report.path
                                                                            : report.path + ": " + report.detail;
      table.Add({dataset->name, report.name, {StateWord(report.state), ok ? Paint::kGreen : Paint::kRed}, where});
      all.push_back({{"dataset", dataset->name},
                     {"file", report.name},
                     {"state", StateWord(report.state)},
                     {"path", report.path},
                     {"detail", report.detail}});
    }
  }
  session.Print(session.json ? Dump({{"files", all}, {"ok", good}}) : table.Render(session.out_colour()));
  return good ? kExitOk : kExitFailed;
}

data::Progress ShowSteps(Session& session) {
  return [&session](std::string_view doing) { session.Note(fmt::format("{} ...\n", doing)); };
}

absl::StatusOr<int> Fetch(Session& session, const std::vector<std::string>& names) {
  NORMLAB_ASSIGN_OR_RETURN(const auto datasets, FindAll(names));
  for (const DatasetInfo* dataset : datasets) {
    NORMLAB_RETURN_IF_ERROR(data::Fetch(*dataset, OwnDataDirectory(), DataDirectories(), ShowSteps(session)));
    session.Print(fmt::format("{} is here and verified\n", dataset->name));
  }
  return kExitOk;
}

std::function<void(std::int64_t, std::int64_t)> ShowBytes(ProgressLine& line) {
  return [&line](std::int64_t done, std::int64_t all) {
    line.Show(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(all));
  };
}

void PrintSkipped(Session& session, const data::SkippedByReason& skipped_by_reason) {
  if (skipped_by_reason.empty()) {
    session.Print("nothing was skipped\n");
    return;
  }
  TextTable table({"SKIPPED", "WHY", "FOR EXAMPLE"});
  for (const auto& [reason, skipped] : skipped_by_reason) {
    table.Add({fmt::to_string(skipped.count), reason, skipped.example});
  }
  session.Print(table.Render(session.out_colour(), session.table_width(), session.console().unicode));
}

absl::StatusOr<int> ImportQuestions(Session& session, const std::string& path) {
  ProgressLine progress(session.console(), "import cnn", "B");
  const auto imported = data::ImportCnn(path, OwnDataDirectory(), ShowBytes(progress));
  progress.Clear();
  NORMLAB_ASSIGN_OR_RETURN(const data::ClozeImport report, imported);
  for (std::size_t part = 0; part < std::size(data::kClozePartNames); ++part) {
    const std::int64_t questions = report.questions[part], kept = report.answers_kept[part];
    session.Print(fmt::format(
        "{}: {} questions, the answers of {} ({:.1f} %) are in the four sentences kept\n", data::kClozePartNames[part],
        questions, kept, questions == 0 ? 0.0 : 100.0 * static_cast<double>(kept) / static_cast<double>(questions)));
  }
  session.Print(fmt::format("stored in {} (sha256 {})\n", report.stored, report.sha256));
  PrintSkipped(session, report.skipped);
  return kExitOk;
}

absl::StatusOr<int> ImportRecordings(Session& session, const std::string& name, const std::string& path) {
  ProgressLine progress(session.console(), "import " + name, "B");
  const auto imported = data::ImportHandwriting(name, path, OwnDataDirectory(), ShowBytes(progress));
  progress.Clear();
  NORMLAB_ASSIGN_OR_RETURN(const data::ImportReport report, imported);
  session.Print(fmt::format("{} lines of {} writers, {} points, stored in {} (sha256 {})\n", report.lines,
                            report.writers, report.points, report.stored, report.sha256));
  PrintSkipped(session, report.skipped);
  return kExitOk;
}

// Its tokens, made now, so that no job waits for them.
absl::Status PrepareBooks(Session& session, const DatasetInfo& dataset) {
  SetThreads(std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxThreads));
  ProgressLine progress(session.console(), "tokenise " + dataset.name, "B");
  const auto prepared = data::LoadTextCorpus(dataset, {OwnDataDirectory()}, CacheDirectory(), ShowBytes(progress));
  progress.Clear();
  NORMLAB_ASSIGN_OR_RETURN(const data::TextCorpus corpus, prepared);
  session.Print(fmt::format("{} books, {} chapters, {} sentences, {} tokens, {} distinct\n", corpus.Books(),
                            corpus.Chapters(), corpus.Sentences(), corpus.tokens.size(), corpus.forms.size()));
  return absl::OkStatus();
}

absl::StatusOr<int> ImportTexts(Session& session, const DatasetInfo& dataset, const std::string& path) {
  ProgressLine progress(session.console(), "import " + dataset.name, "B");
  const auto imported = data::ImportText(dataset, path, OwnDataDirectory(), ShowBytes(progress));
  progress.Clear();
  NORMLAB_ASSIGN_OR_RETURN(const data::TextImportReport report, imported);
  session.Print(fmt::format("{}, stored in {} (sha256 {})\n", report.summary, report.stored, report.sha256));
  PrintSkipped(session, report.skipped);
  if (data::IsBooks(dataset)) {
    NORMLAB_RETURN_IF_ERROR(PrepareBooks(session, dataset));
  }
  return kExitOk;
}

absl::StatusOr<int> ImportCaptions(Session& session, const std::string& path) {
  ProgressLine progress(session.console(), "import coco", "B");
  const auto imported = data::ImportCoco(path, OwnDataDirectory(), ShowBytes(progress));
  progress.Clear();
  NORMLAB_ASSIGN_OR_RETURN(const data::CocoReport report, imported);
  session.Print(fmt::format("stored in {} (sha256 {})\n", report.stored, report.sha256));
  TextTable table({"SPLIT", "IMAGES", "CAPTIONS", "FEATURES", "SCALED TO LENGTH 1", "ALL FEATURES 0", "NO WORDS"});
  for (std::size_t i = 0; i < report.splits.size(); ++i) {
    const data::CocoReport::Split& split = report.splits[i];
    table.Add({std::string(data::kCocoSplits[i]), fmt::to_string(split.images),
               fmt::to_string(data::kCaptionsPerImage * split.images), fmt::to_string(split.features),
               fmt::to_string(split.rescaled), fmt::to_string(split.without_features),
               fmt::to_string(split.without_words)});
  }
  session.Print(table.Render(session.out_colour(), session.table_width(), session.console().unicode));
  return kExitOk;
}

absl::StatusOr<int> Import(Session& session, const std::string& name, const std::string& path) {
  NORMLAB_ASSIGN_OR_RETURN(const DatasetInfo* dataset, Find(name));
  if (data::IsImportedHandwriting(name)) {
    return ImportRecordings(session, name, path);
  }
  if (name == "coco") {
    return ImportCaptions(session, path);
  }
  if (name == "cnn") {
    return ImportQuestions(session, path);
  }
  if (data::IsImportedText(*dataset)) {
    return ImportTexts(session, *dataset, path);
  }
  NORMLAB_ASSIGN_OR_RETURN(const auto stored, data::Import(*dataset, path, OwnDataDirectory(), ShowSteps(session)));
  for (const std::string& file : stored) {
    session.Print(fmt::format("{} verified and stored in {}\n", file, OwnDataDirectory()));
  }
  return kExitOk;
}

}  // namespace

void AddData(CLI::App& app, Session& session) {
  CLI::App* group = AddLocalCommand(app, session,
                                    {kMore,
                                     "data",
                                     "Data sets on this machine: list, verify, fetch, import",
                                     {"normlab data list", "normlab data fetch mnist"},
                                     ""});
  group->require_subcommand(1);
  std::vector<std::string> names;
  for (const DatasetInfo& dataset : data::Datasets()) {
    names.push_back(dataset.name);
  }
  CLI::App* list = AddLocalCommand(*group, session,
                                   {kMore,
                                    "list",
                                    "Every data set: is it here, its licence, and how to get it",
                                    {"normlab data list", "normlab data list --json"},
                                    "datasets[]: name, title, licence, source, obtain, files_here, files_needed, lines "
                                    "(an import's records), sha256; directories[]."});
  list->callback([&session] { session.action = [&session] { return ListDatasets(session); }; });

  CLI::App* verify = AddLocalCommand(*group, session,
                                     {kMore,
                                      "verify",
                                      "Read every file and compare its SHA-256; exit code 1 if one is missing or wrong",
                                      {"normlab data verify", "normlab data verify mnist --json"},
                                      "files[]: dataset, file, state (ok, missing, wrong), path, detail; ok."});
  auto to_verify = std::make_shared<std::vector<std::string>>();
  AddChoices(session, *verify, "NAME", *to_verify, names, "data sets; none: all");
  verify->callback(
      [&session, to_verify] { session.action = [&session, to_verify] { return Verify(session, *to_verify); }; });

  CLI::App* fetch =
      AddLocalCommand(*group, session,
                      {kMore,
                       "fetch",
                       "Download, verify and store data sets; what is here already is not fetched again",
                       {"normlab data fetch mnist", "normlab data fetch mnist fashion_mnist", "normlab data fetch kjv"},
                       ""});
  auto to_fetch = std::make_shared<std::vector<std::string>>();
  AddChoices(session, *fetch, "NAME", *to_fetch, names, "data sets")->required();
  fetch->callback(
      [&session, to_fetch] { session.action = [&session, to_fetch] { return Fetch(session, *to_fetch); }; });

  CLI::App* import = AddLocalCommand(
      *group, session,
      {kMore,
       "import",
       "Verify and store files you already have: a folder, a tar or zip archive, or one file, plain or .gz",
       {"normlab data import mnist ~/Downloads/mnist", "normlab data import mnist train-images-idx3-ubyte.gz",
        "normlab data import mnist mnist.zip",
        "normlab data import iam_ondb ~/Downloads/iam   the official archives and split lists, as downloaded",
        "normlab data import cnn ~/Downloads/cnn.tgz",
        "normlab data import books ~/books   every .txt file in it a book"},
       ""});
  auto name = std::make_shared<std::string>();
  auto path = std::make_shared<std::string>();
  AddChoice(session, *import, "NAME", *name, names, "data set")->required();
  import->add_option("PATH", *path, "folder or file")->required()->type_name("");
  import->callback([&session, name, path] {
    session.action = [&session, name, path] { return Import(session, *name, *path);
};
}  // namespace normlab::client
);
}

}  // namespace normlab::client
