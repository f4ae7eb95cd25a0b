#include "workers/watchdog.h"

#include <algorithm>
#include <utility>

#include "workers/call.h"

namespace normlab::workers {

bool Watchdog::Eye::SeesStall(std::uint64_t moves, Clock::time_point now) {
  if (moves != moves_) {
    moves_ = moves;
    since_ = now;
  }
  return now - since_ >= limit_;
}

Watchdog::Watchdog(std::chrono::milliseconds limit, std::function<void()> bite)
    : limit_(limit), bite_(std::move(bite)), thread_([this](std::stop_token stop) { Watch(std::move(stop)); }) {}

void Watchdog::Watch(std::stop_token stop) {
  const auto pause =
      std::clamp<std::chrono::milliseconds>(limit_ / 8, std::chrono::milliseconds(1), std::chrono::milliseconds(1000));
  Eye eye(limit_, Clock::now());
  while (SleepFor(pause, stop)) {
    if (eye.SeesStall(moves_.load(std::memory_order_relaxed), Clock::now())) {
      return bite_();
    }
  }
}

}  // namespace normlab::workers
