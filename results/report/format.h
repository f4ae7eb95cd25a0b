// format.h - the formats results leave in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "results/report/document.h"

namespace normlab::report {

enum class Format { kTerminal, kTerminalVerbose, kMarkdown, kLatex, kCsv, kJson, kHtml, kSvg };
// "text/html; charset=utf-8"
std::string_view MediaType(Format format);

// Absent for kCsv, kJson and kSvg, which documents do not have. kTerminal is brief where a document says how to see the
// rest.
std::optional<std::string> RenderAs(const Document& document, Format format);

// kInvalidArgument: "a table has no such format; expected one of terminal, markdown"
absl::Status WrongFormat(std::string_view what, std::string_view formats);

}  // namespace normlab::report
