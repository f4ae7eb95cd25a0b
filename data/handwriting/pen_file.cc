#include "data/handwriting/pen_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "data/handwriting/text_cursor.h"

namespace normlab::data {
namespace {

constexpr std::size_t kLeastBytesPerPoint = 4;   // "0 0 "
constexpr std::size_t kLeastBytesPerStroke = 6;  // "1 0 0\n"

class PenFileReader {
 public:
  PenFileReader(std::string_view content, std::string_view source) : in_(content, source) {}

  absl::StatusOr<std::vector<PenLine>> Read() {
    std::vector<PenLine> lines;
    while (!in_.AtEnd()) {
      PenLine line;
      NORMLAB_RETURN_IF_ERROR(ReadHeader(line));
      NORMLAB_RETURN_IF_ERROR(ReadText(line));
      NORMLAB_RETURN_IF_ERROR(ReadStrokes(line));
      lines.push_back(std::move(line));
    }
    return lines;
  }

 private:
  absl::Status Expect(std::string_view keyword) {
    const std::size_t at = in_.offset();
    const std::string_view word = in_.Word();
    return word == keyword ? absl::OkStatus() : in_.At(at, fmt::format("found {}, expected {}", Quoted(word), keyword));
  }

  absl::Status EndLine() {
    const std::size_t at = in_.offset();
    const std::string_view rest = in_.Line();
    return Trim(rest).empty() ? absl::OkStatus()
                              : in_.At(at, fmt::format("{} follows what should end the line", Quoted(rest)));
  }

  template <typename T>
  absl::Status ReadNumber(T least, T most, std::string_view what, T& value) {
    const std::string_view word = in_.Word();
    const std::optional<T> parsed = ParseNumber<T>(word);
    if (!parsed.has_value() || *parsed < least || *parsed > most) {
      return in_.At(in_.offset() - word.size(),
                    fmt::format("{} is {}, expected a number from {} to {}", what, Quoted(word), least, most));
    }
    value = *parsed;
    return absl::OkStatus();
  }

  absl::Status ReadWord(std::string_view what, std::string& value) {
    const std::size_t at = in_.offset();
    value = std::string(in_.Word());
    const bool good = !value.empty() && std::all_of(value.begin(), value.end(), IsPrintable);
    return good ? absl::OkStatus() : in_.At(at, fmt::format("{} is missing or not ASCII: {}", what, Quoted(value)));
  }

  absl::Status ReadHeader(PenLine& line) {
    NORMLAB_RETURN_IF_ERROR(Expect("LINE"));
    std::int64_t number = 0;
    NORMLAB_RETURN_IF_ERROR(ReadNumber<std::int64_t>(0, INT32_MAX, "the line's number", number));
    NORMLAB_RETURN_IF_ERROR(ReadWord("the part", line.part));
    NORMLAB_RETURN_IF_ERROR(ReadWord("the writer", line.writer));
    NORMLAB_RETURN_IF_ERROR(ReadNumber(0.0, 1e6, "points per second", line.points_per_second));
    std::string kind, range;
    NORMLAB_RETURN_IF_ERROR(ReadWord("the kind", kind));
    NORMLAB_RETURN_IF_ERROR(ReadWord("the origin", line.origin));
    NORMLAB_RETURN_IF_ERROR(ReadWord("the component range", range));
    line.origin += ":" + range;
    return EndLine();
  }

  absl::Status ReadText(PenLine& line) {
    NORMLAB_RETURN_IF_ERROR(Expect("TEXT"));
    const std::size_t at = in_.offset();
    const std::string_view text = in_.Line();
    line.text = std::string(Trim(text));
    const auto odd = std::find_if_not(line.text.begin(), line.text.end(), IsPrintable);
    if (odd != line.text.end()) {
      return in_.At(at, fmt::format("the text {} has byte {:#04x}, expected printable ASCII", Quoted(line.text),
                                    static_cast<unsigned char>(*odd)));
    }
    return absl::OkStatus();
  }

  // A count that the bytes left can hold; `least_bytes` each.
  absl::Status ReadCount(std::size_t least_bytes, std::string_view what, std::size_t& count) {
    // One more: the last line of a file may lack its line break.
    return ReadNumber<std::size_t>(1, (in_.left() + 1) / least_bytes, what, count);
  }

  absl::Status ReadStrokes(PenLine& line) {
    NORMLAB_RETURN_IF_ERROR(Expect("STROKES"));
    std::size_t strokes = 0;
    NORMLAB_RETURN_IF_ERROR(ReadCount(kLeastBytesPerStroke, "the number of strokes", strokes));
    NORMLAB_RETURN_IF_ERROR(EndLine());
    line.strokes.reserve(strokes);
    for (std::size_t s = 0; s < strokes; ++s) {
      std::size_t points = 0;
      NORMLAB_RETURN_IF_ERROR(ReadCount(kLeastBytesPerPoint, "the number of points", points));
      Stroke stroke(points);
      for (PenPoint& point : stroke) {
        NORMLAB_RETURN_IF_ERROR(ReadNumber(-kMaxCoordinate, kMaxCoordinate, "x", point.x));
        NORMLAB_RETURN_IF_ERROR(ReadNumber(-kMaxCoordinate, kMaxCoordinate, "y", point.y));
      }
      NORMLAB_RETURN_IF_ERROR(EndLine());
      line.strokes.push_back(std::move(stroke));
    }
    return absl::OkStatus();
  }

  TextCursor in_;
};

PenPoint LeastCorner(const PenLine& line) {
  PenPoint least = line.strokes.front().front();
  for (const Stroke& stroke : line.strokes) {
    for (const PenPoint& point : stroke) {
      least = {std::min(least.x, point.x), std::min(least.y, point.y)};
    }
  }
  return least;
}

}  // namespace

absl::StatusOr<std::vector<PenLine>> ParsePenFile(std::string_view content, std::string_view source) {
  return PenFileReader(content, source).Read();
}

std::string FormatPenFile(const std::vector<PenLine>& lines) {
  std::string out;
  const auto to = std::back_inserter(out);
  std::int64_t number = 0;
  for (const PenLine& line : lines) {
    const std::size_t colon = line.origin.rfind(':');
    const bool has_range = colon != std::string::npos && colon > 0 && colon + 1 < line.origin.size();
    fmt::format_to(to, "LINE {} {} {} {} core {} {}\nTEXT {}\nSTROKES {}\n", ++number, line.part, line.writer,
                   line.points_per_second, line.origin.substr(0, has_range ? colon : std::string::npos),
                   has_range ? line.origin.substr(colon + 1) : fmt::format("0-{}", line.strokes.size() - 1), line.text,
                   line.strokes.size());
    const PenPoint corner = LeastCorner(line);
    for (const Stroke& stroke : line.strokes) {
      fmt::format_to(to, "{}", stroke.size());
      for (const PenPoint& point : stroke) {
        fmt::format_to(to, " {} {}", point.x - corner.x, point.y - corner.y);
      }
      out += '\n';
    }
  }
  return out;
}

}  // namespace normlab::data
