// audit_log.h - who changed what, and who was refused: JSON lines in files of mode 0600 that are only ever appended to.
//
//   logs/audit.jsonl, audit.1.jsonl, ...       calls that change something, 8 pieces of 8 MiB
//   logs/refused.jsonl, refused.1.jsonl, ...   calls that were refused: 4 pieces of their own, so that strangers cannot
//                                              push out what was done
//
// A line is handed to the kernel before its call is answered, and not synced: a power cut may take the last seconds of it, never
// what was done, which is in the store. Where the disk is full, calls go on without it, and the server's log says so.
//
// Thread safety: all methods, any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/mutex.h"
#include "base/status.h"
#include "server/edge/rate_limiter.h"

namespace normlab::server {

struct AuditEntry {
  std::int64_t time_ms = 0;            // Unix time
  std::string who;                     // a token's name, "admin token", "uid 1000" of the Unix socket; empty: nobody
  std::string role = {};               // empty: nobody
  std::string peer = {};               // "unix", "http", or an address without its port
  std::string certificate = {};        // the name in the one that was shown; empty: none
  std::string method = {};             // "JobService.CancelJob"
  std::vector<std::string> jobs = {};  // the first of those that it names or made
  std::uint64_t job_count = 0;         // of all
  std::string request_id = {};
  std::string outcome = {};  // the code's name: "OK", "PERMISSION_DENIED"
  std::string error = {};
  std::uint64_t left_out = 0;  // refused calls before it that were too many to be written
};

class AuditLog {
 public:
  // `folder` is made if missing. Pieces have at most about `piece_bytes`.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(std::string folder, std::uint64_t piece_bytes = 8 << 20);

  void Changed(AuditEntry entry) ABSL_LOCKS_EXCLUDED(mu_);
  // Of the same caller 60 at once and one per second, of all without a name ten times that; what is more is counted.
  void Refused(AuditEntry entry) ABSL_LOCKS_EXCLUDED(mu_);

  // Every entry that is not older than `since_ms`, oldest first, until `take` says no with an error, which is returned. Lines
  // that cannot be understood are left out.
  absl::Status Read(std::int64_t since_ms, const std::function<absl::Status(const AuditEntry&)>& take) const
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // One kind of lines: a file that is appended to, and older pieces.
  struct Book {
    std::string stem;  // "audit"
    int pieces = 0;
    Descriptor file{};
    std::uint64_t bytes = 0;
    bool failed = false;  // the last write; said once
    bool torn = false;    // the file may end in half a line
  };
  class Lines;

  AuditLog(std::string folder, std::uint64_t piece_bytes) : folder_(std::move(folder)), piece_bytes_(piece_bytes) {}
  std::string PathOf(const Book& book, int piece) const;
  absl::Status OpenFile(Book& book) const;
  absl::Status Append(Book& book, const std::string& line) const;
  void Write(Book& book, const AuditEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string folder_;
  const std::uint64_t piece_bytes_;
  RateLimiter per_caller_{1, 60};
  RateLimiter of_nobody_{10, 600};
  mutable Mutex mu_;
  Book changes_ ABSL_GUARDED_BY(mu_){.stem = "audit", .pieces = 8};
  Book refusals_ ABSL_GUARDED_BY(mu_){.stem = "refused", .pieces = 4};
  std::uint64_t left_out_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace normlab::server
