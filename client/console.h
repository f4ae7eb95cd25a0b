// console.h - where `normlab` writes: results to out, progress and errors to err; colours only where they belong.
//
// One thread writes at a time: the command's own.
#pragma once

#include <ostream>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::client {

enum class Paint { kPlain, kBold, kDim, kRed, kGreen, kYellow, kBlue, kMagenta, kCyan };

struct Console {
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool colour = false;  // for whatever goes to a terminal; false with NO_COLOR or TERM=dumb
  bool unicode = true;  // the locale is UTF-8
  int fixed_width = 0;  // tests; 0: ask the terminal

  // stdout and stderr of this process; call once. Honours NO_COLOR (no-color.org), TERM=dumb and the locale. Waiting for
  // a reader of stdout ends with `stop`.
  static Console Standard(std::stop_token stop);

  // Hands on what is still buffered for out. Says why if anything written so far could not be; kCancelled after a stop.
  absl::Status Flush();

  // Columns and rows of the terminal now (it may be resized); 100 x 30 if there is none.
  int Width() const;
  int Height() const;
};

// `text` between the escape sequences of `paint` if `colour`, else as it is.
std::string Painted(std::string_view text, Paint paint, bool colour);

}  // namespace normlab::client
