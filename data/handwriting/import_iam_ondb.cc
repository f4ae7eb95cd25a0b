#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "data/handwriting/file_set.h"
#include "data/handwriting/iam_ondb.h"
#include "data/handwriting/import.h"
#include "data/handwriting/text_cursor.h"

namespace normlab::data {
namespace {

constexpr std::array<std::string_view, 4> kSplits = {"trainset", "testset_v", "testset_t", "testset_f"};

// What a file is, by its name alone: archives differ in what they put above it.
enum class Kind { kOther, kLineStrokes, kTranscription, kWriter, kSplit };
struct Named {
  Kind kind = Kind::kOther;
  std::string form;   // "a01-000u"; empty for a split list
  int line = 0;       // from 1, for stroke files
  std::string split;  // "trainset"
};

Named Classify(std::string_view path) {
  const std::filesystem::path name(path);
  const std::string stem = name.stem().string();
  const std::string extension = name.extension().string();
  if (extension == ".txt") {
    if (std::find(kSplits.begin(), kSplits.end(), stem) != kSplits.end()) {
      return {.kind = Kind::kSplit, .form = "", .line = 0, .split = stem};
    }
    return IsFormId(stem) ? Named{.kind = Kind::kTranscription, .form = stem, .line = 0, .split = ""} : Named{};
  }
  if (extension != ".xml") {
    return {};
  }
  const std::string folder = name.parent_path().filename().string();
  if (stem.starts_with("strokes") && stem.size() <= 8 && IsFormId(folder + stem.substr(7))) {
    return {.kind = Kind::kWriter, .form = folder + stem.substr(7), .line = 0, .split = ""};
  }
  const std::size_t dash = stem.rfind('-');
  const auto line =
      dash == std::string::npos ? std::nullopt : ParseNumber<int>(std::string_view(stem).substr(dash + 1));
  return line.has_value() && *line > 0 && IsFormId(stem.substr(0, dash))
             ? Named{.kind = Kind::kLineStrokes, .form = stem.substr(0, dash), .line = *line, .split = ""}
             : Named{};
}

class Collector {
 public:
  absl::Status Take(const std::string& name, const std::string& where, std::string content) {
    const Named file = Classify(name);
    switch (file.kind) {
      case Kind::kLineStrokes:
        Keep(ParseLineStrokes(content, where), forms_[file.form].strokes[file.line], "stroke file cannot be read");
        break;
      case Kind::kTranscription:
        has_text_ = true;
        Keep(ParseTranscription(content, where), forms_[file.form].text, "transcription cannot be read");
        break;
      case Kind::kWriter:
        Keep(ParseFormWriter(content, where), forms_[file.form].writer, "writer of a form cannot be read");
        break;
      case Kind::kSplit: {
        // A wrong split list would put test lines into training: no import without it.
        NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> listed, ParseSplitList(content, where));
        splits_.insert(file.split);
        for (const std::string& form : listed) {
          forms_[form].part = file.split;
        }
        break;
      }
      case Kind::kOther:
        break;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ImportedLines> Finish(const std::string& path) {
    NORMLAB_RETURN_IF_ERROR(CheckComplete(path));
    for (auto& [id, form] : forms_) {
      if (Usable(id, form)) {
        AddLines(id, form);
      }
    }
    if (result_.lines.empty()) {
      return NothingUsable(path, result_.skipped);
    }
    return std::move(result_);
  }

 private:
  struct Form {
    std::map<int, std::vector<Stroke>> strokes;  // by line; empty: its file cannot be read
    std::vector<std::string> text;
    std::string writer, part;
  };

  template <typename T>
  void Keep(absl::StatusOr<T> parsed, T& kept, const std::string& reason) {
    if (parsed.ok()) {
      kept = std::move(parsed).value();
    } else {
      Skip(reason, 1, Message(parsed.status()));
    }
  }

  void Skip(const std::string& reason, std::int64_t count, const std::string& example) {
    Skipped& skipped = result_.skipped[reason];
    skipped.count += count;
    skipped.example = skipped.example.empty() ? example : skipped.example;
  }

  absl::Status CheckComplete(const std::string& path) const {
    const bool has_strokes =
        std::any_of(forms_.begin(), forms_.end(), [](auto& f) { return !f.second.strokes.empty(); });
    std::string missing = has_strokes ? "" : "lineStrokes (lineStrokes-all.tar.gz)";
    missing += has_text_ ? "" : fmt::format("{}ascii (ascii-all.tar.gz)", missing.empty() ? "" : ", ");
    for (const std::string_view split : kSplits) {
      missing +=
          splits_.contains(std::string(split)) ? "" : fmt::format("{}{}.txt", missing.empty() ? "" : ", ", split);
    }
    return missing.empty() ? absl::OkStatus()
                           : absl::NotFoundError(fmt::format(
                                 "{}: IAM-OnDB's {} not found there; put the official archives and the four split "
                                 "lists into one folder and name that",
                                 path, missing));
  }

  bool Usable(const std::string& id, const Form& form) {
    const auto lines = static_cast<std::int64_t>(form.strokes.size());
    if (lines == 0) {
      if (!form.part.empty()) {
        Skip("form of a split list without stroke files", 1, id);
      }
      return false;
    }
    if (form.part.empty()) {
      Skip("line of a form that no split list names", lines, id);
      return false;
    }
    if (form.text.size() != form.strokes.size()) {
      Skip("line of a form whose text lines and stroke files differ in number", lines,
           fmt::format("{}: {} lines of text, {} stroke files", id, form.text.size(), lines));
      return false;
    }
    return true;
  }

  void AddLines(const std::string& id, Form& form) {
    if (form.writer.empty()) {
      Skip("writer unknown (the form is kept, its id stands for the writer)", 1, id);
    }
    std::size_t index = 0;
    for (auto& [number, strokes] : form.strokes) {
      const std::string& text = form.text[index++];
      const std::string name = fmt::format("{}-{:02}", id, number);
      if (!std::all_of(text.begin(), text.end(), IsPrintable)) {
        Skip("line whose text is not printable ASCII", 1, fmt::format("{}: {}", name, Quoted(text)));
      } else if (!strokes.empty()) {
        result_.lines.push_back({.part = form.part,
                                 .writer = form.writer.empty() ? "form-" + id : form.writer,
                                 .origin = name,
                                 .points_per_second = 0.0,
                                 .text = text,
                                 .strokes = std::move(strokes)});
      }
    }
  }

  std::map<std::string, Form> forms_;
  std::set<std::string> splits_;
  bool has_text_ = false;
  ImportedLines result_;
};

}  // namespace

absl::StatusOr<ImportedLines> ImportIamOnDb(const std::string& path, const ImportProgress& progress) {
  Collector collector;
  const FileVisitor visitor = {
      .wants = [](std::string_view name) { return Classify(name).kind != Kind::kOther; },
      .take = [&](const std::string& name, const std::string& where,
                  std::string content) { return collector.Take(name, where, std::move(content)); },
      .progress = progress,
  };
  NORMLAB_RETURN_IF_ERROR(VisitFiles(path, visitor));
  return collector.Finish(path);
}

}  // namespace normlab::data
