// server_process.h - a private normlabd: started as a child for one command, and ended when the last command that uses it
// has ended, whichever that is and however it ends.
//
// It is an ordinary server of its home directory: others may talk to it while it lives, and what it queued is continued
// by the next server of that home. It has a process group of its own, so that Ctrl-C reaches only us.
//
// Thread safety: one thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/use_lock.h"
#include "client/connection.h"

namespace normlab::client {

struct ServerOptions {
  std::string program;    // path of normlabd
  Endpoint endpoint;      // home and socket it serves
  int slots = 0;          // jobs at a time; 0: as many as there are cores
  int stall_seconds = 0;  // how long a job may make no step; 0: normlabd's own
};

// The arguments of normlabd for these options, program first.
std::vector<std::string> ServerArguments(const ServerOptions& options);

// Our use of the server at a socket. One that a command started does not end while it lasts.
class ServerUse {
 public:
  // Absent if no such server can be there: the file that its users share is missing, or the server is just ending.
  static std::optional<ServerUse> Join(const Endpoint& endpoint);
  // Makes that file. Waits for a server that is just ending, and calls `on_wait` once if it has to. kCancelled after a
  // stop.
  static absl::StatusOr<ServerUse> Await(const Endpoint& endpoint, const std::stop_token& stop,
                                         const std::function<void()>& on_wait);
  // True if we are the last: nobody joins then as long as this object lives. False: it is given back, others go on.
  bool IsLast();

 private:
  explicit ServerUse(UseLock lock) : lock_(std::move(lock)) {}
  UseLock lock_;
};

// The right to look for a server at this endpoint and start one if there is none, which one process has at a time. Like
// ServerUse::Await.
absl::StatusOr<UseLock> AwaitStart(const Endpoint& endpoint, const std::stop_token& stop,
                                   const std::function<void()>& on_wait);

class ServerProcess {
 public:
  // `use` is of the same endpoint, and becomes the server's first. Returns once it serves. What it logs goes to
  // <home>/normlabd.log. kUnavailable if it ends before it serves, with the end of its log; kAlreadyExists if that is because
  // another server has the home; kCancelled if `stop` was requested first.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const ServerOptions& options, ServerUse use,
                                                              const std::stop_token& stop);
  // Leave().
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Gives our use of it back. False if others use it: it goes on for them. Otherwise it has ended when this returns:
  // workers write checkpoints, jobs stay queued; SIGKILL after 30 s.
  bool Leave();

 private:
  ServerProcess(pid_t pid, std::string log) : pid_(pid), log_(std::move(log)) {}
  absl::Status AwaitReady(int fd, const std::stop_token& stop);

  pid_t pid_;  // 0: ended
  std::string log_;
  std::optional<ServerUse> use_;
};

}  // namespace normlab::client
