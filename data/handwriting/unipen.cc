#include "data/handwriting/unipen.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "data/handwriting/text_cursor.h"

namespace normlab::data {
namespace {

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsKeywordLine(std::string_view line) { return line.size() > 1 && line[0] == '.' && IsUpper(line[1]); }

using Span = UnipenSegment::Span;

// "0-18,20,22-23" as spans; nothing if it is anything else ("3:5-4:7" cuts components, which no TEXT segment needs).
std::optional<std::vector<Span>> ParseRange(std::string_view range) {
  std::vector<Span> spans;
  while (!range.empty()) {
    const std::string_view item = range.substr(0, range.find(','));
    range.remove_prefix(std::min(item.size() + 1, range.size()));
    const std::size_t dash = item.find('-');
    const auto first = ParseNumber<std::int64_t>(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : ParseNumber<std::int64_t>(item.substr(dash + 1));
    const std::int64_t least = spans.empty() ? 0 : spans.back().last + 1;
    if (!first.has_value() || !last.has_value() || *first < least || *first > *last) {
      return std::nullopt;
    }
    spans.push_back({*first, *last});
  }
  return spans.empty() ? std::nullopt : std::optional(std::move(spans));
}

// The label between quotes, \" and \\ undone; nothing without a closing quote.
std::optional<std::string> ParseLabel(std::string_view text) {
  const std::size_t open = text.find('"');
  if (open == std::string_view::npos) {
    return std::nullopt;
  }
  std::string label;
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      return label;
    }
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
    }
    label += IsBlank(text[i]) ? ' ' : text[i];
  }
  return std::nullopt;
}

// One keyword with the text up to the next keyword.
struct Entry {
  std::string_view keyword;  // without the dot
  std::string_view body;
  std::size_t keyword_at = 0, body_at = 0;
};

// Cuts a file into entries; text before the first keyword is skipped.
std::optional<Entry> NextEntry(std::string_view content, std::size_t& offset) {
  TextCursor in(content.substr(offset), "");
  std::size_t begin = 0;
  std::string_view line = in.Line();
  while (!IsKeywordLine(line)) {
    if (in.AtEnd()) {
      return std::nullopt;
    }
    begin = in.offset();
    line = in.Line();
  }
  std::size_t end = in.offset();
  while (!in.AtEnd() && !IsKeywordLine(in.Line())) {
    end = in.offset();
  }
  Entry entry;
  entry.keyword_at = offset + begin;
  const std::string_view whole = content.substr(entry.keyword_at, end - begin);
  TextCursor words(whole, "");
  entry.keyword = words.Word().substr(1);
  entry.body = whole.substr(words.offset());
  entry.body_at = entry.keyword_at + words.offset();
  offset += end;
  return entry;
}

class UnipenReader {
 public:
  UnipenReader(const UnipenResolver& resolve, UnipenLimits limits) : resolve_(resolve), limits_(limits) {}

  absl::Status ReadText(std::string_view content, std::string_view source, int depth) {
    bytes_ += static_cast<std::int64_t>(content.size());
    if (bytes_ > limits_.max_bytes) {
      return BadInput(source, 0, fmt::format("with its included files it exceeds {} bytes", limits_.max_bytes));
    }
    std::size_t offset = 0;
    while (const std::optional<Entry> entry = NextEntry(content, offset)) {
      NORMLAB_RETURN_IF_ERROR(Take(*entry, source, depth));
    }
    return absl::OkStatus();
  }

  UnipenFile Finish() {
    for (UnipenSegment& segment : file_.segments) {
      if (segment.problem.empty() && segment.spans.back().last >= static_cast<std::int64_t>(file_.components.size())) {
        segment.problem = "it names a component that is not in the file";
      }
    }
    return std::move(file_);
  }

 private:
  absl::Status Take(const Entry& entry, std::string_view source, int depth) {
    if (entry.keyword == "INCLUDE") {
      return Include(entry, source, depth);
    }
    if (entry.keyword == "COORD") {
      return SetColumns(entry, source);
    }
    if (entry.keyword == "PEN_DOWN" || entry.keyword == "PEN_UP") {
      return AddComponent(entry, source);
    }
    if (entry.keyword == "POINTS_PER_SECOND") {
      const auto rate = ParseNumber<double>(FirstWord(entry.body));
      if (!rate.has_value() || *rate < 0 || *rate > 1e6) {
        return BadInput(
            source, entry.body_at,
            fmt::format(".POINTS_PER_SECOND {}: expected a number from 0 to 1e6", Quoted(FirstWord(entry.body))));
      }
      points_per_second_ = *rate;
    } else if (entry.keyword == "WRITER_ID") {
      file_.writer = std::string(Trim(TextCursor(entry.body, source).Line()));
    } else if (entry.keyword == "SEGMENT") {
      AddSegment(entry.body);
    }
    return absl::OkStatus();
  }

  static std::string_view FirstWord(std::string_view body) {
    const std::string_view text = Trim(body);
    return TextCursor(text, "").Word();
  }

  absl::Status Include(const Entry& entry, std::string_view source, int depth) {
    const std::string name(Trim(entry.body));
    if (depth >= limits_.max_depth) {
      return BadInput(source, entry.keyword_at,
                      fmt::format(".INCLUDE {}: files nested more than {} deep", Quoted(name), limits_.max_depth));
    }
    const std::string* content = resolve_(name);
    if (content == nullptr) {
      return BadInput(source, entry.keyword_at, fmt::format(".INCLUDE {}: there is no such file", Quoted(name)));
    }
    return ReadText(*content, name, depth + 1);
  }

  absl::Status SetColumns(const Entry& entry, std::string_view source) {
    const std::string_view body = Trim(entry.body);
    TextCursor in(body, source);
    std::size_t columns = 0;
    std::optional<std::size_t> x, y;
    for (std::string_view word = in.Word(); !word.empty(); word = in.Word(), ++columns) {
      if (word == "X") {
        x = columns;
      } else if (word == "Y") {
        y = columns;
      }
    }
    if (!x.has_value() || !y.has_value()) {
      return BadInput(source, entry.body_at, fmt::format(".COORD {}: expected columns X and Y", Quoted(body)));
    }
    columns_ = columns;
    x_ = *x;
    y_ = *y;
    return absl::OkStatus();
  }

  absl::Status AddComponent(const Entry& entry, std::string_view source) {
    UnipenComponent component{
        .down = entry.keyword == "PEN_DOWN", .points_per_second = points_per_second_, .points = {}};
    TextCursor in(entry.body, source);
    PenPoint point;
    std::size_t column = 0;
    while (!in.AtEnd()) {
      const std::string_view word = in.Word();
      if (word.empty()) {
        in.Line();
        continue;
      }
      const auto number = ParseNumber<double>(word);
      if (!number.has_value() || std::abs(*number) > kMaxCoordinate) {
        return BadInput(
            source, entry.body_at + in.offset() - word.size(),
            fmt::format("{} in .{}: expected a number within +-{}", Quoted(word), entry.keyword, kMaxCoordinate));
      }
      const auto rounded = static_cast<std::int32_t>(std::lround(*number));
      point.x = column == x_ ? rounded : point.x;
      point.y = column == y_ ? rounded : point.y;
      if (++column == columns_) {
        component.points.push_back(point);
        column = 0;
      }
    }
    if (column != 0) {
      return BadInput(source, entry.body_at + entry.body.size(),
                      fmt::format(".{} ends after {} of {} columns of a point", entry.keyword, column, columns_));
    }
    if (!component.points.empty()) {
      file_.components.push_back(std::move(component));
    }
    return absl::OkStatus();
  }

  void AddSegment(std::string_view body) {
    const std::string joined = JoinedLines(body);
    TextCursor in(joined, "");
    if (in.Word() != "TEXT") {
      return;
    }
    UnipenSegment segment;
    segment.range = std::string(in.Word());
    const std::string_view rest = Trim(std::string_view(joined).substr(in.offset()));
    segment.quality = rest.starts_with('"') ? "?" : std::string(TextCursor(rest, "").Word());
    const auto range = ParseRange(segment.range);
    const auto label = ParseLabel(rest);
    segment.spans = range.value_or(std::vector<Span>{});
    segment.label = label.value_or("");
    segment.problem = !range.has_value()   ? "its range is not like 0-18 or 3,5-9"
                      : !label.has_value() ? "it has no label in quotes"
                                           : "";
    file_.segments.push_back(std::move(segment));
  }

  static std::string JoinedLines(std::string_view body) {
    std::string joined(body);
    for (char& c : joined) {
      c = IsBlank(c) ? ' ' : c;
    }
    return joined;
  }

  const UnipenResolver& resolve_;
  UnipenLimits limits_;
  UnipenFile file_;
  std::int64_t bytes_ = 0;
  double points_per_second_ = 0.0;
  std::size_t columns_ = 2, x_ = 0, y_ = 1;
};

}  // namespace

absl::StatusOr<UnipenFile> ParseUnipen(std::string_view content, std::string_view source, const UnipenResolver& resolve,
                                       UnipenLimits limits) {
  UnipenReader reader(resolve, limits);
  NORMLAB_RETURN_IF_ERROR(reader.ReadText(content, source, 0));
  return reader.Finish();
}

}  // namespace normlab::data
