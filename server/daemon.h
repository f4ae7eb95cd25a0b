// daemon.h - normlabd without its command line: owns the data directory, the store, the services and the workers.
//
// The data directory of a home:
//   normlabd.lock        held while a server runs; says which
//   normlab.db, ...      the store's
//   spool/               files on their way from local workers; they have no names
//   backups/TIME/        copies of the store, unless another folder is asked for
//   scrub.txt            what the last scrub found
//   logs/audit.jsonl     who changed what; logs/refused.jsonl: who was refused
//   logs/worker-N.log    what local workers wrote to stderr; logs/slurm: the folder with that of a cluster's
//   run/normlabd.sock    the socket, unless another path is asked for
//   run/tensorboard.sock for the stock TensorBoard, which speaks TLS alone; trust in it is in run/tensorboard.pem
//   tokens.json          tokens that were made for people and programs, as SHA-256
//   run/token            the admin's token of the loopback ports, if there are any
//   run/tokens/ROLE      those of other roles that were asked for
//   run/http             address and port of the HTTP door, while it is open
//   run/attempts.key     from which the secrets of workers and their attempts are made
//   run/slurm/           of workers on a Slurm cluster, unless another folder is asked for; see schedule/slurm_launcher.h
//
// Thread safety: Start and Stop from one thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "proto/transport/address.h"
#include "proto/transport/tls_identity.h"
#include "results/judging/paper.h"
#include "server/edge/caller.h"
#include "server/edge/gate.h"
#include "server/schedule/attempts.h"
#include "server/schedule/job_limits.h"
#include "server/schedule/slurm.h"

namespace normlab::server {

// Workers are jobs of a Slurm cluster.
struct SlurmOptions {
  std::string folder;  // that the nodes see at the same path
  Allocation allocation;
};

struct DaemonOptions {
  std::string home;
  std::string socket_path;
  bool share_socket = false;  // its group may use it too
  std::optional<ListenAddress> listen;
  std::optional<TlsFiles> tls;  // of `listen`, which needs it unless it is loopback
  std::optional<Loopback> http;
  std::string backups;                      // folder; empty: <home>/backups
  std::map<Role, std::string> token_files;  // used if `listen` or `http` is set; made if missing
  std::vector<std::string> worker_argv;     // empty: no workers of its own
  int slots = 1;
  std::optional<SlurmOptions> slurm;  // where workers run; absent: on this machine
  AttemptsOptions attempts;
  GateLimits limits;
  JobLimits job_limits;
  std::vector<std::string> data_directories;       // where local workers look for data sets; empty: nobody knows
  std::chrono::milliseconds worker_grace{10'000};  // from "wind up" to "end now" when stopping
  const std::vector<std::unique_ptr<judging::Paper>>* papers = nullptr;  // borrowed; null: none are known
  bool log_to_home = false;          // the log of this process also goes to <home>/logs/server.log
  std::function<void()> on_failure;  // see Daemon::failure; called once, on another thread, and must not wait
};

class Daemon {
 public:
  // Serves when it returns OK. kAlreadyExists when another server has the home; kFailedPrecondition when one has the
  // socket, or the store is newer than this program.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(DaemonOptions options);
  // Stops if that was not done.
  virtual ~Daemon() = default;

  // Graceful: health reads NOT_SERVING, streams end with UNAVAILABLE, workers checkpoint and go, their jobs wait for
  // the next start.
  virtual void Stop() = 0;

  // Why it can serve no longer, an I/O error of the store; OK: it can. From then on health reads NOT_SERVING, every call
  // is UNAVAILABLE with this reason, and nothing is left but to Stop and to start anew.
  virtual absl::Status failure() const = 0;

  // The port of `listen`; 0: none.
  virtual int port() const = 0;
  // That of the HTTP door; 0: none.
  virtual int http_port() const = 0;
  // A link by which the user's browser gets the page, and once, within minutes, the admin's token. Of a server with the
  // HTTP door.
  virtual absl::StatusOr<std::string> PageLink() const = 0;
};

}  // namespace normlab::server
