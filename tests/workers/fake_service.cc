#include "tests/workers/fake_service.h"

#include <google/protobuf/util/time_util.h>
#include <grpcpp/server_builder.h>

#include <bit>

#include "base/crc32c.h"

namespace normlab::workers {
namespace {

const grpc::Status kLost(grpc::StatusCode::UNAVAILABLE, "the answer was lost");

// Reads a file sent in pieces; absent when size or checksum are not those announced, or a piece is too large.
template <typename Request, typename Header>
std::optional<std::string> ReadFile(grpc::ServerReader<Request>& reader, Header& header, bool drops) {
  Request part;
  std::string bytes;
  std::uint64_t size = 0;
  std::uint32_t crc32c = 0;
  while (reader.Read(&part)) {
    if (part.has_header()) {
      header = part.header();
    } else if (part.data().size() > (256 << 10)) {
      return std::nullopt;
    }
    size += part.data().size();
    crc32c = Crc32c(part.data(), crc32c);
    bytes += drops ? "" : part.data();
  }
  return size == header.size() && crc32c == header.crc32c() ? std::optional(bytes) : std::nullopt;
}

// gRPC's locks are futexes, which the thread sanitizer does not see: to it a call orders nothing. A mutex that both of its sides
// pass does: what a test sets before a call, and what it finds after one.
void PassOn() {
  static Mutex mu;
  const MutexLock lock(mu);
}
class PassOnAtCalls : public grpc::ClientContext::GlobalCallbacks {
  void DefaultConstructor(grpc::ClientContext*) override { PassOn(); }
  void Destructor(grpc::ClientContext*) override { PassOn(); }
};

}  // namespace

FakeService::FakeService() {
  static PassOnAtCalls callbacks;
  static const bool once = [] {
    grpc::ClientContext::SetGlobalCallbacks(&callbacks);
    return true;
  }();
  static_cast<void>(once);
  grpc::ServerBuilder builder;
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

FakeService::~FakeService() { server_->Shutdown(std::chrono::system_clock::now()); }

std::shared_ptr<grpc::Channel> FakeService::Channel() { return server_->InProcessChannel({}); }

void FakeService::AddJob(int number, std::chrono::milliseconds lease, std::optional<std::uint64_t> checkpoint_step) {
  MutexLock lock(mu_);
  v1::LeaseResponse::Lease& job = *jobs_.emplace_back().mutable_lease();
  job.mutable_attempt()->set_job_id("j1");
  job.mutable_attempt()->set_number(number);
  job.mutable_spec()->set_seed(1);
  job.mutable_spec()->mutable_mnist_mlp()->set_dataset(v1::MNIST_DATASET_MNIST);  // a lease names its data
  *job.mutable_lease() = google::protobuf::util::TimeUtil::MillisecondsToDuration(lease.count());
  if (checkpoint_step) {
    job.set_checkpoint_step(*checkpoint_step);
  }
}

void FakeService::Script(const std::string& method, grpc::Status status, int times) {
  MutexLock lock(mu_);
  script_[method].insert(script_[method].end(), times, status);
}

std::optional<grpc::Status> FakeService::Scripted(const std::string& method) {
  PassOn();
  auto& statuses = script_[method];
  if (statuses.empty()) {
    return std::nullopt;
  }
  const grpc::Status status = statuses.front();
  statuses.pop_front();
  return status;
}

grpc::Status FakeService::Answer(const std::string& method) {
  PassOn();
  return lost_answers_.erase(method) > 0 ? kLost : grpc::Status::OK;
}

grpc::Status FakeService::Lease(grpc::ServerContext* context, const v1::LeaseRequest* request,
                                v1::LeaseResponse* response) {
  MutexLock lock(mu_);
  lease_request_ids.push_back(request->request_id());
  if (const auto it = context->client_metadata().find("authorization"); it != context->client_metadata().end()) {
    authorization.assign(it->second.data(), it->second.size());
  }
  if (const auto status = Scripted("Lease")) {
    return *status;
  }
  if (last_lease_ && last_lease_->first == request->request_id()) {
    *response = last_lease_->second;
  } else if (!jobs_.empty()) {
    *response = jobs_.front();
    jobs_.pop_front();
    last_lease_ = {request->request_id(), *response};
  } else {
    on_empty_lease();
  }
  return Answer("Lease");
}

grpc::Status FakeService::Start(grpc::ServerContext*, const v1::StartRequest* request, v1::StartResponse* response) {
  MutexLock lock(mu_);
  if (const auto status = Scripted("Start")) {
    return *status;
  }
  data_sha256 = request->data_sha256();
  if (request->arithmetic() != arithmetic) {
    points.clear();
    checkpoints.clear();
    arithmetic = request->arithmetic();
    response->set_restarted(true);
  }
  return Answer("Start");
}

grpc::Status FakeService::Heartbeat(grpc::ServerContext*, const v1::HeartbeatRequest* request,
                                    v1::HeartbeatResponse* response) {
  MutexLock lock(mu_);
  if (const auto status = Scripted("Heartbeat")) {
    return *status;
  }
  if (on_heartbeat) {
    *response = on_heartbeat(*request);
  }
  return Answer("Heartbeat");
}

grpc::Status FakeService::AwaitOrder(grpc::ServerContext* context, const v1::AwaitOrderRequest*,
                                     v1::AwaitOrderResponse* response) {
  MutexLock lock(mu_);
  if (const auto status = Scripted("AwaitOrder")) {
    return *status;
  }
  if (on_order) {
    *response = on_order();
    return grpc::Status::OK;
  }
  std::condition_variable never;
  while (!context->IsCancelled()) {
    lock.WaitUntil(never, std::chrono::steady_clock::now() + std::chrono::milliseconds(2));
  }
  return grpc::Status::CANCELLED;
}

grpc::Status FakeService::AppendPoints(grpc::ServerContext*, const v1::AppendPointsRequest* request,
                                       v1::AppendPointsResponse*) {
  MutexLock lock(mu_);
  if (const auto status = Scripted("AppendPoints")) {
    return *status;
  }
  if (on_points) {
    on_points();
  }
  for (const auto& columns : request->columns()) {
    for (int i = 0; i < columns.steps_size(); ++i) {
      const auto [it, is_new] = points.try_emplace({columns.series(), columns.steps(i)}, columns.values(i));
      repeated_points += is_new ? 0 : 1;
      different_points +=
          std::bit_cast<std::uint64_t>(it->second) == std::bit_cast<std::uint64_t>(columns.values(i)) ? 0 : 1;
    }
  }
  return Answer("AppendPoints");
}

grpc::Status FakeService::PutCheckpoint(grpc::ServerContext*, grpc::ServerReader<v1::PutCheckpointRequest>* reader,
                                        v1::PutCheckpointResponse*) {
  v1::PutCheckpointRequest::Header header;
  const auto bytes = ReadFile(*reader, header, drops_files);
  MutexLock lock(mu_);
  if (const auto status = Scripted("PutCheckpoint")) {
    return *status;
  }
  if (!bytes) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "size or checksum"};
  }
  checkpoints[header.step()] = *bytes;
  std::uint64_t last = 0;
  for (const auto& [key, value] : points) {
    last = key.first == "train/loss" ? key.second : last;
  }
  last_step_before_checkpoint[header.step()] = last;
  return Answer("PutCheckpoint");
}

grpc::Status FakeService::GetCheckpoint(grpc::ServerContext*, const v1::GetCheckpointRequest*,
                                        grpc::ServerWriter<v1::GetCheckpointResponse>* writer) {
  MutexLock lock(mu_);
  if (const auto status = Scripted("GetCheckpoint")) {
    return *status;
  }
  const auto& [step, bytes] = *checkpoints.rbegin();
  v1::GetCheckpointResponse part;
  part.mutable_header()->set_step(step);
  part.mutable_header()->set_size(bytes.size());
  part.mutable_header()->set_crc32c(Crc32c(bytes));
  writer->Write(part);
  for (std::size_t at = 0; at < bytes.size(); at += 100) {
    part.set_data(bytes.substr(at, 100));
    writer->Write(part);
  }
  return Answer("GetCheckpoint");
}

grpc::Status FakeService::PutArtifact(grpc::ServerContext*, grpc::ServerReader<v1::PutArtifactRequest>* reader,
                                      v1::PutArtifactResponse*) {
  v1::PutArtifactRequest::Header header;
  const auto bytes = ReadFile(*reader, header, drops_files);
  MutexLock lock(mu_);
  if (const auto status = Scripted("PutArtifact")) {
    return *status;
  }
  if (!bytes) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "size or checksum"};
  }
  artifacts[header.name()] = *bytes;
  return Answer("PutArtifact");
}

grpc::Status FakeService::Finish(grpc::ServerContext*, const v1::FinishRequest* request, v1::FinishResponse*) {
  MutexLock lock(mu_);
  if (const auto status = Scripted("Finish")) {
    return *status;
  }
  finished.push_back(*request);
  return Answer("Finish");
}

}  // namespace normlab::workers
