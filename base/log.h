// log.h - one key=value line per event, to stderr. stdout is for results; kernels and training steps never log.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Lines below this level are dropped. Default: NORMLAB_LOG (debug, info, warning, error), else info.
void SetLogLevel(LogLevel level);

// A pair for one call of Log; anything fmt formats is a value.
struct LogField {
  template <typename T>
  LogField(std::string_view key, const T& value) : key(key), value(fmt::to_string(value)) {}
  std::string_view key;
  std::string value;
};

// From now on lines go to this file as well, which is renamed to PATH's stem with ".1" at `max_bytes`. Once.
absl::Status LogToFile(const std::string& path, std::uint64_t max_bytes);

// Log(LogLevel::kInfo, "job_leased", {{"job", "j17"}, {"attempt", 2}});
//   -> 2026-11-23T04:41:02.123Z info job_leased job=j17 attempt=2
// Values with blanks or quotes are quoted and escaped. Thread-safe.
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
// The line that Log would write, whatever the level, for a log that somebody else keeps.
std::string LogText(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace normlab
