#include "data/handwriting/iam_ondb.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/handwriting/text_cursor.h"
#include "data/handwriting/xml.h"

namespace normlab::data {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }

class LineStrokesHandler : public XmlHandler {
 public:
  absl::Status Start(const XmlElement& element) override {
    if (element.name == "Stroke") {
      if (in_stroke_) {
        return absl::DataLossError("a <Stroke> inside a <Stroke>");
      }
      in_stroke_ = true;
      strokes_.emplace_back();
    } else if (element.name == "Point") {
      return AddPoint(element);
    }
    return absl::OkStatus();
  }

  absl::Status End(std::string_view name) override {
    if (name == "Stroke") {
      in_stroke_ = false;
      if (strokes_.back().empty()) {
        strokes_.pop_back();
      }
    }
    return absl::OkStatus();
  }

  std::vector<Stroke>& strokes() { return strokes_; }

 private:
  absl::Status AddPoint(const XmlElement& element) {
    if (!in_stroke_) {
      return absl::DataLossError("a <Point> outside a <Stroke>");
    }
    PenPoint point;
    NORMLAB_RETURN_IF_ERROR(Coordinate(element, "x", point.x));
    NORMLAB_RETURN_IF_ERROR(Coordinate(element, "y", point.y));
    point.y = -point.y;  // the whiteboard counts y downwards
    strokes_.back().push_back(point);
    return absl::OkStatus();
  }

  static absl::Status Coordinate(const XmlElement& element, std::string_view name, std::int32_t& value) {
    const std::string_view text = element.Find(name).value_or("");
    const auto number = ParseNumber<std::int32_t>(text);
    if (!number.has_value() || *number < -kMaxCoordinate || *number > kMaxCoordinate) {
      return absl::DataLossError(fmt::format("<Point {}={}>: expected an integer within +-{}", name,
                                             text.empty() ? "missing" : Quoted(text), kMaxCoordinate));
    }
    value = *number;
    return absl::OkStatus();
  }

  std::vector<Stroke> strokes_;
  bool in_stroke_ = false;
};

class WriterHandler : public XmlHandler {
 public:
  absl::Status Start(const XmlElement& element) override {
    if (const auto id = element.Find("writerID"); id.has_value() && writer_.empty()) {
      const bool good = !id->empty() && id->size() <= 32 &&
                        std::all_of(id->begin(), id->end(), [](char c) { return c != ' ' && IsPrintable(c); });
      if (!good) {
        return absl::DataLossError(fmt::format("writerID={}: expected up to 32 ASCII characters", Quoted(*id)));
      }
      writer_ = std::string(*id);
    }
    return absl::OkStatus();
  }
  absl::Status End(std::string_view) override { return absl::OkStatus(); }
  const std::string& writer() const { return writer_; }

 private:
  std::string writer_;
};

}  // namespace

absl::StatusOr<std::vector<Stroke>> ParseLineStrokes(std::string_view xml, std::string_view source) {
  LineStrokesHandler handler;
  NORMLAB_RETURN_IF_ERROR(ParseXml(xml, source, handler));
  if (handler.strokes().empty()) {
    return BadInput(source, xml.size(), "the file ends without a <Point>");
  }
  return std::move(handler.strokes());
}

absl::StatusOr<std::string> ParseFormWriter(std::string_view xml, std::string_view source) {
  WriterHandler handler;
  NORMLAB_RETURN_IF_ERROR(ParseXml(xml, source, handler));
  if (handler.writer().empty()) {
    return BadInput(source, xml.size(), "the file ends without a writerID");
  }
  return handler.writer();
}

absl::StatusOr<std::vector<std::string>> ParseTranscription(std::string_view text, std::string_view source) {
  TextCursor in(text, source);
  bool found = false;
  while (!found && !in.AtEnd()) {
    found = Trim(in.Line()) == "CSR:";
  }
  if (!found) {
    return in.At(in.offset(), "the file ends without a line 'CSR:'");
  }
  std::vector<std::string> lines;
  while (!in.AtEnd()) {
    if (const std::string_view line = Trim(in.Line()); !line.empty()) {
      lines.emplace_back(line);
    }
  }
  if (lines.empty()) {
    return in.At(in.offset(), "the file ends without a line of text after 'CSR:'");
  }
  return lines;
}

bool IsFormId(std::string_view id) {
  return (id.size() == 7 || (id.size() == 8 && IsLower(id[7]))) && IsLower(id[0]) && IsDigit(id[1]) && IsDigit(id[2]) &&
         id[3] == '-' && IsDigit(id[4]) && IsDigit(id[5]) && IsDigit(id[6]);
}

absl::StatusOr<std::vector<std::string>> ParseSplitList(std::string_view text, std::string_view source) {
  TextCursor in(text, source);
  std::vector<std::string> forms;
  while (!in.AtEnd()) {
    const std::size_t at = in.offset();
    const std::string_view id = Trim(in.Line());
    if (id.empty()) {
      continue;
    }
    if (!IsFormId(id)) {
      return in.At(at, fmt::format("{} is no form id; expected one like a01-000u", Quoted(id)));
    }
    forms.emplace_back(id);
  }
  return forms;
}

}  // namespace normlab::data
