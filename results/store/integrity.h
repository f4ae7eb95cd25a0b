// integrity.h - a look over the whole database, in the time there is.
#pragma once

#include <chrono>
#include <string>

#include "base/status.h"
#include "results/store/sqlite.h"

namespace normlab::store {

struct Integrity {
  std::string damage;    // what SQLite found wrong, for people; empty: nothing
  bool complete = true;  // false: time was over before everything was looked at
};

// Jobs and what belongs to them first, points last: those are most of it, and have checksums of their own. Sets the
// connection's deadline. An error only if nothing could be looked at.
absl::StatusOr<Integrity> CheckIntegrity(Connection& db, std::chrono::milliseconds at_most);

// The same on a connection of its own; what is damaged, which is logged.
absl::StatusOr<std::string> LookForDamage(const std::string& path, const std::string& vfs,
                                          std::chrono::milliseconds at_most);

}  // namespace normlab::store
