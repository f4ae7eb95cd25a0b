// fake_admin.h - AdminService with answers from plain data.
#pragma once

#include <vector>

#include "normlab/v1/admin.grpc.pb.h"

namespace normlab::client {

class FakeAdmin final : public v1::AdminService::Service {
 public:
  // --- what it answers with ---
  v1::GetStatusResponse status;
  std::vector<int> working = {0};   // of each Drain; the last one again and again
  v1::ListBackupsResponse backups;  // the first is the one that is made
  std::vector<std::string> removed;
  v1::CheckResponse::Report report;
  v1::CollectGarbageResponse garbage;

  // --- what it saw ---
  std::vector<v1::DrainRequest> drains;
  std::uint32_t keep = 0;
  std::string checked = "nothing";
  int scrubs = 0;
  std::vector<v1::CollectGarbageRequest> collected;

 private:
  template <typename Response>
  static void SayProgress(grpc::ServerWriter<Response>& writer) {
    Response response;
    response.mutable_progress()->set_done(1);
    response.mutable_progress()->set_total(2);
    writer.Write(response);
  }

  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*, v1::GetStatusResponse* response) override {
    *response = status;
    return grpc::Status::OK;
  }
  grpc::Status Drain(grpc::ServerContext*, const v1::DrainRequest* request, v1::DrainResponse* response) override {
    response->set_working(working.at(std::min(drains.size(), working.size() - 1)));
    drains.push_back(*request);
    return grpc::Status::OK;
  }
  grpc::Status CreateBackup(grpc::ServerContext*, const v1::CreateBackupRequest* request,
                            grpc::ServerWriter<v1::CreateBackupResponse>* writer) override {
    keep = request->keep();
    SayProgress(*writer);
    v1::CreateBackupResponse made;
    *made.mutable_backup() = backups.backups(0);
    made.mutable_removed()->Assign(removed.begin(), removed.end());
    writer->Write(made);
    return grpc::Status::OK;
  }
  grpc::Status ListBackups(grpc::ServerContext*, const v1::ListBackupsRequest*,
                           v1::ListBackupsResponse* response) override {
    *response = backups;
    return grpc::Status::OK;
  }
  grpc::Status Check(grpc::ServerContext*, const v1::CheckRequest* request,
                     grpc::ServerWriter<v1::CheckResponse>* writer) override {
    checked = request->backup();
    SayProgress(*writer);
    v1::CheckResponse response;
    *response.mutable_report() = report;
    writer->Write(response);
    return grpc::Status::OK;
  }
  grpc::Status StartScrub(grpc::ServerContext*, const v1::StartScrubRequest*, v1::StartScrubResponse*) override {
    ++scrubs;
    return grpc::Status::OK;
  }
  grpc::Status CollectGarbage(grpc::ServerContext*, const v1::CollectGarbageRequest* request,
                              v1::CollectGarbageResponse* response) override {
    collected.push_back(*request);
    *response = garbage;
    return grpc::Status::OK;
  }
};

}  // namespace normlab::client
