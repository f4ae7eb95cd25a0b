#include "server/schedule/job_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>
#include <utility>

#include "base/fs.h"
#include "base/parse_number.h"
#include "base/text.h"

namespace normlab::server {
namespace {

constexpr std::size_t kMaxLine = 4096;     // bytes of a line; longer ones are cut
constexpr std::size_t kMaxLines = 20'000;  // of one call
constexpr std::string_view kServer = "server";
constexpr std::string_view kSuffix = ".log";
constexpr std::size_t kTimeBytes = 24;  // "2026-11-23T04:41:02.123Z"

// The time a line begins with; absent: it was not written by Log.
std::optional<std::int64_t> ReadTime(std::string_view line) {
  std::tm time{};
  int ms = 0;
  char zone = 0;
  const std::string text(line.substr(0, kTimeBytes));
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3d%c", &time.tm_year, &time.tm_mon, &time.tm_mday,
                  &time.tm_hour, &time.tm_min, &time.tm_sec, &ms, &zone) != 8 ||
      zone != 'Z') {
    return std::nullopt;
  }
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return std::int64_t{::timegm(&time)} * 1000 + ms;
}

// The end of the word that begins at `at`; quotes hold blanks together.
std::size_t EndOfWord(std::string_view text, std::size_t at) {
  bool quoted = false;
  for (; at < text.size() && (quoted || text[at] != ' '); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    }
  }
  return std::min(at, text.size());
}

struct Event {
  std::string_view name;
  std::optional<store::JobId> job;
};

// "info job_leased job=j17 attempt=2"; servers before 30 November 2026 wrote job=17.
Event ReadEvent(std::string_view text) {
  Event event;
  int index = 0;
  for (std::size_t at = 0; at < text.size(); ++index) {
    const std::size_t end = EndOfWord(text, at);
    std::string_view word = text.substr(at, end - at);
    if (index == 1) {
      event.name = word;
    } else if (constexpr std::string_view kKey = "job="; index > 1 && word.starts_with(kKey)) {
      word.remove_prefix(kKey.size());
      word.remove_prefix(word.starts_with('j') ? 1 : 0);
      event.job = ParseWhole<store::JobId>(std::string(word)).value_or(0);
    }
    at = end + 1;
  }
  return event;
}

bool EndsLease(std::string_view event) {
  constexpr std::array<std::string_view, 3> kEnds = {"job_finished", "job_left", "attempt_lost"};
  return std::find(kEnds.begin(), kEnds.end(), event) != kEnds.end();
}

Descriptor OpenFile(const std::string& path) { return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

// What tells one file from another that took its name; absent: there is none.
std::optional<std::pair<dev_t, ino_t>> IdentityOf(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? std::optional(std::pair(info.st_dev, info.st_ino)) : std::nullopt;
}

// The older piece of a log: the launcher and spdlog name it differently.
std::string OlderPath(const std::string& folder, const std::string& name) {
  return name == kServer ? fmt::format("{}/{}.1.log", folder, name) : fmt::format("{}/{}.log.1", folder, name);
}

}  // namespace

bool LineFilter::Take(std::string_view text, LogLine& line) {
  const std::optional<std::int64_t> time = ReadTime(text);
  bool ours = of_worker_ && leased_;
  if (time) {
    time_ms_ = *time;
    text.remove_prefix(std::min(text.size(), kTimeBytes + 1));
    const Event event = ReadEvent(text);
    if (event.job) {
      ours = *event.job == job_;
      leased_ = ours && (leased_ || event.name == "job_leased") && !EndsLease(event.name);
    } else if (event.name == "worker_starts") {
      ours = leased_ = false;
    }
  }
  line.time_ms = time_ms_;
  line.text = OneLine(text, kMaxLine);
  return ours;
}

void JobLog::Drain(const std::string& name, Source& source, std::vector<LogLine>& lines) {
  std::array<char, 64 * 1024> piece;
  for (ssize_t n = 0; (n = ::read(source.file.get(), piece.data(), piece.size())) > 0;) {
    source.rest.append(piece.data(), static_cast<std::size_t>(n));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = source.rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
      LogLine line{.time_ms = 0, .source = name, .text = {}};
      if (source.filter.Take(std::string_view(source.rest).substr(begin, end - begin), line)) {
        lines.push_back(std::move(line));
      }
    }
    source.rest.erase(0, begin);
  }
}

void JobLog::Read(const std::string& folder, const std::string& name, std::vector<LogLine>& lines) {
  const std::string path = fmt::format("{}/{}.log", folder, name);
  const auto known = sources_.find(name);
  if (known == sources_.end()) {
    Source source{.filter = LineFilter(job_, name != kServer), .file = Descriptor(), .rest = {}};
    // The newer piece is opened first: if it becomes the older one meanwhile, it is read once.
    Descriptor newer = OpenFile(path);
    source.file = OpenFile(OlderPath(folder, name));
    if (IdentityOf(source.file.get()) != IdentityOf(newer.get())) {
      Drain(name, source, lines);
    }
    source.file = std::move(newer);
    Drain(name, source, lines);
    sources_.emplace(name, std::move(source));
    return;
  }
  Source& source = known->second;
  Drain(name, source, lines);
  Descriptor now = OpenFile(path);
  if (IdentityOf(now.get()) != IdentityOf(source.file.get())) {
    Drain(name, source, lines);
    source.file = std::move(now);
    Drain(name, source, lines);
  }
}

std::vector<LogLine> JobLog::Next() {
  std::vector<LogLine> lines;
  for (const std::string& folder : {folder_, folder_ + "/slurm"}) {
    const absl::StatusOr<std::vector<std::string>> names = PosixFileSystem().List(folder);
    for (const std::string& file : names.ok() ? *names : std::vector<std::string>()) {
      const std::string name = file.substr(0, file.size() - std::min(file.size(), kSuffix.size()));
      if (file.ends_with(kSuffix) && (name == kServer || name.starts_with("worker-"))) {
        Read(folder, name, lines);
      }
    }
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const LogLine& a, const LogLine& b) { return a.time_ms < b.time_ms; });
  if (lines.size() > kMaxLines) {
    lines.erase(lines.begin(), lines.end() - kMaxLines);
  }
  return lines;
}

}  // namespace normlab::server
