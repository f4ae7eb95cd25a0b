#include "server/options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

#include "base/man_page.h"
#include "base/paths.h"
#include "base/version.h"
#include "server/edge/roles.h"
#include "server/slurm_flags.h"

namespace normlab::server {
namespace {

constexpr int kUsage = 2;
constexpr int kWatchdogDelay = 10;               // seconds
constexpr std::chrono::seconds kSlurmGrace{18};  // Slurm says only after seconds that a job has ended
constexpr int kWorkerFileGib = 64;               // --max-file-gib of normlab-worker, by default

constexpr std::string_view kFooter = R"(Examples:
  normlabd                                   serve $NORMLAB_HOME (or ~/.local/share/normlab), one worker per core
  normlabd --home /srv/normlab --slots 2     a data directory of its own, two jobs at a time
  normlabd --slots 1 --threads-per-job 4     one job at a time on four cores
  normlabd --listen 127.0.0.1:50051          also a loopback port; callers show the token in HOME/run/token
  normlabd --listen 127.0.0.1:50051 --role-token viewer   and one for those who only look, in HOME/run/tokens/viewer
  normlabd --listen 0.0.0.0:50051 --tls-cert certs/server.pem --tls-key certs/server.key --tls-client-ca certs/ca.pem
                                             also other machines, if they show a certificate; see normlab admin certs
  normlabd --http 127.0.0.1:8080             also the API as JSON: POST /v1/SERVICE/METHOD with the same tokens
  normlabd --no-workers                      queue only; start normlab-worker by hand
  normlabd --launcher slurm --slots 20 --listen 0.0.0.0:50051 --tls-cert certs/server.pem --tls-key certs/server.key --slurm-folder ~/slurm
                                             workers are jobs of a Slurm cluster; see docs/CLUSTER.md

Who may do what on the ports (the Unix socket is its owner's, and of its group with --share-socket): a viewer reads what was measured; a submitter also queues,
resumes and cancels jobs and reads checkpoints; a worker leases jobs and reports them; the admin's token does all that, and deletes.
A token is made once, mode 0600; remove its file and start again for another one.

Signals: SIGTERM, SIGINT or SIGHUP (unless under nohup) stops gracefully: workers write a checkpoint, their jobs go on at
the next start. A second one stops at once; nothing acknowledged is lost either way.

Exit codes: 0 stopped as asked, 1 could not start or serve, 2 wrong usage, 3 stopped at once or stopping took too long,
4 stopped by itself after an I/O error of the store, 5 another server has the home.)";

struct Flags {
  std::string home = DefaultHome();
  std::string backups;
  std::string restore;
  std::string socket;
  bool share_socket = false;
  std::string listen;
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;
  std::string http;
  std::string token_file;
  std::vector<std::string> roles;
  int slots = 0;
  int threads_per_job = 1;
  int lease_seconds = 60;
  int stall_seconds = 900;
  int max_file_gib = 8;
  int queued_per_caller = 1'000;
  int connections_per_address = 64;
  int calls_per_second = 200;
  int streams = 512;
  double job_memory_gib = 0;
  bool no_workers = false;
  bool no_sandbox = false;
  bool print_ready = false;
  bool print_link = false;
  bool while_used = false;
  SlurmFlags slurm;
};

void Declare(CLI::App& app, Flags& flags) {
  app.footer(std::string(kFooter));
  app.set_version_flag("--version", VersionText("normlabd"));
  AddManFlag(app);
  app.add_option("--home", flags.home, "data directory [$NORMLAB_HOME, else ~/.local/share/normlab]");
  app.add_option("--backups", flags.backups, "folder that backups are made in [HOME/backups]");
  app.add_option("--socket", flags.socket, "Unix socket [HOME/run/normlabd.sock]");
  app.add_flag("--share-socket", flags.share_socket,
               "the group of the socket may use it too, as its owner does; its folder must let the group in");
  app.add_option("--listen", flags.listen,
                 "address and port to serve as well: loopback, such as 127.0.0.1:50051, or with --tls-cert any of the "
                 "machine's, such as 0.0.0.0:50051");
  app.add_option("--tls-cert", flags.tls_cert,
                 "serve --listen with TLS and the certificate in this PEM file, which may be replaced meanwhile");
  app.add_option("--tls-key", flags.tls_key, "its key, a PEM file of mode 0600");
  app.add_option("--tls-client-ca", flags.tls_client_ca,
                 "and let in only who shows a certificate that one in this PEM file signed");
  app.add_option("--http", flags.http,
                 "loopback address and port for the API as JSON and the page; port 0: any free one, see HOME/run/http");
  app.add_option("--token-file", flags.token_file, "admin's token of the ports, made if missing [HOME/run/token]");
  app.add_option("--role-token", flags.roles,
                 "also a token for viewers, submitters or workers, in HOME/run/tokens/ROLE")
      ->type_name("ROLE")
      ->check(CLI::IsMember({"viewer", "submitter", "worker"}));
  app.add_option("--slots", flags.slots, "jobs at a time [cores / threads per job]")->check(CLI::Range(1, 1024));
  app.add_option("--threads-per-job", flags.threads_per_job, "OpenMP threads of each worker")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--lease-seconds", flags.lease_seconds, "silence after which a worker is taken for dead")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_option("--stall-seconds", flags.stall_seconds,
                 "how long a job may make no step; then its worker is ended and the job tried again")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--max-file-gib", flags.max_file_gib, "largest checkpoint or artifact; larger jobs are refused")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--queued-per-caller", flags.queued_per_caller, "jobs of one submitter's token that may wait")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_option("--connections-per-address", flags.connections_per_address,
                 "connections from one address, where the port is not loopback")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--streams", flags.streams,
                 "calls that follow jobs or curves at a time; each holds a thread, and an open page has two")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option(
         "--calls-per-second", flags.calls_per_second,
         "calls of one token, ten times as many at once; workers' reports and the Unix socket have no such limit")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--job-memory-gib", flags.job_memory_gib,
                 "memory that a job may need by estimate; larger ones are refused, and a Slurm worker asks for as much "
                 "[all of the machine's; "
                 "with --no-workers or Slurm: any]")
      ->check(CLI::Range(0.1, 65'536.0));
  app.add_flag("--no-workers", flags.no_workers, "start no workers");
  app.add_flag("--no-sandbox", flags.no_sandbox,
               "start workers without their sandbox, for debuggers; see normlab-worker(8)");
  app.add_flag("--while-used", flags.while_used,
               "end once no normlab command uses the server any more; for servers that a command starts");
  DeclareSlurm(app, flags.slurm);
  app.add_option("--restore", flags.restore,
                 "put this backup into --home, which has no store yet, and end; see `normlab admin restore`");
  app.add_flag("--print-link", flags.print_link,
               "print the link that opens the page, good once, to stdout once serving");
  app.add_flag("--print-ready", flags.print_ready, "print \"ready SOCKET [PORT]\" to stdout once serving");
}

std::uint64_t MachineMemory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

absl::Status FillListen(const Flags& flags, DaemonOptions& options) {
  if (!flags.listen.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(options.listen, ReadListenAddress("--listen", flags.listen));
  }
  if (flags.tls_cert.empty() != flags.tls_key.empty()) {
    return absl::InvalidArgumentError(
        "--tls-cert and --tls-key go together: a certificate and the key it was made for");
  }
  if (flags.tls_cert.empty() && !flags.tls_client_ca.empty()) {
    return absl::InvalidArgumentError(
        "--tls-client-ca goes with --tls-cert and --tls-key, a certificate of the server's own");
  }
  if (!flags.tls_cert.empty()) {
    if (!options.listen) {
      return absl::InvalidArgumentError("--tls-cert goes with --listen; the Unix socket and --http speak no TLS");
    }
    options.tls =
        TlsFiles{.certificate = flags.tls_cert, .key = flags.tls_key, .client_authority = flags.tls_client_ca};
  } else if (options.listen && !options.listen->loopback) {
    return absl::InvalidArgumentError(fmt::format(
        "--listen {}: other machines reach this address, and without TLS nothing would be encrypted. Give --tls-cert "
        "FILE "
        "--tls-key "
        "FILE (`normlab admin certs init DIR --host NAME` makes them), or listen on loopback and let others "
        "tunnel: ssh -L 50051:127.0.0.1:50051 HOST",
        flags.listen));
  }
  return absl::OkStatus();
}

// What workers here and on a cluster have in common, behind how they reach the server.
void AddWorkerFlags(const Flags& flags, DaemonOptions& options) {
  // Later than the server, which then has taken the job back and said why.
  options.worker_argv.insert(options.worker_argv.end(),
                             {"--stall-seconds", fmt::to_string(flags.stall_seconds + kWatchdogDelay)});
  if (flags.no_sandbox) {
    options.worker_argv.emplace_back("--no-sandbox");
  }
  // More than the workers' own limit only where somebody asked for larger files.
  if (flags.max_file_gib > kWorkerFileGib) {
    options.worker_argv.insert(options.worker_argv.end(), {"--max-file-gib", fmt::to_string(flags.max_file_gib)});
  }
  for (const std::string& directory : options.data_directories) {
    options.worker_argv.insert(options.worker_argv.end(), {"--data", directory});
  }
}

absl::Status FillLocalWorkers(const Flags& flags, DaemonOptions& options) {
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.slots = flags.slots > 0 ? flags.slots : std::max(1, cores / flags.threads_per_job);
  if (options.slots * flags.threads_per_job > cores) {
    return absl::InvalidArgumentError(
        fmt::format("--slots {} x --threads-per-job {} needs {} cores; there are {}. More would make every job slower",
                    options.slots, flags.threads_per_job, options.slots * flags.threads_per_job, cores));
  }
  options.worker_argv.insert(options.worker_argv.end(),
                             {"--socket", options.socket_path, "--threads", fmt::to_string(flags.threads_per_job),
                              "--die-with-parent", fmt::to_string(::getpid()), "--spool", flags.home + "/spool"});
  if (flags.job_memory_gib == 0) {
    options.job_limits.memory_bytes = MachineMemory();
  }
  return absl::OkStatus();
}

// The job's and the program's own; 0: what the partition gives.
std::int64_t MemoryOfPilot(double job_gib) {
  constexpr std::int64_t kProgram = 256;
  return job_gib > 0 ? static_cast<std::int64_t>(job_gib * 1024) + kProgram : 0;
}

absl::Status FillSlurmWorkers(const Flags& flags, DaemonOptions& options) {
  if (flags.slots == 0) {
    return absl::InvalidArgumentError(
        "--launcher slurm: say with --slots how many workers the cluster may run at a time");
  }
  options.slots = flags.slots;
  options.worker_grace = kSlurmGrace;
  return FillSlurm(flags.slurm, {.cpus = flags.threads_per_job, .memory_mib = MemoryOfPilot(flags.job_memory_gib)},
                   options);
}

absl::Status FillWorkers(const Flags& flags, const std::string& program_directory, DaemonOptions& options) {
  if (flags.job_memory_gib > 0) {
    options.job_limits.memory_bytes = static_cast<std::uint64_t>(flags.job_memory_gib * (1 << 30));
  }
  if (!flags.slurm.on()) {
    NORMLAB_RETURN_IF_ERROR(CheckNoSlurm(flags.slurm));
  }
  if (flags.no_workers) {
    options.slots = 0;
    return flags.slurm.on() ? absl::InvalidArgumentError("--launcher slurm starts workers, and --no-workers wants none")
                            : absl::OkStatus();
  }
  options.data_directories = DataDirectories(flags.home);
  options.worker_argv = {program_directory + "/normlab-worker"};
  NORMLAB_RETURN_IF_ERROR(flags.slurm.on() ? FillSlurmWorkers(flags, options) : FillLocalWorkers(flags, options));
  AddWorkerFlags(flags, options);
  return absl::OkStatus();
}

absl::Status Fill(const Flags& flags, const std::string& program_directory, DaemonOptions& options) {
  if (flags.home.empty()) {
    return absl::InvalidArgumentError("--home is missing, and neither HOME nor the system says where yours is");
  }
  options.home = flags.home;
  options.backups = flags.backups;
  options.socket_path = flags.socket.empty() ? SocketPath(flags.home) : flags.socket;
  options.share_socket = flags.share_socket;
  options.token_files[Role::kAdmin] = flags.token_file.empty() ? flags.home + "/run/token" : flags.token_file;
  for (const std::string& name : flags.roles) {
    options.token_files[*ReadRole(name)] = fmt::format("{}/run/tokens/{}", flags.home, name);
  }
  NORMLAB_RETURN_IF_ERROR(FillListen(flags, options));
  if (!flags.http.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(options.http, ReadLoopback("--http", flags.http));
  }
  if (flags.print_link && !options.http) {
    return absl::InvalidArgumentError("--print-link goes with --http, which serves the page");
  }
  if (!options.listen && !options.http && (!flags.token_file.empty() || !flags.roles.empty())) {
    return absl::InvalidArgumentError(
        "--token-file and --role-token go with --listen or --http; the Unix socket needs no token");
  }
  NORMLAB_RETURN_IF_ERROR(FillWorkers(flags, program_directory, options));
  options.job_limits.file_bytes = static_cast<std::uint64_t>(flags.max_file_gib) << 30;
  options.limits.queued_of_one = flags.queued_per_caller;
  options.limits.connections_of_one = flags.connections_per_address;
  options.limits.streams = flags.streams;
  options.limits.calls_per_second = flags.calls_per_second;
  options.limits.calls_at_once = 10.0 * flags.calls_per_second;
  // Beside the workers, and their connections, that are started by hand.
  options.limits.worker_waits += options.slots;
  options.limits.worker_orders += options.slots;
  (flags.slurm.on() ? options.limits.tcp_connections : options.limits.connections) += options.slots;
  options.limits.connections_of_one +=
      flags.slurm.on() ? options.slots : 0;  // all may be on one node, or behind one address
  options.attempts.lease = std::chrono::seconds(flags.lease_seconds);
  options.attempts.stall = std::chrono::seconds(flags.stall_seconds);
  return absl::OkStatus();
}

}  // namespace

CommandLine ReadCommandLine(int argc, const char* const* argv, const std::string& program_directory) {
  CommandLine result;
  CLI::App app("Queues training jobs, starts workers, keeps what they measure, and draws tables from it.", "normlabd");
  Flags flags;
  Declare(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForAllHelp&) {
    result.done = true;
    result.text = ManPage(app, {.command = "normlabd",
                                .section = 8,
                                .version = "normlab " + std::string(ThisBuild().version),
                                .see_also = {"normlab(1)", "normlab-worker(8)"}});
    return result;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    result.done = true;
    result.exit_code = app.exit(error, out, err) == 0 ? 0 : kUsage;
    result.text = out.str() + err.str();
    return result;
  }
  result.print_ready = flags.print_ready;
  result.print_link = flags.print_link;
  result.while_used = flags.while_used;
  result.restore = flags.restore;
  if (const absl::Status status = Fill(flags, program_directory, result.daemon); !status.ok()) {
    result.done = true;
    result.exit_code = kUsage;
    result.text = Message(status) + "\n";
  }
  return result;
}

}  // namespace normlab::server
