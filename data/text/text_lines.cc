#include "data/text/text_lines.h"

#include <fmt/format.h>

#include <string>

#include "base/text.h"
#include "data/handwriting/text_cursor.h"
#include "data/text/unicode.h"

namespace normlab::data {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 16;  // bytes

}  // namespace

absl::Status VisitLines(std::string_view bytes, std::string_view source,
                        const std::function<absl::Status(std::size_t offset, std::string_view line)>& take) {
  if (const std::size_t nul = bytes.find('\0'); nul != std::string_view::npos) {
    return BadInput(source, nul, "a NUL byte; expected text");
  }
  const bool utf8 = !FirstBadUtf8(bytes).has_value();
  TextCursor cursor(bytes, source);
  while (!cursor.AtEnd()) {
    const std::size_t at = cursor.offset();
    const std::string_view line = cursor.Line();
    if (line.size() > kLongestLine) {
      return cursor.At(at, fmt::format("a line of {} bytes; expected at most {}", line.size(), kLongestLine));
    }
    NORMLAB_ASSIGN_OR_RETURN(std::string nfc, utf8 ? ToNfc(line, source) : Windows1252ToNfc(line, source));
    NORMLAB_RETURN_IF_ERROR(take(at, ToTypewriter(std::move(nfc))));
  }
  return absl::OkStatus();
}

}  // namespace normlab::data
