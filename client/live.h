// live.h - lines at the bottom of a terminal that are redrawn in place, with lasting lines scrolling above them.
//
// Where there is no terminal (a pipe, a log, CI), lasting lines are printed as they come and of the rest only a short
// text line every few seconds.
//
// One thread. Lines must not be wider than the terminal: the drawer counts them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/console.h"

namespace normlab::client {

class LiveLines {
 public:
  explicit LiveLines(Console& console) : console_(console) {}
  // Leaves the last drawing where it is.
  ~LiveLines() = default;

  bool terminal() const { return console_.err_is_terminal; }

  // A line that stays.
  void Log(const std::string& line);
  // Replaces what was drawn before. Terminal only.
  void Draw(const std::vector<std::string>& lines);
  // Removes what was drawn.
  void Clear();
  // Prints `line` if none was printed for `every` seconds and it differs from the last. No terminal only.
  void Report(const std::string& line, double now, double every);

 private:
  std::string Erase();

  Console& console_;
  std::vector<std::string> drawn_;
  std::string reported_;
  std::optional<double> reported_at_;
};

}  // namespace normlab::client
