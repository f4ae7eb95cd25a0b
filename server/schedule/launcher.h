// launcher.h - brings up worker processes and keeps them up. The workers dial the server by themselves; a launcher only
// starts, watches and stops programs.
//
// Thread safety: Start and Stop from one thread; exits are reported on a thread of the launcher.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::server {

// A worker is about to be started. `worker_id` is of it alone, for all time. Returns what it is to show as its own, a bearer
// token (kWorkerCredential in proto/transport/token.h).
using WorkerStart = std::function<std::string(std::string_view worker_id)>;
// It ended, or could not be started. `told`: it had been asked to.
using WorkerExit = std::function<void(std::string_view worker_id, std::string_view why, bool told)>;

class Launcher {
 public:
  virtual ~Launcher() = default;
  // Brings up the workers and keeps bringing up new ones for those that end. kNotFound if there is no worker program.
  virtual absl::Status Start() = 0;
  // Asks all workers to wind up, waits up to `grace`, ends those that are left. Returns when all are gone and reported. Workers of a
  // cluster that cannot be asked are left to the launcher of the next start.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace normlab::server
