#include "tests/server/fixture.h"

#include <fmt/format.h>
#include <grpcpp/generic/generic_stub.h>

#include "base/crc32c.h"
#include "proto/transport/channel.h"
#include "proto/transport/token.h"
#include "server/edge/secrets.h"

namespace normlab::server {
namespace {

grpc::ByteBuffer Bytes(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

std::string Text(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (buffer.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) {
      text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
  }
  return text;
}

}  // namespace

RawAnswer CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& message,
                  const std::string& authorization) {
  grpc::GenericStub stub(channel);
  CallContext context;
  if (!authorization.empty()) {
    context.AddMetadata("authorization", authorization);
  }
  grpc::CompletionQueue queue;
  const auto wait = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  RawAnswer answer;
  call->StartCall(nullptr);
  wait();
  call->WriteLast(Bytes(message), grpc::WriteOptions(), nullptr);
  wait();
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  if (wait()) {
    answer.first_message = Text(response);
    context.TryCancel();  // one message is enough; streams would go on
  }
  call->Finish(&answer.status, nullptr);
  wait();
  return answer;
}

std::string Uuid(int n) { return fmt::format("00000000-0000-4000-8000-{:012x}", n); }

v1::CreateJobRequest MnistRequest(std::uint64_t seed) {
  v1::CreateJobRequest request;
  request.mutable_spec()->set_seed(seed);
  request.mutable_spec()->mutable_mnist_mlp()->set_norm(v1::NORM_KIND_LAYER);
  return request;
}

DaemonOptions ServerTest::Options() {
  DaemonOptions options;
  options.home = folder_.path() + "/home";
  options.socket_path = folder_.path() + "/s/normlabd.sock";
  options.token_files[Role::kAdmin] = folder_.path() + "/token";
  options.papers = &judging::BuiltInPapers();
  return options;
}

void ServerTest::StartServer() {
  absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(Options());
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  daemon_ = *std::move(daemon);
  const auto channel = NewChannel();
  jobs_ = v1::JobService::NewStub(channel);
  curves_ = v1::CurveService::NewStub(channel);
  artifacts_ = v1::ArtifactService::NewStub(channel);
  experiments_ = v1::ExperimentService::NewStub(channel);
  papers_ = v1::PaperService::NewStub(channel);
  workers_ = v1::WorkerService::NewStub(channel);
}

std::shared_ptr<grpc::Channel> ServerTest::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  return Dial({.socket = folder_.path() + "/s/normlabd.sock"}, arguments)->channel;
}

v1::Job ServerTest::Create(std::uint64_t seed) {
  CallContext context;
  v1::CreateJobResponse response;
  const grpc::Status status = jobs_->CreateJob(&context, MnistRequest(seed), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.job();
}

v1::LeaseResponse::Lease ServerTest::LeaseOne(const std::string& worker) {
  CallContext context;
  v1::LeaseRequest request;
  request.set_worker(worker);
  request.mutable_wait()->set_seconds(20);
  v1::LeaseResponse response;
  const grpc::Status status = workers_->Lease(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.has_lease());
  return response.lease();
}

v1::Attempt ServerTest::AttemptOf(store::AttemptId attempt) const {
  return WorkerSecrets(*ReadToken(folder_.path() + "/home/run/attempts.key")).Name(attempt);
}

v1::Job ServerTest::Get(const std::string& job_id) {
  CallContext context;
  v1::GetJobRequest request;
  request.set_job_id(job_id);
  v1::GetJobResponse response;
  const grpc::Status status = jobs_->GetJob(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.job();
}

grpc::Status ServerTest::Append(const v1::Attempt& attempt, const std::string& series, std::uint64_t first, int n) {
  CallContext context;
  v1::AppendPointsRequest request;
  *request.mutable_attempt() = attempt;
  auto& columns = *request.add_columns();
  columns.set_series(series);
  for (int i = 0; i < n; ++i) {
    const std::uint64_t step = first + static_cast<std::uint64_t>(i);
    columns.add_steps(step);
    columns.add_values(1.0 / static_cast<double>(step + 1));
    columns.add_wall_ms(1'700'000'000'000 + static_cast<std::int64_t>(step));
  }
  v1::AppendPointsResponse response;
  return workers_->AppendPoints(&context, request, &response);
}

grpc::Status ServerTest::Finish(const v1::Attempt& attempt, v1::Outcome outcome) {
  CallContext context;
  v1::FinishRequest request;
  *request.mutable_attempt() = attempt;
  request.set_outcome(outcome);
  request.set_error(outcome == v1::OUTCOME_FAILED ? "out of memory" : "");
  request.set_fingerprint(outcome == v1::OUTCOME_SUCCEEDED ? std::string(64, 'a') : "");
  request.set_steps_done(100);
  request.set_cpu_seconds(2.5);
  (*request.mutable_facts())["isa"] = "avx2";
  v1::FinishResponse response;
  return workers_->Finish(&context, request, &response);
}

grpc::Status ServerTest::Beat(const v1::Attempt& attempt, v1::HeartbeatResponse* response) {
  CallContext context;
  v1::HeartbeatRequest request;
  *request.mutable_attempt() = attempt;
  request.set_steps_done(10);
  request.set_steps_total(100);
  request.set_steps_per_second(7.5);
  request.set_cpu_seconds(1.5);
  return workers_->Heartbeat(&context, request, response);
}

grpc::Status ServerTest::PutCheckpoint(const v1::Attempt& attempt, std::uint64_t step, const std::string& bytes) {
  CallContext context;
  v1::PutCheckpointResponse response;
  const auto writer = workers_->PutCheckpoint(&context, &response);
  v1::PutCheckpointRequest message;
  auto& header = *message.mutable_header();
  *header.mutable_attempt() = attempt;
  header.set_step(step);
  header.set_size(bytes.size());
  header.set_crc32c(Crc32c(bytes));
  bool open = writer->Write(message);
  for (std::size_t begin = 0; open && begin < bytes.size(); begin += 256 * 1024) {
    message.set_data(bytes.substr(begin, 256 * 1024));
    open = writer->Write(message);
  }
  writer->WritesDone();
  return writer->Finish();
}

}  // namespace normlab::server
