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
  std::vector<v1::Token> tokens;
  std::vector<v1::AuditEntry> audit;          // each in a message of its own
  std::string secret = std::string(64, 'a');  // of every token that is made

  // --- what it saw ---
  std::vector<v1::DrainRequest> drains;
  std::uint32_t keep = 0;
  std::string checked = "nothing";
  int scrubs = 0;
  std::vector<v1::CollectGarbageRequest> collected;
  std::vector<v1::CreateTokenRequest> made;
  v1::ReadAuditRequest read_audit;
  std::vector<std::string> rotated;
  std::vector<std::string> revoked;

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
  grpc::Status CreateToken(grpc::ServerContext*, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override {
    made.push_back(*request);
    response->mutable_token()->set_name(request->name());
    response->mutable_token()->set_role(request->role());
    response->set_secret(secret);
    return grpc::Status::OK;
  }
  grpc::Status ListTokens(grpc::ServerContext*, const v1::ListTokensRequest*,
                          v1::ListTokensResponse* response) override {
    response->mutable_tokens()->Assign(tokens.begin(), tokens.end());
    return grpc::Status::OK;
  }
  grpc::Status ReadAudit(grpc::ServerContext*, const v1::ReadAuditRequest* request,
                         grpc::ServerWriter<v1::ReadAuditResponse>* writer) override {
    read_audit = *request;
    for (const v1::AuditEntry& entry : audit) {
      v1::ReadAuditResponse response;
      *response.add_entries() = entry;
      writer->Write(response);
    }
    return grpc::Status::OK;
  }
  grpc::Status RotateToken(grpc::ServerContext*, const v1::RotateTokenRequest* request,
                           v1::RotateTokenResponse* response) override {
    rotated.push_back(request->name());
    response->mutable_token()->set_name(request->name());
    response->mutable_token()->set_role(v1::ROLE_VIEWER);
    response->set_secret(secret);
    return grpc::Status::OK;
  }
  grpc::Status RevokeToken(grpc::ServerContext*, const v1::RevokeTokenRequest* request,
                           v1::RevokeTokenResponse* response) override {
    revoked.push_back(request->name());
    response->mutable_token()->set_name(request->name());
    response->mutable_token()->mutable_revoked()->set_seconds(1);
    return grpc::Status::OK;
  }
};

}  // namespace normlab::client
