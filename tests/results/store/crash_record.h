// crash_record.h - what crash_child tells kill_test.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "results/store/store.h"

namespace normlab::store {

inline constexpr AttemptId kCrashAttempt{1, 1};
inline constexpr int kCrashProducers = 6;

struct CrashRecord {
  enum Kind : std::int32_t { kPoints, kJob } kind;
  std::int32_t thread;
  std::uint64_t value;  // kPoints: the last acknowledged step; kJob: the job
};

inline std::string CrashSeries(int thread) { return fmt::format("series{}", thread); }
inline double CrashValue(int thread, std::uint64_t step) { return static_cast<double>(step) * 100 + thread; }

}  // namespace normlab::store
