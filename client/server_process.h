// server_process.h - a private normlabd: started as a child for one command, stopped gracefully at its end.
//
// It is an ordinary server of its home directory: others may talk to it while it lives, and what it queued is continued
// by the next server of that home. It has a process group of its own, so that Ctrl-C reaches only us.
//
// Thread safety: one thread.
#pragma once

#include <sys/types.h>

#include <memory>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "client/connection.h"

namespace normlab::client {

struct ServerOptions {
  std::string program;  // path of normlabd
  Endpoint endpoint;    // home and socket it serves
  int slots = 0;        // jobs at a time; 0: as many as there are cores
};

// The arguments of normlabd for these options, program first.
std::vector<std::string> ServerArguments(const ServerOptions& options);

class ServerProcess {
 public:
  // Returns once it serves. What it logs goes to <home>/normlabd.log. kFailedPrecondition if it ends before it serves,
  // with the end of its log; kCancelled if `stop` was requested first.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const ServerOptions& options,
                                                              const std::stop_token& stop);
  // Stop().
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // SIGTERM: workers write checkpoints, jobs stay queued; SIGKILL after 30 s. Waits for the end.
  void Stop();

 private:
  ServerProcess(pid_t pid, std::string log) : pid_(pid), log_(std::move(log)) {}
  absl::Status AwaitReady(int fd, const std::stop_token& stop);

  pid_t pid_;  // 0: ended
  std::string log_;
};

}  // namespace normlab::client
