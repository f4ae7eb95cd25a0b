#include "server/edge/job_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "server/edge/change_jobs.h"
#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/list_jobs.h"
#include "server/edge/read_log.h"
#include "server/edge/request_id.h"
#include "server/edge/submit.h"
#include "server/edge/watch_jobs.h"

namespace normlab::server {
namespace {

constexpr int kMaxBatch = 1000;

// Places for these, if the caller may have them wait, too. What is there already takes none, and is looked for only if it
// matters.
absl::StatusOr<QueueQuota::Places> ReservePlaces(Core& core, const Caller& caller,
                                                 const std::vector<store::NewJob>& jobs, const store::Request& key) {
  absl::StatusOr<QueueQuota::Places> all = core.quota.Reserve(caller, static_cast<std::int64_t>(jobs.size()), key);
  if (all.ok()) {
    return all;
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::CreatedJob> previewed, core.store.PreviewJobs(jobs));
  const auto fresh = std::count_if(previewed.begin(), previewed.end(), [](const auto& job) { return !job.reused; });
  return core.quota.Reserve(caller, fresh, key);
}

void CountQueued(Core& core, const Caller& caller, const std::vector<store::CreatedJob>& created,
                 const store::Request& key, QueueQuota::Places& places) {
  for (const store::CreatedJob& job : created) {
    if (!job.reused) {
      core.quota.Queued(caller, job.job.id, key, places);
    }
  }
}

absl::Status Create(Core& core, const v1::CreateJobRequest& request, const Caller& caller,
                    v1::CreateJobResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const store::Request key, RequestOf(request));
  std::vector<FieldViolation> violations;
  const store::NewJob job = PrepareJob(core, request, "", violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> warnings, CheckData(core, {job}, {request.force()}));
  NORMLAB_ASSIGN_OR_RETURN(QueueQuota::Places places, ReservePlaces(core, caller, {job}, key));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::CreatedJob> created, core.store.CreateJobs(key, {job}));
  CountQueued(core, caller, created, key, places);
  core.attempts.QueueChanged();
  ToWire(created.at(0).job, *response.mutable_job());
  response.set_reused(created.at(0).reused);
  response.set_warning(warnings[0]);
  return absl::OkStatus();
}

// What BatchCreate would answer, with nothing stored: new jobs have no id and no state yet.
absl::Status Preview(Core& core, const std::vector<store::NewJob>& jobs, v1::BatchCreateJobsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::CreatedJob> previewed, core.store.PreviewJobs(jobs));
  for (const store::CreatedJob& preview : previewed) {
    v1::CreateJobResponse& wire = *response.add_jobs();
    wire.set_reused(preview.reused);
    if (preview.job.id != 0) {
      ToWire(preview.job, *wire.mutable_job());
    } else {
      wire.mutable_job()->mutable_spec()->ParseFromString(preview.job.spec);
      wire.mutable_job()->set_identity(preview.job.identity);
    }
  }
  return absl::OkStatus();
}

absl::Status BatchCreate(Core& core, const v1::BatchCreateJobsRequest& request, const Caller& caller,
                         v1::BatchCreateJobsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const store::Request key, RequestOf(request));
  if (request.requests_size() < 1 || request.requests_size() > kMaxBatch) {
    return BadField("requests", fmt::format("holds {} jobs; expected 1 to {}", request.requests_size(), kMaxBatch));
  }
  std::vector<FieldViolation> violations;
  std::vector<store::NewJob> jobs;
  std::vector<bool> forced;
  for (int i = 0; i < request.requests_size(); ++i) {
    forced.push_back(request.requests(i).force());
    jobs.push_back(PrepareJob(core, request.requests(i), fmt::format("requests[{}].", i), violations));
  }
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> warnings, CheckData(core, jobs, forced));
  if (request.validate_only()) {
    NORMLAB_RETURN_IF_ERROR(Preview(core, jobs, response));
  } else {
    NORMLAB_ASSIGN_OR_RETURN(QueueQuota::Places places, ReservePlaces(core, caller, jobs, key));
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::CreatedJob> created, core.store.CreateJobs(key, jobs));
    CountQueued(core, caller, created, key, places);
    core.attempts.QueueChanged();
    for (const store::CreatedJob& job : created) {
      v1::CreateJobResponse& wire = *response.add_jobs();
      ToWire(job.job, *wire.mutable_job());
      wire.set_reused(job.reused);
    }
  }
  for (int i = 0; i < response.jobs_size(); ++i) {
    response.mutable_jobs(i)->set_warning(warnings[static_cast<std::size_t>(i)]);
  }
  return absl::OkStatus();
}

absl::Status Get(Core& core, const v1::GetJobRequest& request, v1::GetJobResponse& response) {
  std::vector<FieldViolation> violations;
  const store::JobId id = ReadJobId(request.job_id(), "job_id", violations);
  CheckMask(request.read_mask(), violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  NORMLAB_ASSIGN_OR_RETURN(const store::Job job, core.store.GetJob(id));
  ToWire(job, *response.mutable_job());
  if (!store::IsTerminal(job.state) && !job.external) {
    response.mutable_job()->set_held_up(core.attempts.HeldUp(id));
  }
  Trim(request.read_mask(), *response.mutable_job());
  return absl::OkStatus();
}

absl::Status ListAttempts(Core& core, const v1::ListAttemptsRequest& request, v1::ListAttemptsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const store::JobId id, ReadJobId(request.job_id()));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::AttemptInfo> attempts, core.store.ListAttempts(id));
  for (const store::AttemptInfo& attempt : attempts) {
    ToWire(attempt, *response.add_attempts());
  }
  return absl::OkStatus();
}

absl::Status ListWorkers(Core& core, v1::ListWorkersResponse& response) {
  const std::chrono::milliseconds now(UnixMs());
  for (const Attempts::WorkerView& view : core.attempts.Workers()) {
    ToWire(view, now, *response.add_workers());
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::int64_t queued, core.store.CountQueued());
  response.set_queued(static_cast<std::uint64_t>(queued));
  response.set_slots(core.slots);
  return absl::OkStatus();
}

absl::Status Resume(Core& core, const v1::ResumeJobRequest& request, const Caller& caller, const store::Request& key,
                    store::JobId id, v1::ResumeJobResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const store::Job stored, core.store.GetJob(id));
  NORMLAB_ASSIGN_OR_RETURN(const std::string warning, MayQueue(core, stored.dataset, request.force()));
  NORMLAB_ASSIGN_OR_RETURN(QueueQuota::Places places, core.quota.Reserve(caller, 1, key));
  NORMLAB_ASSIGN_OR_RETURN(const store::Job job, core.store.ResumeAsNew(key, id));
  core.quota.Queued(caller, job.id, key, places);
  core.attempts.QueueChanged();
  ToWire(job, *response.mutable_job());
  response.set_warning(warning);
  return absl::OkStatus();
}

// The id and the idempotency key of a request that changes one job.
template <typename Request>
absl::StatusOr<std::pair<store::Request, store::JobId>> KeyAndJob(const Request& request) {
  NORMLAB_ASSIGN_OR_RETURN(const store::Request key, RequestOf(request));
  NORMLAB_ASSIGN_OR_RETURN(const store::JobId id, ReadJobId(request.job_id()));
  return std::pair(key, id);
}

}  // namespace

grpc::Status JobServiceImpl::CreateJob(grpc::ServerContext* context, const v1::CreateJobRequest* request,
                                       v1::CreateJobResponse* response) {
  return core_.gate.Call(*context, "JobService.CreateJob", CallKind::kShort, {request, response},
                         [&](const Caller& caller) { return Create(core_, *request, caller, *response); });
}

grpc::Status JobServiceImpl::BatchCreateJobs(grpc::ServerContext* context, const v1::BatchCreateJobsRequest* request,
                                             v1::BatchCreateJobsResponse* response) {
  return core_.gate.Call(*context, "JobService.BatchCreateJobs", CallKind::kShort, {request, response},
                         [&](const Caller& caller) { return BatchCreate(core_, *request, caller, *response); });
}

grpc::Status JobServiceImpl::GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                                    v1::GetJobResponse* response) {
  return core_.gate.Call(*context, "JobService.GetJob", CallKind::kShort,
                         [&](const Caller&) { return Get(core_, *request, *response); });
}

grpc::Status JobServiceImpl::ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                                      v1::ListJobsResponse* response) {
  return core_.gate.Call(*context, "JobService.ListJobs", CallKind::kShort,
                         [&](const Caller&) { return server::ListJobs(core_, *request, *response); });
}

grpc::Status JobServiceImpl::CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                                       v1::CancelJobResponse* response) {
  return core_.gate.Call(
      *context, "JobService.CancelJob", CallKind::kShort, {request, response}, [&](const Caller&) -> absl::Status {
        NORMLAB_ASSIGN_OR_RETURN(const auto key_and_job, KeyAndJob(*request));
        NORMLAB_ASSIGN_OR_RETURN(const store::Job job, core_.store.Cancel(key_and_job.first, key_and_job.second));
        core_.attempts.Cancelled(key_and_job.second);
        ToWire(job, *response->mutable_job());
        return absl::OkStatus();
      });
}

grpc::Status JobServiceImpl::ResumeJob(grpc::ServerContext* context, const v1::ResumeJobRequest* request,
                                       v1::ResumeJobResponse* response) {
  return core_.gate.Call(*context, "JobService.ResumeJob", CallKind::kShort, {request, response},
                         [&](const Caller& caller) -> absl::Status {
                           NORMLAB_ASSIGN_OR_RETURN(const auto key_and_job, KeyAndJob(*request));
                           return Resume(core_, *request, caller, key_and_job.first, key_and_job.second, *response);
                         });
}

grpc::Status JobServiceImpl::DeleteJob(grpc::ServerContext* context, const v1::DeleteJobRequest* request,
                                       v1::DeleteJobResponse*) {
  return core_.gate.Call(*context, "JobService.DeleteJob", CallKind::kShort, {request},
                         [&](const Caller&) -> absl::Status {
                           NORMLAB_ASSIGN_OR_RETURN(const auto key_and_job, KeyAndJob(*request));
                           NORMLAB_RETURN_IF_ERROR(core_.store.Delete(key_and_job.first, key_and_job.second));
                           core_.news.JobDeleted();
                           return absl::OkStatus();
                         });
}

grpc::Status JobServiceImpl::CancelJobs(grpc::ServerContext* context, const v1::CancelJobsRequest* request,
                                        v1::CancelJobsResponse* response) {
  return core_.gate.Call(*context, "JobService.CancelJobs", CallKind::kShort, {request, response},
                         [&](const Caller&) { return server::CancelJobs(core_, *request, *response); });
}

grpc::Status JobServiceImpl::ResumeJobs(grpc::ServerContext* context, const v1::ResumeJobsRequest* request,
                                        v1::ResumeJobsResponse* response) {
  return core_.gate.Call(*context, "JobService.ResumeJobs", CallKind::kShort, {request, response},
                         [&](const Caller& caller) { return server::ResumeJobs(core_, *request, caller, *response); });
}

grpc::Status JobServiceImpl::DeleteJobs(grpc::ServerContext* context, const v1::DeleteJobsRequest* request,
                                        v1::DeleteJobsResponse* response) {
  return core_.gate.Call(*context, "JobService.DeleteJobs", CallKind::kShort, {request, response},
                         [&](const Caller&) { return server::DeleteJobs(core_, *request, *response); });
}

grpc::Status JobServiceImpl::UpdateJobs(grpc::ServerContext* context, const v1::UpdateJobsRequest* request,
                                        v1::UpdateJobsResponse* response) {
  return core_.gate.Call(*context, "JobService.UpdateJobs", CallKind::kShort, {request, response},
                         [&](const Caller&) { return server::UpdateJobs(core_, *request, *response); });
}

grpc::Status JobServiceImpl::ListAttempts(grpc::ServerContext* context, const v1::ListAttemptsRequest* request,
                                          v1::ListAttemptsResponse* response) {
  return core_.gate.Call(*context, "JobService.ListAttempts", CallKind::kShort,
                         [&](const Caller&) { return server::ListAttempts(core_, *request, *response); });
}

grpc::Status JobServiceImpl::ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest*,
                                         v1::ListWorkersResponse* response) {
  return core_.gate.Call(*context, "JobService.ListWorkers", CallKind::kShort,
                         [&](const Caller&) { return server::ListWorkers(core_, *response); });
}

grpc::Status JobServiceImpl::ReadLog(grpc::ServerContext* context, const v1::ReadLogRequest* request,
                                     grpc::ServerWriter<v1::ReadLogResponse>* writer) {
  return core_.gate.Call(*context, "JobService.ReadLog", CallKind::kStream,
                         [&](const Caller& caller) { return SendLog(core_, *request, caller, *writer); });
}

grpc::Status JobServiceImpl::WatchJobs(grpc::ServerContext* context, const v1::WatchJobsRequest* request,
                                       grpc::ServerWriter<v1::WatchJobsResponse>* writer) {
  return core_.gate.Call(*context, "JobService.WatchJobs", CallKind::kStream,
                         [&](const Caller& caller) { return StreamJobs(core_, *request, caller, *writer); });
}

}  // namespace normlab::server
