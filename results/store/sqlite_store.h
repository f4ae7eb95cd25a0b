// sqlite_store.h - how a Store is opened in tests and benchmarks, which need more of it than store.h offers.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "results/store/store.h"

namespace normlab::store {

struct EngineOptions {
  std::string vfs;   // of SQLite; empty: the default
  bool sync = true;  // false: synchronous=NORMAL, which loses acknowledged data in a power cut. For showing just that.
};

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& directory, StoreOptions options,
                                                 const EngineOptions& engine);

}  // namespace normlab::store
