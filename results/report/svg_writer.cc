#include "results/report/svg_writer.h"

#include <fmt/format.h>

#include <cmath>

#include "results/report/text.h"

namespace normlab::report {

std::string EscapeXml(std::string_view text) {
  std::string escaped;
  for (char c : Printable(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Px(double value) {
  const double rounded = std::round(value * 10) / 10;
  return fmt::format("{}", rounded == 0 ? 0.0 : rounded);
}

void SvgWriter::Begin(std::string_view element, Attributes attributes) {
  out_ += fmt::format("<{}", element);
  for (const auto& [name, value] : attributes) {
    out_ += fmt::format(" {}=\"{}\"", name, EscapeXml(value));
  }
}

void SvgWriter::Open(std::string_view element, Attributes attributes) {
  Begin(element, attributes);
  out_ += ">\n";
}

void SvgWriter::Close(std::string_view element) { out_ += fmt::format("</{}>\n", element); }

void SvgWriter::Leaf(std::string_view element, Attributes attributes) {
  Begin(element, attributes);
  out_ += "/>\n";
}

void SvgWriter::Text(std::string_view content, Attributes attributes) { Element("text", content, attributes); }

void SvgWriter::Element(std::string_view element, std::string_view content, Attributes attributes) {
  Begin(element, attributes);
  out_ += fmt::format(">{}</{}>\n", EscapeXml(content), element);
}

}  // namespace normlab::report
