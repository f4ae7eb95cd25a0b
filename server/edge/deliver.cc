#include "server/edge/deliver.h"

#include <fmt/format.h>

#include "base/svg_png.h"
#include "server/edge/errors.h"

namespace normlab::server {

absl::StatusOr<report::Format> ReadFormat(v1::Format format, report::Format if_unset) {
  switch (format) {
    case v1::FORMAT_UNSPECIFIED:
      return if_unset;
    case v1::FORMAT_TERMINAL:
      return report::Format::kTerminal;
    case v1::FORMAT_TERMINAL_VERBOSE:
      return report::Format::kTerminalVerbose;
    case v1::FORMAT_MARKDOWN:
      return report::Format::kMarkdown;
    case v1::FORMAT_LATEX:
      return report::Format::kLatex;
    case v1::FORMAT_CSV:
      return report::Format::kCsv;
    case v1::FORMAT_JSON:
      return report::Format::kJson;
    case v1::FORMAT_HTML:
      return report::Format::kHtml;
    case v1::FORMAT_SVG:
      return report::Format::kSvg;
    default:
      return BadField("format", fmt::format("is {}; expected a Format", static_cast<int>(format)));
  }
}

absl::StatusOr<std::string> PngOf(const std::string& svg) {
  constexpr double kScale = 2;
  return SvgToPng(svg, kScale);
}

}  // namespace normlab::server
