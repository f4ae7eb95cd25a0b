// normlab-worker - leases jobs from a server, trains them, reports what it measures.
//
// Exit status: 0 when asked to stop or done, 1 when the server refuses this worker or was away for --idle-seconds, 2 for wrong arguments, 3 when a job
// got nowhere and this process ended itself to end it.

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/man_page.h"
#include "base/parallel.h"
#include "base/parse_number.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "base/signals.h"
#include "base/version.h"
#include "experiments/experiment.h"
#include "nn/cpu.h"
#include "nn/denormals.h"
#include "proto/transport/address.h"
#include "proto/transport/channel.h"
#include "proto/transport/token.h"
#include "workers/facts.h"
#include "workers/session.h"

namespace normlab::workers {
namespace {

constexpr int kStalled = 3;

constexpr char kExamples[] = R"(Examples:
  normlab-worker                                   serve the normlabd of this user, on all cores
  normlab-worker --threads 1 --once                train one job on one core, then exit
  normlab-worker --address 127.0.0.1:7070 --token-file ~/token
                                                   serve through a loopback port or a tunnel

normlabd starts workers of its own; start one by hand to add cores or another machine. Stop it with Ctrl-C: it
finishes the step, leaves a checkpoint, and the job goes on elsewhere or when a worker is back.)";

// A folder of this user's alone in the temporary one, most of which the sandbox then keeps closed.
std::string OwnSpool() {
  return (std::filesystem::temp_directory_path() / fmt::format("normlab-spool-{}", ::getuid())).string();
}

struct Arguments {
  std::string socket = SocketPath(DefaultHome());
  std::string address;
  std::string token_file;
  std::string ca;
  std::string cert;
  std::string key;
  int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::vector<std::string> data = DataDirectories();
  std::string spool = OwnSpool();
  double checkpoint_interval = 30;
  int stall_seconds = 900;
  bool once = false;
  std::optional<int> idle_seconds;
  bool no_sandbox = false;
  int max_file_gib = 64;
  std::optional<int> address_space_gib;
  std::optional<int> parent;  // 0: whoever it is now
};

void Declare(CLI::App& app, Arguments& arguments) {
  app.footer(kExamples);
  app.set_version_flag("--version", VersionText("normlab-worker"));
  AddManFlag(app);
  auto* socket = app.add_option("--socket", arguments.socket, "Unix socket of the server [HOME/run/normlabd.sock]")
                     ->type_name("PATH");
  auto* address = app.add_option("--address", arguments.address,
                                 "address and port of the server instead: loopback, or with --ca any host")
                      ->type_name("HOST:PORT")
                      ->excludes(socket);
  app.add_option("--token-file", arguments.token_file, "file with the server's token, for --address")
      ->type_name("PATH")
      ->needs(address);
  auto* ca = app.add_option("--ca", arguments.ca,
                            "speak TLS with a server whose certificate was signed by the one in this PEM file")
                 ->type_name("PATH")
                 ->needs(address);
  auto* cert =
      app.add_option("--cert", arguments.cert, "this worker's certificate, for servers that ask for one; with --key")
          ->type_name("PATH")
          ->needs(ca);
  app.add_option("--key", arguments.key, "its key")->type_name("PATH")->needs(cert);
  app.add_option("--threads", arguments.threads, "threads that train; any number gives the same bits [one per core]")
      ->type_name("N")
      ->check(CLI::Range(1, 1024).description(""));
  app.add_option("--data", arguments.data,
                 "directory of data sets, repeatable [$NORMLAB_DATA, HOME/data, /usr/share/datasets]")
      ->type_name("DIRECTORY")
      ->take_all();
  app.add_option("--spool", arguments.spool,
                 "directory where checkpoints and weights wait to be sent; room for two of each [normlab-spool-UID in "
                 "$TMPDIR, else /tmp]")
      ->type_name("DIRECTORY");
  app.add_option("--checkpoint-interval", arguments.checkpoint_interval, "seconds between checkpoints")
      ->type_name("SECONDS")
      ->capture_default_str()
      ->envname("NORMLAB_CHECKPOINT_INTERVAL")
      ->check([](const std::string& text) { return WrongReal(text, 0, 86400, "a number from 0 to 86400"); });
  app.add_option("--stall-seconds", arguments.stall_seconds,
                 "how long a job may make no step; then this process ends with exit code 3")
      ->type_name("SECONDS")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000).description(""));
  app.add_flag("--once", arguments.once, "exit after one job");
  app.add_option("--idle-seconds", arguments.idle_seconds, "exit after so long without a job [never]")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86'400).description(""));
  app.add_flag("--no-sandbox", arguments.no_sandbox,
               "do not give up files, ports and system calls that training has no use for; for debuggers");
  app.add_option("--max-file-gib", arguments.max_file_gib, "largest file that may be written, in the sandbox")
      ->type_name("GIB")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024).description(""));
  app.add_option("--address-space-gib", arguments.address_space_gib,
                 "largest address space, in the sandbox; libraries reserve more of it than they use [any]")
      ->type_name("GIB")
      ->check(CLI::Range(1, 65'536).description(""));
  app.add_option("--die-with-parent", arguments.parent,
                 "end at once when the process that started this one ends; with its PID also if it has ended already")
      ->type_name("[PID]")
      ->expected(0, 1);
}

// The exit status when the program is to end at once (help or a wrong argument).
std::optional<int> Parse(int argc, char** argv, Arguments& arguments) {
  CLI::App app("Leases training jobs from a normlab server and runs them.", "normlab-worker");
  Declare(app, arguments);
  try {
    app.parse(argc, argv);
    // Were it needed as --ca is, the help would say now the one first and now the other.
    if (!arguments.cert.empty() && arguments.key.empty()) {
      throw CLI::RequiresError("--cert", "--key");
    }
  } catch (const CLI::CallForAllHelp&) {
    const ManPageTitle title{.command = "normlab-worker",
                             .section = 8,
                             .version = "normlab " + std::string(ThisBuild().version),
                             .see_also = {"normlabd(8)", "normlab(1)"}};
    return PrintToStdout("normlab-worker", ManPage(app, title)) ? 0 : 1;
  } catch (const CLI::CallForHelp&) {
    return PrintToStdout("normlab-worker", app.help()) ? 0 : 1;
  } catch (const CLI::CallForVersion&) {
    return PrintToStdout("normlab-worker", VersionText("normlab-worker") + "\n") ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

// The kernel's promise holds from the call on; a parent that died before it is noticed by its id.
bool DieWithParent(int expected) {
  const int before = expected != 0 ? expected : ::getppid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  return ::getppid() == before;
}

// Adds what symbolic links in a folder, and `depth` folders below, lead to.
void AddLinked(const std::string& folder, int depth, std::vector<std::string>& paths) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; entry != end; entry.increment(error)) {
    if (entry->is_symlink(error)) {
      paths.push_back(entry->path().string());
    }
    if (depth > 0 && entry->is_directory(error)) {
      AddLinked(entry->path().string(), depth - 1, paths);
    }
  }
}

// Data, and data sets and files of them that somebody keeps elsewhere behind symbolic links.
std::vector<std::string> DataToRead(const std::vector<std::string>& directories) {
  constexpr int kSetsAndFolders = 2;  // SET/FILE, and SET/images/FILE
  std::vector<std::string> paths = directories;
  for (const std::string& directory : directories) {
    AddLinked(directory, kSetsAndFolders, paths);
  }
  return paths;
}

// The folders of this user's home that may still be missing: what is made later could not be reached.
void MakeOwnFolders() {
  if (!DefaultHome().empty()) {
    PosixFileSystem().MakeDirectories(OwnDataDirectory()).IgnoreError();
    PosixFileSystem().MakeDirectories(CacheDirectory()).IgnoreError();
  }
}

// Anybody may make a folder in /tmp; this one is used only if it is this user's and closed to others.
absl::Status MakeSpool(const std::string& spool) {
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(spool));
  struct stat info {};
  const bool mine = ::lstat(spool.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::getuid() &&
                    (info.st_mode & 077) == 0;
  return mine || spool != OwnSpool()
             ? absl::OkStatus()
             : absl::PermissionDeniedError(fmt::format(
                   "{} is not a folder of yours that is closed to others; remove it, or name another with --spool",
                   spool));
}

// Programs that clear /tmp of what is old leave a folder alone that somebody has locked. Held until the process ends.
void HoldSpool(const std::string& spool) {
  const int folder = ::open(spool.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || ::flock(folder, LOCK_SH | LOCK_NB) != 0) {
    Log(LogLevel::kWarning, "spool_not_held", {{"spool", spool}, {"why", std::strerror(errno)}});
  }
}

// What is in force, for people.
std::string EnterSandbox(const Arguments& arguments) {
  if (arguments.no_sandbox) {
    return "none: --no-sandbox";
  }
  MakeOwnFolders();
  SandboxOptions options;
  options.allowed.read_only = DataToRead(arguments.data);
  options.allowed.read_write = {arguments.spool, CacheDirectory()};
  if (!arguments.address.empty()) {
    options.allowed.read_only.push_back(arguments.token_file);
    for (const std::string& file : {arguments.ca, arguments.cert, arguments.key}) {
      if (!file.empty()) {  // the folder, for a certificate that is renewed is another file
        options.allowed.read_only.push_back(std::filesystem::absolute(file).parent_path().string());
      }
    }
    // Files there are replaced when the network changes.
    for (const char* resolver : {"/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf"}) {
      options.allowed.read_only.emplace_back(resolver);
    }
    if (const auto server = ReadRemote("--address", arguments.address); server.ok()) {
      options.allowed.connect.push_back(server->port);
    }
  }
  options.file_bytes = static_cast<std::uint64_t>(arguments.max_file_gib) << 30;
  if (arguments.address_space_gib) {
    options.address_space = static_cast<std::uint64_t>(*arguments.address_space_gib) << 30;
  }
  return SandboxText(normlab::EnterSandbox(options));
}

[[noreturn]] void EndStalled(int seconds) {
  Log(LogLevel::kError, "job_got_nowhere",
      {{"seconds", seconds}, {"next", "this process ends; --stall-seconds gives slow steps longer"}});
  ::_exit(kStalled);
}

SessionOptions ToOptions(const Arguments& arguments, std::map<std::string, std::string> facts) {
  SessionOptions options;
  options.worker = WorkerName();
  options.arithmetic = nn::arithmetic();
  options.data_directories = arguments.data;
  options.spool_directory = arguments.spool;
  options.facts = std::move(facts);
  options.once = arguments.once;
  if (arguments.idle_seconds) {
    options.idle = std::chrono::seconds(*arguments.idle_seconds);
  }
  options.leave_with_server = arguments.parent.has_value();
  options.runner.checkpoint_interval =
      std::chrono::milliseconds(static_cast<std::int64_t>(1000 * arguments.checkpoint_interval));
  options.stall = std::chrono::seconds(arguments.stall_seconds);
  options.on_stall = [seconds = arguments.stall_seconds] { EndStalled(seconds); };
  options.make_experiment = MakeExperiment;
  options.imported_data = ImportedDataSha256;
  return options;
}

// A server that was away is found again within a second.
grpc::ChannelArguments Reconnecting() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);  // also how long one try to connect may take
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  return arguments;
}

// What a launcher gave this process; of one started by hand, what its token file says.
std::string Authorization(const Dialled& server) {
  const char* const credential = std::getenv(kWorkerCredential);
  return credential == nullptr ? server.authorization : AuthorizationOf(credential);
}

absl::Status Serve(const Arguments& arguments, std::map<std::string, std::string> facts, std::stop_token stop) {
  NORMLAB_ASSIGN_OR_RETURN(const Dialled server, Dial({.socket = arguments.socket,
                                                       .address = arguments.address,
                                                       .token_file = arguments.token_file,
                                                       .ca = arguments.ca,
                                                       .cert = arguments.cert,
                                                       .key = arguments.key},
                                                      Reconnecting()));
  ServiceClient client(server.channel, Authorization(server));
  SetThreads(arguments.threads);
  nn::flush_denormals();
  Log(LogLevel::kInfo, "sandbox", {{"in_force", facts.at("sandbox")}});
  return RunSession(client, ToOptions(arguments, std::move(facts)), stop);
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (const auto status = Parse(argc, argv, arguments)) {
    return *status;
  }
  if (arguments.parent && !DieWithParent(*arguments.parent)) {
    return 0;
  }
  if (const absl::Status made = MakeSpool(arguments.spool); !made.ok()) {
    fmt::print(stderr, "normlab-worker: {}\n", Message(made));
    return 1;
  }
  HoldSpool(arguments.spool);
  // Before the first thread, before anything of the server or of a data set is read, and after /proc/cpuinfo is.
  std::map<std::string, std::string> facts = ProcessFacts(arguments.threads);
  facts["sandbox"] = EnterSandbox(arguments);
  std::stop_source stop;
  SignalThread signals([&stop](int count) {
    stop.request_stop();
    if (count > 1) {
      ::_exit(1);
    }
  });
  if (const absl::Status status = Serve(arguments, std::move(facts), stop.get_token()); !status.ok()) {
    fmt::print(stderr, "normlab-worker: {}\n", Message(status));
    return absl::IsInvalidArgument(status) ? 2 : 1;
  }
  return 0;
}

}  // namespace
}  // namespace normlab::workers

int main(int argc, char** argv) { return normlab::workers::Main(argc, argv); }
