// job_service.h - JobService over the store. Promises and errors are in proto/normlab/v1/jobs.proto.
//
// Thread safety: methods are called by threads of gRPC, one per call, many at a time; each may block.
#pragma once

#include "normlab/v1/jobs.grpc.pb.h"
#include "server/edge/core.h"

namespace normlab::server {

class JobServiceImpl final : public v1::JobService::Service {
 public:
  explicit JobServiceImpl(Core& core) : core_(core) {}

  grpc::Status CreateJob(grpc::ServerContext* context, const v1::CreateJobRequest* request,
                         v1::CreateJobResponse* response) override;
  grpc::Status BatchCreateJobs(grpc::ServerContext* context, const v1::BatchCreateJobsRequest* request,
                               v1::BatchCreateJobsResponse* response) override;
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::GetJobResponse* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                         v1::CancelJobResponse* response) override;
  grpc::Status ResumeJob(grpc::ServerContext* context, const v1::ResumeJobRequest* request,
                         v1::ResumeJobResponse* response) override;
  grpc::Status DeleteJob(grpc::ServerContext* context, const v1::DeleteJobRequest* request,
                         v1::DeleteJobResponse* response) override;
  grpc::Status CancelJobs(grpc::ServerContext* context, const v1::CancelJobsRequest* request,
                          v1::CancelJobsResponse* response) override;
  grpc::Status ResumeJobs(grpc::ServerContext* context, const v1::ResumeJobsRequest* request,
                          v1::ResumeJobsResponse* response) override;
  grpc::Status DeleteJobs(grpc::ServerContext* context, const v1::DeleteJobsRequest* request,
                          v1::DeleteJobsResponse* response) override;
  grpc::Status UpdateJobs(grpc::ServerContext* context, const v1::UpdateJobsRequest* request,
                          v1::UpdateJobsResponse* response) override;
  grpc::Status ListAttempts(grpc::ServerContext* context, const v1::ListAttemptsRequest* request,
                            v1::ListAttemptsResponse* response) override;
  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;
  grpc::Status ReadLog(grpc::ServerContext* context, const v1::ReadLogRequest* request,
                       grpc::ServerWriter<v1::ReadLogResponse>* writer) override;
  grpc::Status WatchJobs(grpc::ServerContext* context, const v1::WatchJobsRequest* request,
                         grpc::ServerWriter<v1::WatchJobsResponse>* writer) override;

 private:
  Core& core_;
};

}  // namespace normlab::server
