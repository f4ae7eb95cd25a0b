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
  // Length of the log at which it is moved into the file. 4,000 are 16 MiB: a checkpoint, which holds up the writer for
  // some 20 ms, then comes a few times a second at full load.
  int checkpoint_pages = 4'000;
};

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& directory, StoreOptions options,
                                                 const EngineOptions& engine);

}  // namespace normlab::store
