#include "client/progress_line.h"

#include <fmt/format.h>

#include <utility>

#include "client/progress.h"

namespace normlab::client {

ProgressLine::ProgressLine(Console& console, std::string what, std::string unit, std::chrono::milliseconds quiet)
    : console_(console), lines_(console), what_(std::move(what)), unit_(std::move(unit)), due_(begun_ + quiet) {}

void ProgressLine::Show(std::uint64_t done, std::uint64_t total) {
  constexpr auto kRedraw = std::chrono::milliseconds(100);
  constexpr double kReportEvery = 5;
  constexpr int kBar = 20;
  const Clock::time_point now = Clock::now();
  if (now < due_) {
    return;
  }
  due_ = now + kRedraw;
  const double seconds = std::chrono::duration<double>(now - begun_).count();
  const Progress progress{.done = done,
                          .total = total,
                          .per_second = seconds > 0 ? static_cast<double>(done) / seconds : 0,
                          .unit = unit_,
                          .left = {}};
  const std::string line =
      fmt::format("{} {}", what_, FormatProgress(progress, lines_.terminal() ? kBar : 0, console_.unicode));
  if (lines_.terminal()) {
    lines_.Draw({line});
  } else {
    lines_.Report(line, seconds, kReportEvery);
  }
}

}  // namespace normlab::client
