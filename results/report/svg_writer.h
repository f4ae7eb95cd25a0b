// svg_writer.h - SVG elements as text: attributes escaped, coordinates with one decimal, the same bytes everywhere.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace normlab::report {

// Escapes text for SVG and HTML, in elements and in quoted attributes. Control characters become U+FFFD.
std::string EscapeXml(std::string_view text);

// A coordinate in pixels: "12.5", "-3", never "-0".
std::string Px(double value);

class SvgWriter {
 public:
  using Attributes = std::initializer_list<std::pair<std::string_view, std::string>>;

  void Open(std::string_view element, Attributes attributes);  // <g class="x">
  void Close(std::string_view element);                        // </g>
  void Leaf(std::string_view element, Attributes attributes);  // <path d=".."/>
  void Text(std::string_view content, Attributes attributes);  // <text x="..">..</text>
  void Element(std::string_view element, std::string_view content, Attributes attributes = {});
  void Raw(std::string_view markup) { out_ += markup; }
  std::string Take() { return std::move(out_); }

 private:
  void Begin(std::string_view element, Attributes attributes);
  std::string out_;
};

}  // namespace normlab::report
