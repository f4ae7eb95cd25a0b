// progress_line.h - how far one long command is: a bar that is redrawn on a terminal, elsewhere a plain line every few
// seconds.
//
// One thread. The line is gone once the object is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "client/live.h"

namespace normlab::client {

class ProgressLine {
 public:
  // `what` stands before the bar ("export"), `unit` behind the rate ("jobs", "B" for bytes). Nothing is shown before
  // `quiet` has passed: what is done at once needs no bar.
  ProgressLine(Console& console, std::string what, std::string unit, std::chrono::milliseconds quiet = {});
  ~ProgressLine() { lines_.Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(std::uint64_t done, std::uint64_t total);
  void Clear() { lines_.Clear(); }

 private:
  using Clock = std::chrono::steady_clock;

  Console& console_;
  LiveLines lines_;
  const std::string what_;
  const std::string unit_;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point due_;  // of the next drawing
};

}  // namespace normlab::client
