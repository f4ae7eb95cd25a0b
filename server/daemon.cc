#include "server/daemon.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/paths.h"
#include "base/sha256.h"
#include "data/registry.h"
#include "proto/transport/link_code.h"
#include "proto/transport/token.h"
#include "server/edge/grpc_server.h"
#include "server/edge/listener.h"
#include "server/edge/news.h"
#include "server/http/http_server.h"
#include "server/mlflow/mlflow_api.h"
#include "server/mlflow/tracking_service.h"
#include "server/schedule/computed_by.h"
#include "server/schedule/local_data.h"
#include "server/schedule/local_launcher.h"
#include "server/schedule/slurm_launcher.h"
#include "server/tensorboard/tensorboard_service.h"

namespace normlab::server {
namespace {

constexpr std::chrono::milliseconds kSweepPause{250};
constexpr std::chrono::milliseconds kCertificatePause{2'000};  // between two looks at their files
constexpr std::chrono::milliseconds kFailedGrace{1'000};       // for workers, whose last reports nobody can take
constexpr std::chrono::milliseconds kCallGrace{1'000};         // for calls under way, which take milliseconds
// For their answers to leave. gRPC waits as long for clients that keep an idle connection.
constexpr std::chrono::milliseconds kAnswerGrace{100};
const std::vector<std::unique_ptr<judging::Paper>> kNoPapers;

// Calls `sweep` now and then.
void SweepUntilStopped(const std::function<void()>& sweep, std::stop_token stop) {
  std::mutex mu;
  std::condition_variable_any wake;
  std::unique_lock lock(mu);
  while (!wake.wait_for(lock, stop, kSweepPause, [&stop] { return stop.stop_requested(); })) {
    sweep();
  }
}

// Members stand in the order in which they are made; destruction runs backwards.
class DaemonImpl : public Daemon {
 public:
  explicit DaemonImpl(DaemonOptions options) : options_(std::move(options)) {}

  ~DaemonImpl() override { Stop(); }

  absl::Status Begin() {
    NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(options_.home));
    NORMLAB_RETURN_IF_ERROR(TakeLock());
    NORMLAB_RETURN_IF_ERROR(OpenLog());
    NORMLAB_ASSIGN_OR_RETURN(const auto tokens, ReadTokens());
    NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(options_.home + "/run"));
    NORMLAB_ASSIGN_OR_RETURN(std::string key, ReadOrMakeToken(options_.home + "/run/attempts.key"));
    secrets_ = std::make_unique<WorkerSecrets>(std::move(key));
    NORMLAB_ASSIGN_OR_RETURN(issued_, IssuedTokens::Open(options_.home + "/tokens.json"));
    NORMLAB_ASSIGN_OR_RETURN(audit_, AuditLog::Open(Logs()));
    auditor_ = std::make_unique<Auditor>(*audit_);
    gate_ = std::make_unique<Gate>(Access(tokens, *secrets_, issued_.get()), options_.limits, auditor_.get());
    NORMLAB_ASSIGN_OR_RETURN(store_, OpenStore());
    quota_ = std::make_unique<QueueQuota>(*store_, options_.limits.queued_of_one);
    LearnData();
    attempts_ = std::make_unique<Attempts>(*store_, options_.attempts);
    KeepPilots();
    NORMLAB_RETURN_IF_ERROR(attempts_->Recover());
    news_ = std::make_unique<News>(*store_);
    upkeep_ = std::make_unique<Upkeep>(
        *store_, UpkeepOptions{.backups = options_.backups.empty() ? options_.home + "/backups" : options_.backups,
                               .record = options_.home + "/scrub.txt"});
    core_ = std::unique_ptr<Core>(new Core{.store = *store_,
                                           .attempts = *attempts_,
                                           .news = *news_,
                                           .gate = *gate_,
                                           .secrets = *secrets_,
                                           .tokens = *issued_,
                                           .audit = *audit_,
                                           .papers = options_.papers != nullptr ? *options_.papers : kNoPapers,
                                           .job_limits = options_.job_limits,
                                           .quota = *quota_,
                                           .data = data_,
                                           .upkeep = *upkeep_,
                                           .slots = options_.worker_argv.empty() ? 0 : options_.slots,
                                           .home = options_.home,
                                           .logs = Logs(),
                                           .started_ms = UnixMs()});
    NORMLAB_RETURN_IF_ERROR(LoadTls());
    const std::optional<Certificate> certificate = TensorboardCertificate();
    NORMLAB_ASSIGN_OR_RETURN(listener_,
                             Listener::Bind({.socket = options_.socket_path,
                                             .socket_mode = options_.share_socket ? 0660U : 0600U,
                                             .tls_socket = certificate ? TensorboardSocketPath(options_.home) : "",
                                             .address = options_.listen},
                                            {.socket = options_.limits.connections,
                                             .tcp = options_.limits.tcp_connections,
                                             .tcp_of_one = options_.limits.connections_of_one}));
    auditor_->KnowSocketUsers([this] { return listener_->SocketUsers(); });
    NORMLAB_RETURN_IF_ERROR(StartServer(certificate));
    NORMLAB_RETURN_IF_ERROR(OpenHttp());
    sweeper_ = std::jthread([this](std::stop_token stop) { SweepUntilStopped([this] { Sweep(); }, stop); });
    NORMLAB_RETURN_IF_ERROR(StartWorkers());
    Log(LogLevel::kInfo, "serving",
        {{"home", options_.home},
         {"socket", options_.socket_path},
         {"port", port()},
         {"http", http_port()},
         {"workers", options_.slots}});
    return absl::OkStatus();
  }

  void Stop() override {
    if (server_ != nullptr) {
      Log(LogLevel::kInfo, "stopping", {{"home", options_.home}});
      gate_->Drain();
      DrainServer();
      attempts_->Close();
      news_->Close();
    }
    if (launcher_ != nullptr) {
      launcher_->Stop(failure().ok() ? options_.worker_grace : std::min(options_.worker_grace, kFailedGrace));
    }
    if (server_ != nullptr) {
      listener_->Stop();
      gate_->WaitUntilIdle(kCallGrace);
      CloseHttp();
      server_->Stop(kAnswerGrace);
      const MutexLock lock(mu_);
      server_.reset();
      Log(LogLevel::kInfo, "stopped", {{"home", options_.home}});
    }
  }

  absl::Status failure() const override {
    const MutexLock lock(mu_);
    return failure_;
  }

  int port() const override { return listener_->port(); }
  int http_port() const override { return http_ == nullptr ? 0 : http_->port(); }

  absl::StatusOr<std::string> PageLink() const override {
    NORMLAB_ASSIGN_OR_RETURN(const std::string token, AdminToken());
    NORMLAB_ASSIGN_OR_RETURN(const std::string code, MakeLinkCode(token, std::chrono::system_clock::now()));
    return normlab::PageLink(HostAndPort(HttpAddress()), code);
  }

 private:
  // On the store's thread, at any time from its opening on.
  void StoreStopped(const absl::Status& why) {
    gate_->Fail(why);
    {
      const MutexLock lock(mu_);
      failure_ = why;
      if (server_ != nullptr) {
        server_->Drain();
      }
    }
    if (options_.on_failure) {
      options_.on_failure();
    }
  }

  absl::Status LoadTls() {
    if (options_.tls) {
      NORMLAB_ASSIGN_OR_RETURN(tls_, TlsIdentity::Load(*options_.tls));
      if (const absl::Status valid = tls_->CheckNotExpired(); !valid.ok()) {
        Log(LogLevel::kError, "certificate_expired",
            {{"why", Message(valid)}, {"next", "clients refuse it; it is taken once it is replaced"}});
      }
    } else if (options_.listen && !options_.listen->loopback) {
      return absl::InvalidArgumentError("an address that others reach is served with TLS alone");
    }
    return absl::OkStatus();
  }

  // Certificates are renewed while the server runs.
  void LookAtCertificates() {
    const auto now = std::chrono::steady_clock::now();
    if (tls_ == nullptr || now < look_at_certificates_) {
      return;
    }
    look_at_certificates_ = now + kCertificatePause;
    const absl::StatusOr<bool> fresh = tls_->LookAgain();
    if (!fresh.ok()) {
      Log(LogLevel::kError, "certificate_not_taken",
          {{"why", Message(fresh.status())}, {"next", "the old one is kept"}});
    } else if (*fresh) {
      Log(LogLevel::kInfo, "certificate_taken", {{"file", options_.tls->certificate}, {"ends", tls_->ends()}});
    }
  }

  // Absent, with a warning, where its socket cannot be: everything else is served all the same.
  std::optional<Certificate> TensorboardCertificate() const {
    absl::Status status = SocketAddress(TensorboardSocketPath(options_.home)).status();
    if (status.ok()) {
      absl::StatusOr<Certificate> certificate = ReadOrMakeCertificate(TensorboardCertificatePath(options_.home));
      if (certificate.ok()) {
        return *std::move(certificate);
      }
      status = certificate.status();
    }
    Log(LogLevel::kWarning, "no_tensorboard_socket", {{"why", Message(status)}});
    return std::nullopt;
  }

  absl::Status StartServer(const std::optional<Certificate>& certificate) {
    GrpcServerOptions options{.reflection = !options_.listen, .tls = certificate};
    options.port = tls_ == nullptr ? nullptr : tls_->Credentials();
    options.services.push_back(HostTensorboard(*core_));
    options.services.push_back(HostTracking(*core_));
    NORMLAB_ASSIGN_OR_RETURN(auto server, GrpcServer::Start(*core_, *listener_, std::move(options)));
    const MutexLock lock(mu_);
    server_ = std::move(server);
    return failure_;
  }

  std::string HttpFile() const { return options_.home + "/run/http"; }
  Loopback HttpAddress() const { return {.host = options_.http->host, .port = http_->port()}; }
  absl::StatusOr<std::string> AdminToken() const { return ReadToken(options_.token_files.at(Role::kAdmin)); }

  absl::Status OpenHttp() {
    if (!options_.http) {
      return absl::OkStatus();
    }
    NORMLAB_ASSIGN_OR_RETURN(
        http_, http::HttpServer::Start({.listen = *options_.http,
                                        .channel = server_->InProcess(),
                                        .pages = http::EmbeddedPages(),
                                        .apis = {&MlflowApi()},
                                        .identify = [this](std::string_view shown) { return gate_->Identify(shown); },
                                        .admin_token = [this] { return AdminToken(); },
                                        .serving = [this] { return !gate_->draining(); }}));
    return PosixFileSystem().AtomicWrite(HttpFile(), HostAndPort(HttpAddress()) + "\n");
  }

  void CloseHttp() {
    if (http_ != nullptr) {
      (void)PosixFileSystem().Remove(HttpFile());
      http_->Stop(kCallGrace);
    }
  }

  void DrainServer() {
    const MutexLock lock(mu_);
    server_->Drain();
  }

  // A store that has stopped writing can end no attempt: the next start will.
  void Sweep() {
    gate_->EndRevoked();
    listener_->DropGone();
    LookAtCertificates();
    if (failure().ok()) {
      attempts_->Sweep();
    }
  }

  absl::Status TakeLock() {
    const std::string holder = fmt::format("normlabd, process {}, socket {}", ::getpid(), options_.socket_path);
    absl::StatusOr<std::unique_ptr<FileLock>> lock = FileLock::Acquire(options_.home + "/normlabd.lock", holder);
    if (absl::IsFailedPrecondition(lock.status())) {
      return absl::AlreadyExistsError(fmt::format("another server uses {}: {}", options_.home, Message(lock.status())));
    }
    NORMLAB_RETURN_IF_ERROR(lock.status());
    lock_ = *std::move(lock);
    return absl::OkStatus();
  }

  absl::Status OpenLog() const {
    constexpr std::uint64_t kMaxBytes = 8 << 20;  // of one of two pieces
    if (!options_.log_to_home) {
      return absl::OkStatus();
    }
    NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(Logs()));
    return LogToFile(Logs() + "/server.log", kMaxBytes);
  }

  std::string Logs() const { return options_.home + "/logs"; }

  // Of the loopback ports; none without one.
  absl::StatusOr<std::map<Role, std::string>> ReadTokens() const {
    std::map<Role, std::string> tokens;
    if (options_.listen || options_.http) {
      for (const auto& [role, path] : options_.token_files) {
        NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(std::filesystem::path(path).parent_path().string()));
        NORMLAB_ASSIGN_OR_RETURN(tokens[role], ReadOrMakeToken(path));
      }
    }
    return tokens;
  }

  // What workers found of imported data sets before this server started.
  void LearnData() {
    for (const data::DatasetInfo& dataset : data::Datasets()) {
      if (data::IsPinned(dataset)) {
        continue;
      }
      const absl::StatusOr<std::string> content = store_->NewestFact(dataset.name, kContentFact);
      if (content.ok()) {
        data_.Learn(dataset.name, *content);
      } else {
        Log(LogLevel::kWarning, "data_not_known", {{"dataset", dataset.name}, {"why", Message(content.status())}});
      }
    }
  }

  absl::StatusOr<std::unique_ptr<store::Store>> OpenStore() {
    store::StoreOptions options;
    options.max_queued = options_.limits.queued;
    options.on_stopped = [this](const absl::Status& why) { StoreStopped(why); };
    return store::Store::Open(options_.home, options);
  }

  absl::Status StartWorkers() {
    if (options_.worker_argv.empty()) {
      return absl::OkStatus();
    }
    // What is missing when a worker enters its sandbox stays out of its reach.
    NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(options_.home + "/data"));
    NORMLAB_ASSIGN_OR_RETURN(launcher_, MakeLauncher());
    return launcher_->Start();
  }

  absl::StatusOr<std::unique_ptr<Launcher>> MakeLauncher() {
    WorkerStart on_start = [this](std::string_view id) {
      attempts_->WorkerStarted(id);
      return secrets_->CredentialOf(id);
    };
    WorkerExit on_exit = [this](std::string_view id, std::string_view why, bool told) {
      attempts_->WorkerGone(id, why, !told);
    };
    if (!options_.slurm) {
      return std::make_unique<LocalLauncher>(LocalLauncherOptions{.argv = options_.worker_argv,
                                                                  .slots = options_.slots,
                                                                  .log_directory = Logs(),
                                                                  .on_start = std::move(on_start),
                                                                  .on_exit = std::move(on_exit)});
    }
    NORMLAB_RETURN_IF_ERROR(LinkLogs());
    const char* const path = std::getenv("PATH");
    NORMLAB_ASSIGN_OR_RETURN(Slurm slurm, Slurm::Find(path == nullptr ? "" : path));
    return std::make_unique<SlurmLauncher>(SlurmLauncherOptions{.slurm = std::move(slurm),
                                                                .allocation = options_.slurm->allocation,
                                                                .worker_argv = options_.worker_argv,
                                                                .slots = options_.slots,
                                                                .folder = options_.slurm->folder,
                                                                .name_prefix = PilotPrefix(),
                                                                .on_start = std::move(on_start),
                                                                .on_exit = std::move(on_exit),
                                                                .demand = [this] { return LookAtDemand(); }});
  }

  // Tells this home's pilots from all others, and nothing of its key.
  std::string PilotPrefix() const {
    return fmt::format("normlab-{}-", Sha256Hex(secrets_->CredentialOf("home")).substr(0, 12));
  }

  // Where people and JobLog look for what workers said.
  absl::Status LinkLogs() const {
    const std::string link = Logs() + "/slurm";
    std::error_code error;
    NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(Logs()));
    std::filesystem::remove(link, error);
    std::filesystem::create_directory_symlink(options_.slurm->folder, link, error);
    return error ? absl::UnavailableError(fmt::format("link {}: {}", link, error.message())) : absl::OkStatus();
  }

  // Workers on a cluster live through a crash of the server, and so do their attempts.
  void KeepPilots() {
    if (options_.slurm) {
      for (const std::string& id : RecordedPilots(options_.slurm->folder, PilotPrefix())) {
        attempts_->WorkerStarted(id);
      }
    }
  }

  // What the workers of the cluster have to do; while the server drains only what they do already.
  absl::StatusOr<Demand> LookAtDemand() {
    Demand demand;
    for (const Attempts::WorkerView& view : attempts_->Workers()) {
      if (view.worker.id.empty()) {
        continue;
      }
      demand.jobs += view.attempt ? 1 : 0;
      if (view.unheard >= std::chrono::milliseconds(0) && view.unheard < attempts_->lease()) {
        demand.heard.insert(view.worker.id);
      }
    }
    if (!attempts_->held_back()) {
      NORMLAB_ASSIGN_OR_RETURN(const std::int64_t queued, store_->CountQueued());
      demand.jobs += queued;
    }
    return demand;
  }

  const DaemonOptions options_;
  LocalData data_{options_.data_directories};
  mutable Mutex mu_;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<WorkerSecrets> secrets_;
  std::unique_ptr<IssuedTokens> issued_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Auditor> auditor_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<QueueQuota> quota_;
  std::unique_ptr<Attempts> attempts_;
  std::unique_ptr<News> news_;
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<TlsIdentity> tls_;
  std::chrono::steady_clock::time_point look_at_certificates_;  // of the sweeper
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<GrpcServer> server_;  // set and reset under mu_, by the thread of Start and Stop
  std::unique_ptr<http::HttpServer> http_;
  std::jthread sweeper_;
  std::unique_ptr<Launcher> launcher_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(DaemonOptions options) {
  auto daemon = std::make_unique<DaemonImpl>(std::move(options));
  NORMLAB_RETURN_IF_ERROR(daemon->Begin());
  return daemon;
}

}  // namespace normlab::server
