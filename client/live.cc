#include "client/live.h"

#include <fmt/format.h>

namespace normlab::client {

// To the first drawn line, and everything from there on blank.
std::string LiveLines::Erase() { return drawn_.empty() ? std::string() : fmt::format("\x1b[{}F\x1b[J", drawn_.size()); }

void LiveLines::Log(const std::string& line) {
  std::string text = Erase() + line + "\n";
  for (const std::string& below : drawn_) {
    text += below + "\n";
  }
  console_.err << text << std::flush;
}

void LiveLines::Draw(const std::vector<std::string>& lines) {
  if (!terminal() || lines == drawn_) {
    return;
  }
  // Over the old lines, each cleared to its end: erasing first would flicker.
  std::string text = drawn_.empty() ? "" : fmt::format("\x1b[{}F", drawn_.size());
  for (const std::string& line : lines) {
    text += line + "\x1b[K\n";
  }
  console_.err << text << "\x1b[J" << std::flush;
  drawn_ = lines;
}

void LiveLines::Clear() {
  console_.err << Erase() << std::flush;
  drawn_.clear();
}

void LiveLines::Report(const std::string& line, double now, double every) {
  if (terminal() || line == reported_ || (reported_at_ && now - *reported_at_ < every)) {
    return;
  }
  console_.err << line << "\n" << std::flush;
  reported_ = line;
  reported_at_ = now;
}

}  // namespace normlab::client
