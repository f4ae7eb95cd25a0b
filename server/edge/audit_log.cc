#include "server/edge/audit_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/fs.h"
#include "base/log.h"

namespace normlab::server {
namespace {

using Json = nlohmann::ordered_json;

std::string Line(const AuditEntry& entry) {
  Json json{{"time_ms", entry.time_ms}};
  const auto add = [&json](const char* key, const auto& value) {
    if (value != std::decay_t<decltype(value)>()) {
      json[key] = value;
    }
  };
  add("who", entry.who);
  add("role", entry.role);
  add("peer", entry.peer);
  add("certificate", entry.certificate);
  add("method", entry.method);
  add("jobs", entry.jobs);
  add("job_count", entry.job_count);
  add("request_id", entry.request_id);
  add("outcome", entry.outcome);
  add("error", entry.error);
  add("left_out", entry.left_out);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<AuditEntry> Parse(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("time_ms") || !json["time_ms"].is_number_integer()) {
    return std::nullopt;  // a power cut, or a full disk, may leave half a line
  }
  AuditEntry entry{.time_ms = json["time_ms"].get<std::int64_t>(), .who = {}};
  const auto text = [&json](const char* key, std::string& value) {
    if (json.contains(key) && json[key].is_string()) {
      value = json[key].get<std::string>();
    }
  };
  const auto number = [&json](const char* key, std::uint64_t& value) {
    if (json.contains(key) && json[key].is_number_unsigned()) {
      value = json[key].get<std::uint64_t>();
    }
  };
  text("who", entry.who);
  text("role", entry.role);
  text("peer", entry.peer);
  text("certificate", entry.certificate);
  text("method", entry.method);
  text("request_id", entry.request_id);
  text("outcome", entry.outcome);
  text("error", entry.error);
  number("job_count", entry.job_count);
  number("left_out", entry.left_out);
  if (json.contains("jobs") && json["jobs"].is_array()) {
    for (const Json& job : json["jobs"]) {
      entry.jobs.push_back(job.is_string() ? job.get<std::string>() : "");
    }
  }
  return entry;
}

}  // namespace

// The entries of one kind, oldest first. Its files are open from the start, so that it can go on while pieces are renamed.
class AuditLog::Lines {
 public:
  void Add(const std::string& path) {
    std::ifstream file(path);
    if (file) {
      files_.push_back(std::move(file));
    }
  }
  // Once before anything else, too.
  void Next(std::int64_t since_ms) {
    std::string line;
    for (entry_.reset(); !entry_ && at_ < files_.size();) {
      if (!std::getline(files_[at_], line)) {
        ++at_;
      } else if (entry_ = Parse(line); entry_ && entry_->time_ms < since_ms) {
        entry_.reset();
      }
    }
  }
  const std::optional<AuditEntry>& entry() const { return entry_; }

 private:
  std::vector<std::ifstream> files_;
  std::size_t at_ = 0;
  std::optional<AuditEntry> entry_;
};

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(std::string folder, std::uint64_t piece_bytes) {
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(folder));
  std::unique_ptr<AuditLog> log(new AuditLog(std::move(folder), piece_bytes));
  const MutexLock lock(log->mu_);
  NORMLAB_RETURN_IF_ERROR(log->OpenFile(log->changes_));
  NORMLAB_RETURN_IF_ERROR(log->OpenFile(log->refusals_));
  return log;
}

std::string AuditLog::PathOf(const Book& book, int piece) const {
  return piece == 0 ? fmt::format("{}/{}.jsonl", folder_, book.stem)
                    : fmt::format("{}/{}.{}.jsonl", folder_, book.stem, piece);
}

absl::Status AuditLog::OpenFile(Book& book) const {
  const std::string path = PathOf(book, 0);
  book.file = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info {};
  if (book.file.get() < 0 || ::fstat(book.file.get(), &info) != 0) {
    return SystemError("open " + path, errno);
  }
  book.bytes = static_cast<std::uint64_t>(info.st_size);
  char last = '\n';
  if (book.bytes > 0) {
    ReadAt(book.file.get(), book.bytes - 1, {&last, 1});
  }
  book.torn = last != '\n';
  return absl::OkStatus();
}

absl::Status AuditLog::Append(Book& book, const std::string& line) const {
  if (book.file.get() < 0) {
    NORMLAB_RETURN_IF_ERROR(OpenFile(book));  // it could not be opened when the last piece was full
  }
  if (book.bytes > 0 && book.bytes + line.size() > piece_bytes_) {
    for (int piece = book.pieces - 1; piece > 0; --piece) {
      if (::rename(PathOf(book, piece - 1).c_str(), PathOf(book, piece).c_str()) != 0 && errno != ENOENT) {
        return SystemError("rename " + PathOf(book, piece - 1), errno);
      }
    }
    book.bytes = 0;  // whatever becomes of the new piece, the old ones move once
    NORMLAB_RETURN_IF_ERROR(OpenFile(book));
  }
  if (const int error = WriteAll(book.file.get(), line); error != 0) {
    return SystemError("write " + PathOf(book, 0), error);
  }
  book.bytes += line.size();
  return absl::OkStatus();
}

void AuditLog::Write(Book& book, const AuditEntry& entry) {
  const absl::Status status = Append(book, fmt::format("{}{}", book.torn ? "\n" : "", Line(entry)));
  book.torn = !status.ok();
  if (!status.ok() && !book.failed) {
    Log(LogLevel::kError, "no_audit", {{"why", Message(status)}});
  }
  book.failed = !status.ok();
}

void AuditLog::Changed(AuditEntry entry) {
  const MutexLock lock(mu_);
  Write(changes_, entry);
}

void AuditLog::Refused(AuditEntry entry) {
  const bool room = per_caller_.Take(entry.who + "@" + entry.peer).count() == 0 &&
                    (!entry.who.empty() || of_nobody_.Take("").count() == 0);
  const MutexLock lock(mu_);
  if (!room) {
    ++left_out_;
    return;
  }
  entry.left_out = std::exchange(left_out_, 0);
  Write(refusals_, entry);
}

absl::Status AuditLog::Read(std::int64_t since_ms, const std::function<absl::Status(const AuditEntry&)>& take) const {
  Lines lines[2];
  {
    const MutexLock lock(mu_);
    const Book* const books[2] = {&changes_, &refusals_};
    for (int i = 0; i < 2; ++i) {
      for (int piece = books[i]->pieces - 1; piece >= 0; --piece) {
        lines[i].Add(PathOf(*books[i], piece));
      }
    }
  }
  lines[0].Next(since_ms);
  lines[1].Next(since_ms);
  while (lines[0].entry() || lines[1].entry()) {
    const bool first =
        lines[0].entry() && (!lines[1].entry() || lines[0].entry()->time_ms <= lines[1].entry()->time_ms);
    Lines& next = lines[first ? 0 : 1];
    NORMLAB_RETURN_IF_ERROR(take(*next.entry()));
    next.Next(since_ms);
  }
  return absl::OkStatus();
}

}  // namespace normlab::server
