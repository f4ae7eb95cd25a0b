#include "results/report/format.h"

#include <fmt/format.h>

namespace normlab::report {

std::string_view MediaType(Format format) {
  switch (format) {
    case Format::kTerminal:
    case Format::kTerminalVerbose:
      return "text/plain; charset=utf-8";
    case Format::kMarkdown:
      return "text/markdown; charset=utf-8";
    case Format::kLatex:
      return "application/x-latex; charset=utf-8";
    case Format::kCsv:
      return "text/csv; charset=utf-8";
    case Format::kJson:
      return "application/json";
    case Format::kHtml:
      return "text/html; charset=utf-8";
    case Format::kSvg:
      return "image/svg+xml";
  }
  return "application/octet-stream";
}

std::optional<std::string> RenderAs(const Document& document, Format format) {
  switch (format) {
    case Format::kTerminal:
      return document.details.empty() ? RenderTerminal(document) : RenderBrief(document);
    case Format::kTerminalVerbose:
      return RenderTerminal(document);
    case Format::kMarkdown:
      return RenderMarkdown(document);
    case Format::kLatex:
      return RenderLatex(document);
    case Format::kHtml:
      return RenderHtml(document);
    default:
      return std::nullopt;
  }
}

absl::Status WrongFormat(std::string_view what, std::string_view formats) {
  return absl::InvalidArgumentError(fmt::format("a {} has no such format; expected one of {}", what, formats));
}

}  // namespace normlab::report
