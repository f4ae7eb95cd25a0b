#include "results/store/integrity.h"

#include <fmt/format.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "base/log.h"

namespace normlab::store {
namespace {

constexpr std::size_t kMostText = 2'000;

}  // namespace

absl::StatusOr<Integrity> CheckIntegrity(Connection& db, std::chrono::milliseconds at_most) {
  std::vector<std::string> tables;
  {
    Query row = db.Ask(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "ORDER BY name IN ('overview', 'tail', 'chunk'), name = 'chunk', name");
    while (row.Next()) {
      tables.push_back(row.Text(0));
    }
    NORMLAB_RETURN_IF_ERROR(row.status());
  }
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  db.SetDeadline(deadline);
  Integrity found;
  for (const std::string& table : tables) {
    if (std::chrono::steady_clock::now() >= deadline) {
      found.complete = false;
      break;
    }
    Query row = db.Ask(fmt::format("PRAGMA quick_check({})", table));
    while (row.Next()) {
      if (row.View(0) != "ok" && found.damage.size() < kMostText) {
        found.damage += fmt::format("{}{}: {}", found.damage.empty() ? "" : "; ", table, row.View(0));
      }
    }
    if (absl::IsDeadlineExceeded(row.status())) {
      found.complete = false;
      break;
    }
    if (absl::IsDataLoss(row.status())) {
      found.damage += fmt::format("{}{}: {}", found.damage.empty() ? "" : "; ", table, Message(row.status()));
    } else {
      NORMLAB_RETURN_IF_ERROR(row.status());
    }
  }
  return found;
}

absl::StatusOr<std::string> LookForDamage(const std::string& path, const std::string& vfs,
                                          std::chrono::milliseconds at_most) {
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> db,
                           Connection::Open(path, {.read_only = true, .vfs = vfs}));
  NORMLAB_ASSIGN_OR_RETURN(Integrity found, CheckIntegrity(*db, at_most));
  if (!found.damage.empty()) {
    Log(LogLevel::kError, "store_damaged",
        {{"file", path},
         {"what", found.damage},
         {"next", "what is whole is kept and served; restore a backup for the rest"}});
  }
  if (!found.complete) {
    Log(LogLevel::kInfo, "store_not_checked_to_its_end", {{"file", path}, {"after_ms", at_most.count()}});
  }
  return std::move(found.damage);
}

}  // namespace normlab::store
