#include "base/log.h"

#include <fmt/chrono.h>
#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <memory>

#include "absl/strings/escaping.h"

namespace normlab {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

// Of all sinks; more can be added while others write.
const std::shared_ptr<spdlog::sinks::dist_sink_mt>& Sinks() {
  static const std::shared_ptr<spdlog::sinks::dist_sink_mt> sinks = std::make_shared<spdlog::sinks::dist_sink_mt>(
      std::vector<spdlog::sink_ptr>{std::make_shared<spdlog::sinks::stderr_sink_mt>()});
  return sinks;
}

constexpr const char* kPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("normlab", Sinks());
    made->set_pattern(kPattern, spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::trace);
    const char* wanted = std::getenv("NORMLAB_LOG");
    made->set_level(wanted != nullptr ? spdlog::level::from_str(wanted) : spdlog::level::info);
    return made;
  }();
  return *logger;
}

bool NeedsQuotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \t\r\n\"=\\") != std::string_view::npos;
}

std::string Line(std::string_view event, std::initializer_list<LogField> fields) {
  std::string line(event);
  for (const auto& [key, value] : fields) {
    line +=
        NeedsQuotes(value) ? fmt::format(" {}=\"{}\"", key, absl::CEscape(value)) : fmt::format(" {}={}", key, value);
  }
  return line;
}

}  // namespace

void SetLogLevel(LogLevel level) { Logger().set_level(ToSpdlog(level)); }

absl::Status LogToFile(const std::string& path, std::uint64_t max_bytes) {
  try {
    auto file = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, max_bytes, 1);
    file->set_formatter(std::make_unique<spdlog::pattern_formatter>(kPattern, spdlog::pattern_time_type::utc));
    Logger();  // gives the sinks that are there their pattern
    Sinks()->add_sink(std::move(file));
  } catch (const spdlog::spdlog_ex& error) {
    return absl::UnavailableError(fmt::format("{}: {}", path, error.what()));
  }
  return absl::OkStatus();
}

std::string LogText(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const auto now = std::chrono::system_clock::now();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  const auto name = spdlog::level::to_string_view(ToSpdlog(level));
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} {}\n", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms,
                     std::string_view(name.data(), name.size()), Line(event, fields));
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (Logger().should_log(ToSpdlog(level))) {
    Logger().log(ToSpdlog(level), "{}", Line(event, fields));
  }
}

}  // namespace normlab
