#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "data/handwriting/file_set.h"
#include "data/handwriting/import.h"
#include "data/handwriting/text_cursor.h"
#include "data/handwriting/unipen.h"

namespace normlab::data {
namespace {

constexpr std::int64_t kMaxTotalBytes = std::int64_t{1} << 31;
// C programs (att) and German (atu, abm).
constexpr std::array<std::string_view, 3> kNotEnglish = {"att", "atu", "abm"};

// Where in `path` the folder `name` is, counted behind its '/'; npos: nowhere.
std::size_t BehindFolder(std::string_view path, std::string_view name) {
  const std::string folder = std::string(name) + "/";
  if (path.starts_with(folder)) {
    return folder.size();
  }
  const std::size_t at = path.find("/" + folder);
  return at == std::string_view::npos ? at : at + folder.size() + 1;
}

// "8/sta/sta1/x.dat" -> "sta", the folder under the category; "" if there is none.
std::string_view Contributor(std::string_view behind_data) {
  const std::size_t category = behind_data.find('/');
  const std::size_t end = behind_data.find('/', category + 1);
  return category == std::string_view::npos || end == std::string_view::npos
             ? std::string_view()
             : behind_data.substr(category + 1, end - category - 1);
}

// `text` as one word of the cached form.
std::string OneWord(std::string text) {
  for (char& c : text) {
    c = IsPrintable(c) && c != ' ' ? c : '_';
  }
  return text.empty() ? "unipen" : text;
}

struct Box {
  PenPoint least, most;
};

Box BoxOf(const std::vector<Stroke>& strokes) {
  Box box{strokes.front().front(), strokes.front().front()};
  for (const Stroke& stroke : strokes) {
    for (const PenPoint& p : stroke) {
      box.least = {std::min(box.least.x, p.x), std::min(box.least.y, p.y)};
      box.most = {std::max(box.most.x, p.x), std::max(box.most.y, p.y)};
    }
  }
  return box;
}

// Why a line does not serve as one line of English running text; empty: it does.
std::string Unfit(const PenLine& line) {
  if (line.text.size() < 10 || line.text.find(' ') == std::string::npos) {
    return "segment of fewer than 10 characters or without a space";
  }
  if (!std::all_of(line.text.begin(), line.text.end(), IsPrintable)) {
    return "segment whose label is not printable ASCII";
  }
  if (line.strokes.empty() || PointCount(line) < 10) {
    return "segment with fewer than 10 points";
  }
  const Box box = BoxOf(line.strokes);
  const std::int64_t width = box.most.x - box.least.x, height = box.most.y - box.least.y;
  if (width <= 2 * height) {
    return "segment whose ink is not wider than twice its height";
  }
  for (std::size_t s = 1; s < line.strokes.size(); ++s) {
    const PenPoint from = line.strokes[s - 1].back(), to = line.strokes[s].front();
    if (2 * (from.x - to.x) > width && 4 * (from.y - to.y) > height) {
      return "segment whose ink is on more than one line";
    }
  }
  return "";
}

class UnipenImporter {
 public:
  absl::Status Take(const std::string& name, const std::string& where, std::string content) {
    total_ += static_cast<std::int64_t>(content.size());
    if (total_ > kMaxTotalBytes) {
      return absl::DataLossError(
          fmt::format("{}: with the files before it, more than {} bytes", where, kMaxTotalBytes));
    }
    if (const std::size_t behind = BehindFolder(name, "include"); behind != std::string::npos) {
      included_[name.substr(behind)] = std::move(content);
    } else if (const std::size_t data = BehindFolder(name, "data"); data != std::string::npos) {
      roots_[name.substr(data)] = {where, std::move(content)};
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ImportedLines> Finish(const std::string& path) {
    if (roots_.empty()) {
      return absl::NotFoundError(
          fmt::format("{}: no UNIPEN files; expected a folder that holds data/ (data/8/sta/...) and include/", path));
    }
    for (const auto& [name, root] : roots_) {
      AddFile(name, root);
    }
    if (result_.lines.empty()) {
      return NothingUsable(path, result_.skipped);
    }
    return std::move(result_);
  }

 private:
  struct Root {
    std::string where, content;
  };

  void Skip(const std::string& reason, const std::string& example) {
    Skipped& skipped = result_.skipped[reason];
    skipped.count += 1;
    skipped.example = skipped.example.empty() ? example : skipped.example;
  }

  void AddFile(const std::string& name, const Root& root) {
    const std::string contributor = OneWord(std::string(Contributor(name)));
    if (std::find(kNotEnglish.begin(), kNotEnglish.end(), contributor) != kNotEnglish.end()) {
      return Skip("file of a contributor whose texts are not English", root.where);
    }
    const UnipenResolver resolve = [this](std::string_view included) -> const std::string* {
      const auto it = included_.find(std::string(included));
      return it == included_.end() ? nullptr : &it->second;
    };
    const auto file = ParseUnipen(root.content, root.where, resolve);
    if (!file.ok()) {
      return Skip("file that cannot be read", Message(file.status()));
    }
    const std::string writer = WriterName(contributor, file->writer, name);
    for (const UnipenSegment& segment : file->segments) {
      AddSegment(*file, segment, contributor, writer, name);
    }
  }

  // Writers' names stay out of the cached file: they are numbered in the order of files.
  std::string WriterName(const std::string& contributor, const std::string& id, const std::string& file) {
    auto& known = writers_[contributor];
    const auto [it, is_new] = known.try_emplace(id.empty() ? file : id, known.size() + 1);
    return fmt::format("{}_w{:03}", contributor, it->second);
  }

  void AddSegment(const UnipenFile& file, const UnipenSegment& segment, const std::string& contributor,
                  const std::string& writer, const std::string& name) {
    const std::string where = fmt::format("{}:{} {}", name, segment.range, Quoted(segment.label));
    if (!segment.problem.empty()) {
      return Skip("segment that cannot be used: " + segment.problem, where);
    }
    if (segment.quality == "BAD") {
      return Skip("segment of quality BAD", where);
    }
    PenLine line{.part = contributor,
                 .writer = writer,
                 .origin = OneWord(fmt::format("{}:{}", name, segment.range)),
                 .points_per_second = 0.0,
                 .text = SqueezeSpaces(segment.label),
                 .strokes = {}};
    for (const UnipenSegment::Span span : segment.spans) {
      for (std::int64_t c = span.first; c <= span.last; ++c) {
        const UnipenComponent& component = file.components[static_cast<std::size_t>(c)];
        if (component.down) {
          line.points_per_second = component.points_per_second;
          line.strokes.push_back(component.points);
        }
      }
    }
    if (const std::string reason = Unfit(line); !reason.empty()) {
      return Skip(reason, where);
    }
    result_.lines.push_back(std::move(line));
  }

  static std::string SqueezeSpaces(std::string_view text) {
    std::string squeezed;
    for (const char c : Trim(text)) {
      if (c != ' ' || squeezed.back() != ' ') {
        squeezed += c;
      }
    }
    return squeezed;
  }

  std::map<std::string, std::string> included_;  // by the name .INCLUDE uses
  std::map<std::string, Root> roots_;            // by the path behind data/
  std::map<std::string, std::map<std::string, std::size_t>> writers_;
  std::int64_t total_ = 0;
  ImportedLines result_;
};

}  // namespace

absl::StatusOr<ImportedLines> ImportUnipen(const std::string& path, const ImportProgress& progress) {
  UnipenImporter importer;
  const FileVisitor visitor = {
      .wants =
          [](std::string_view name) {
            return BehindFolder(name, "include") != std::string::npos ||
                   BehindFolder(name, "data") != std::string::npos;
          },
      .take = [&](const std::string& name, const std::string& where,
                  std::string content) { return importer.Take(name, where, std::move(content)); },
      .progress = progress,
  };
  NORMLAB_RETURN_IF_ERROR(VisitFiles(path, visitor));
  return importer.Finish(path);
}

}  // namespace normlab::data
