#include "server/edge/grpc_server.h"

#include <grpc/grpc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>

#include <mutex>
#include <string_view>
#include <vector>

#include "proto/transport/channel.h"
#include "server/edge/admin_service.h"
#include "server/edge/artifact_service.h"
#include "server/edge/comparison_service.h"
#include "server/edge/curve_service.h"
#include "server/edge/experiment_service.h"
#include "server/edge/import_service.h"
#include "server/edge/job_service.h"
#include "server/edge/paper_service.h"
#include "server/edge/worker_service.h"

namespace normlab::server {
namespace {

constexpr int kMaxMessage = 4 << 20;
constexpr int kMaxMetadata = 8 << 10;
constexpr int kShortCalls = 256;  // at a time, workers' reports among them
constexpr std::size_t kMaxBuffers = std::size_t{512} << 20;

// Takes reflection out of one server: the library puts it into every server of the process.
class WithoutReflection : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins, [](const auto& plugin) { return plugin->name() == kReflectionPlugin; });
  }

 private:
  static constexpr char kReflectionPlugin[] = "proto_server_reflection";
};

// Holds the library until the process ends. Otherwise it is shut down with the last server, which takes up to 10 s
// after a large transfer (its backup poller sleeps so long).
void KeepLibrary() {
  static std::once_flag once;
  std::call_once(once, [] { grpc_init(); });
}

// A call holds a thread while it runs. If all calls that may last run at once, short ones must still find one.
int MaxThreads(const GateLimits& limits) {
  return limits.streams + limits.reads + limits.compares + limits.worker_waits + limits.worker_orders + kShortCalls;
}

void SetLimits(grpc::ServerBuilder& builder, const GateLimits& limits) {
  grpc::ResourceQuota quota("normlabd");
  quota.SetMaxThreads(MaxThreads(limits)).Resize(kMaxBuffers);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxMessage);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadata);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kReadAhead);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1000);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A peer that is gone without a word is noticed within 18 s; peers may ping as often as every 10 s.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 8'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Threads that wait for the next call. Without spares, bursts of blocking calls start and end threads all the time.
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 2);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 16);
}

// Every service there is: what stands here is served, answers health checks and is told by reflection.
std::vector<Hosted> MakeServices(Core& core, std::vector<Hosted> services) {
  services.push_back({v1::JobService::service_full_name(), std::make_unique<JobServiceImpl>(core)});
  services.push_back({v1::CurveService::service_full_name(), std::make_unique<CurveServiceImpl>(core)});
  services.push_back({v1::ArtifactService::service_full_name(), std::make_unique<ArtifactServiceImpl>(core)});
  services.push_back({v1::ExperimentService::service_full_name(), std::make_unique<ExperimentServiceImpl>(core)});
  services.push_back({v1::PaperService::service_full_name(), std::make_unique<PaperServiceImpl>(core)});
  services.push_back({v1::ComparisonService::service_full_name(), std::make_unique<ComparisonServiceImpl>(core)});
  services.push_back({v1::ImportService::service_full_name(), std::make_unique<ImportServiceImpl>(core)});
  services.push_back({v1::AdminService::service_full_name(), std::make_unique<AdminServiceImpl>(core)});
  services.push_back({v1::WorkerService::service_full_name(), std::make_unique<WorkerServiceImpl>(core)});
  return services;
}

class GrpcServerImpl : public GrpcServer {
 public:
  GrpcServerImpl(Core& core, std::vector<Hosted> others)
      : core_(core), services_(MakeServices(core, std::move(others))) {}

  ~GrpcServerImpl() override { Stop(std::chrono::milliseconds(0)); }

  absl::Status Serve(Listener& listener, const GrpcServerOptions& options) {
    KeepLibrary();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    SetLimits(builder, core_.gate.limits());
    for (const Hosted& hosted : services_) {
      builder.RegisterService(hosted.service.get());
    }
    if (!options.reflection) {
      builder.SetOption(std::make_unique<WithoutReflection>());
    }
    const auto accept_with = [&builder](const std::shared_ptr<grpc::ServerCredentials>& credentials) {
      return builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials);
    };
    Listener::Acceptors acceptors;
    acceptors.plain = accept_with(ListenCredentials());
    acceptors.children = accept_with(ListenChildCredentials());
    acceptors.tls_socket = options.tls ? accept_with(ListenCredentials(*options.tls)) : nullptr;
    acceptors.port = options.port ? accept_with(options.port) : nullptr;
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      return absl::InternalError("gRPC did not start");
    }
    for (const Hosted& hosted : services_) {
      server_->GetHealthCheckService()->SetServingStatus(std::string(hosted.name), true);
    }
    listener.Start(std::move(acceptors));
    return absl::OkStatus();
  }

  std::shared_ptr<grpc::Channel> InProcess() override { return server_->InProcessChannel(grpc::ChannelArguments()); }

  void Drain() override { server_->GetHealthCheckService()->SetServingStatus(false); }

  void Stop(std::chrono::milliseconds grace) override {
    if (server_ != nullptr) {
      server_->Shutdown(std::chrono::system_clock::now() + grace);
      server_->Wait();
      server_.reset();
    }
  }

 private:
  const Core& core_;
  const std::vector<Hosted> services_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(Core& core, Listener& listener,
                                                              GrpcServerOptions options) {
  auto server = std::make_unique<GrpcServerImpl>(core, std::move(options.services));
  NORMLAB_RETURN_IF_ERROR(server->Serve(listener, options));
  return server;
}

}  // namespace normlab::server
