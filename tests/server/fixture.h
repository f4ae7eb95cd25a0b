// fixture.h - a real server in this process on a Unix socket in a folder of its own, and clients that speak to it.
#pragma once

#include <gmock/gmock.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "normlab/v1/artifacts.grpc.pb.h"
#include "normlab/v1/catalog.grpc.pb.h"
#include "normlab/v1/curves.grpc.pb.h"
#include "normlab/v1/jobs.grpc.pb.h"
#include "normlab/v1/papers.grpc.pb.h"
#include "normlab/v1/worker.grpc.pb.h"
#include "server/daemon.h"
#include "tests/scratch_folder.h"

namespace normlab::server {

// How long a test waits before it fails instead of hanging. Nothing healthy comes near it, on a machine however slow.
inline constexpr std::chrono::seconds kPatience{100};

// A call's context with a deadline.
class CallContext : public grpc::ClientContext {
 public:
  CallContext() { set_deadline(std::chrono::system_clock::now() + kPatience); }
};

// Waits for something another thread brings about; false when patience has ended.
template <typename Condition>
bool Eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

// A detail of an error; a default one if it has none.
template <typename Detail>
Detail DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  Detail detail;
  for (const auto& any : details.details()) {
    if (any.Is<Detail>()) {
      any.UnpackTo(&detail);
    }
  }
  return detail;
}

inline std::string ReasonOf(const grpc::Status& status) { return DetailOf<google::rpc::ErrorInfo>(status).reason(); }

// The paths of the wrong fields, in order.
inline std::vector<std::string> WrongFields(const grpc::Status& status) {
  std::vector<std::string> fields;
  const auto detail = DetailOf<google::rpc::BadRequest>(status);
  for (const auto& violation : detail.field_violations()) {
    fields.push_back(violation.field());
  }
  return fields;
}

// Joins the messages of a table, figure or page; `messages`, if given, is how many there were.
template <typename Response>
grpc::Status ReadRendered(std::unique_ptr<grpc::ClientReader<Response>> reader, Response* whole,
                          int* messages = nullptr) {
  std::string content;
  whole->Clear();
  for (Response piece; reader->Read(&piece);) {
    content += piece.content();
    whole->MergeFrom(piece);
    if (messages != nullptr) {
      ++*messages;
    }
  }
  whole->set_content(std::move(content));
  return reader->Finish();
}

struct RawAnswer {
  grpc::Status status;
  std::string first_message;
};
// Calls any method of any kind with one message.
RawAnswer CallRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& message,
                  const std::string& authorization);

// The n-th of a set of UUIDs.
std::string Uuid(int n);
// A small valid request; different seeds are different jobs.
v1::CreateJobRequest MnistRequest(std::uint64_t seed = 1);

class ServerTest : public testing::Test {
 protected:
  void SetUp() override { StartServer(); }

  virtual DaemonOptions Options();
  void StartServer();
  void StopServer() { daemon_.reset(); }
  std::shared_ptr<grpc::Channel> NewChannel() const;

  // Short ways; they expect success.
  v1::Job Create(std::uint64_t seed = 1);
  v1::LeaseResponse::Lease LeaseOne(const std::string& worker = "elsewhere:1");
  v1::Job Get(const std::string& job_id);
  // As its worker would name it, whether it was ever leased or not.
  v1::Attempt AttemptOf(store::AttemptId attempt) const;
  grpc::Status Append(const v1::Attempt& attempt, const std::string& series, std::uint64_t first, int n);
  grpc::Status Finish(const v1::Attempt& attempt, v1::Outcome outcome = v1::OUTCOME_SUCCEEDED);
  grpc::Status Beat(const v1::Attempt& attempt, v1::HeartbeatResponse* response);
  grpc::Status PutCheckpoint(const v1::Attempt& attempt, std::uint64_t step, const std::string& bytes);

  ScratchFolder folder_;
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::unique_ptr<v1::CurveService::Stub> curves_;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts_;
  std::unique_ptr<v1::ExperimentService::Stub> experiments_;
  std::unique_ptr<v1::PaperService::Stub> papers_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
};

}  // namespace normlab::server
