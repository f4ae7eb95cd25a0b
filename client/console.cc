#include "client/console.h"

#include <fmt/format.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdlib>
#include <iostream>

#include "base/descriptor.h"
#include "client/output.h"

namespace normlab::client {
namespace {

winsize TerminalSize() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    size.ws_col = 100;
    size.ws_row = 30;
  }
  return size;
}

int Code(Paint paint) {
  switch (paint) {
    case Paint::kPlain:
      return 0;
    case Paint::kBold:
      return 1;
    case Paint::kDim:
      return 2;
    case Paint::kRed:
      return 31;
    case Paint::kGreen:
      return 32;
    case Paint::kYellow:
      return 33;
    case Paint::kBlue:
      return 34;
    case Paint::kMagenta:
      return 35;
    case Paint::kCyan:
      return 36;
  }
  return 0;
}

}  // namespace

Console Console::Standard(std::stop_token stop) {
  static DescriptorBuffer buffer(STDOUT_FILENO, std::move(stop));
  static std::ostream out(&buffer);
  std::setlocale(LC_CTYPE, "");
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  Console console{out, std::cerr};
  console.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  console.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  console.colour = !dumb && (no_color == nullptr || *no_color == '\0');
  console.err_is_terminal = console.err_is_terminal && !dumb;  // nothing can be redrawn there
  console.unicode = std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
  return console;
}

absl::Status Console::Flush() {
  if (out.flush()) {
    return absl::OkStatus();
  }
  const auto* buffer = dynamic_cast<const DescriptorBuffer*>(out.rdbuf());
  return CannotWrite("to stdout", buffer != nullptr ? buffer->error() : EIO);
}

int Console::Width() const { return fixed_width > 0 ? fixed_width : TerminalSize().ws_col; }
int Console::Height() const { return fixed_width > 0 ? 30 : TerminalSize().ws_row; }

std::string Painted(std::string_view text, Paint paint, bool colour) {
  if (!colour || paint == Paint::kPlain || text.empty()) {
    return std::string(text);
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", Code(paint), text);
}

}  // namespace normlab::client
