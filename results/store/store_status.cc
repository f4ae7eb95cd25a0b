#include "results/store/store_status.h"

#include <string_view>

namespace normlab::store {
namespace {

absl::StatusOr<std::uint64_t> Bytes(Connection& db, std::string_view sql) {
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t bytes, db.Int(sql));
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace

absl::StatusOr<std::uint64_t> DatabaseBytes(Connection& db) {
  return Bytes(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
}

absl::StatusOr<StoreStatus> DatabaseStatus(Connection& db) {
  StoreStatus status;
  Query row = db.Ask("SELECT state, count(*) FROM job GROUP BY state");
  while (row.Next()) {
    status.jobs[static_cast<JobState>(row.Int(0))] = row.Unsigned(1);
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  NORMLAB_ASSIGN_OR_RETURN(status.database_bytes, DatabaseBytes(db));
  NORMLAB_ASSIGN_OR_RETURN(status.unused_bytes,
                           Bytes(db, "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"));
  // A file may be named by several rows.
  NORMLAB_ASSIGN_OR_RETURN(status.checkpoint_bytes,
                           Bytes(db, "SELECT total(size) FROM (SELECT size FROM checkpoint GROUP BY file)"));
  NORMLAB_ASSIGN_OR_RETURN(status.artifact_bytes,
                           Bytes(db, "SELECT total(size) FROM (SELECT size FROM artifact GROUP BY file)"));
  return status;
}

}  // namespace normlab::store
