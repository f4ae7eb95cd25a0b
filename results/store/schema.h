// schema.h - the tables of normlab.db, their versions, and how an older file becomes a newer one.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "results/store/sqlite.h"

namespace normlab::store {

// "NLab" in the file's header, so that file(1) and we know our own.
inline constexpr std::int64_t kApplicationId = 0x4e4c6162;

// SQL that turns version n of the schema into n + 1; its place in the list is n.
struct Migration {
  const char* sql;
  absl::Status (*convert)(Connection&) = nullptr;  // then called, for what SQL cannot say; in the same transaction
};

// All of normlab's, from an empty file to the present.
std::span<const Migration> Migrations();

// Brings the file behind `db` to version migrations.size(), one step a transaction. A file that held anything is first
// copied to <path>.v<version>-<now_ms>.backup. kFailedPrecondition, and nothing touched, for a file that is not
// normlab's or is of a newer version. Leaves `db` in WAL mode with synchronous=FULL.
absl::Status PrepareSchema(Connection& db, const std::string& path, std::int64_t now_ms,
                           std::span<const Migration> migrations);

}  // namespace normlab::store
