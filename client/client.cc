#include "client/client.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cstdint>
#include <utility>

#include "client/calls.h"
#include "normlab/v1/admin.grpc.pb.h"
#include "normlab/v1/artifacts.grpc.pb.h"
#include "normlab/v1/catalog.grpc.pb.h"
#include "normlab/v1/comparison.grpc.pb.h"
#include "normlab/v1/curves.grpc.pb.h"
#include "normlab/v1/imports.grpc.pb.h"
#include "normlab/v1/jobs.grpc.pb.h"
#include "normlab/v1/papers.grpc.pb.h"

namespace normlab::client {
namespace {

using Admin = v1::AdminService::StubInterface;
using Jobs = v1::JobService::StubInterface;
using Curves = v1::CurveService::StubInterface;
using Artifacts = v1::ArtifactService::StubInterface;
using Catalog = v1::ExperimentService::StubInterface;
using Papers = v1::PaperService::StubInterface;
using Comparisons = v1::ComparisonService::StubInterface;

constexpr int kUnarySeconds = 10;
constexpr int kSubmitSeconds = 30;
constexpr int kBulkSeconds = 600;   // a hundred thousand jobs, slice by slice
constexpr int kPowerSeconds = 300;  // simulates every item
constexpr int kOnce = 1;
constexpr int kMutationAttempts = 3;  // safe: the request id makes a repetition harmless

// An empty request id is filled in: a repetition is then known as one.
template <typename Request, typename Response>
absl::StatusOr<Response> Mutate(const Calls& calls, Jobs& jobs,
                                grpc::Status (Jobs::*method)(grpc::ClientContext*, const Request&, Response*),
                                Request request, int seconds) {
  if (request.request_id().empty()) {
    request.set_request_id(NewRequestId());
  }
  return calls.Call(jobs, method, request, seconds, kMutationAttempts);
}

template <typename Request>
Request OfJob(const std::string& job_id) {
  Request request;
  request.set_job_id(job_id);
  return request;
}

}  // namespace

std::string NewRequestId() {
  std::array<std::uint8_t, 16> b{};
  // 16 bytes never come short from getrandom (getrandom(2)).
  (void)!::getrandom(b.data(), b.size(), 0);
  b[6] = static_cast<std::uint8_t>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<std::uint8_t>((b[8] & 0x3f) | 0x80);
  const auto hex = [&](int from, int to) {
    std::string text;
    for (int i = from; i < to; ++i) {
      text += fmt::format("{:02x}", b[i]);
    }
    return text;
  };
  return hex(0, 4) + "-" + hex(4, 6) + "-" + hex(6, 8) + "-" + hex(8, 10) + "-" + hex(10, 16);
}

bool IsTerminal(v1::JobState state) { return state >= v1::JOB_STATE_SUCCEEDED; }

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const Endpoint& endpoint, std::stop_token stop) {
  NORMLAB_ASSIGN_OR_RETURN(Connection connection, normlab::client::Connect(endpoint));
  return std::make_unique<Client>(std::move(connection), std::move(stop));
}

struct Client::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : jobs(v1::JobService::NewStub(channel)),
        curves(v1::CurveService::NewStub(channel)),
        artifacts(v1::ArtifactService::NewStub(channel)),
        experiments(v1::ExperimentService::NewStub(channel)),
        papers(v1::PaperService::NewStub(channel)),
        comparisons(v1::ComparisonService::NewStub(channel)),
        imports(v1::ImportService::NewStub(channel)),
        admin(v1::AdminService::NewStub(channel)) {}

  const std::unique_ptr<v1::JobService::Stub> jobs;
  const std::unique_ptr<v1::CurveService::Stub> curves;
  const std::unique_ptr<v1::ArtifactService::Stub> artifacts;
  const std::unique_ptr<v1::ExperimentService::Stub> experiments;
  const std::unique_ptr<v1::PaperService::Stub> papers;
  const std::unique_ptr<v1::ComparisonService::Stub> comparisons;
  const std::unique_ptr<v1::ImportService::Stub> imports;
  const std::unique_ptr<v1::AdminService::Stub> admin;
};

Client::Client(Connection connection, std::stop_token stop, std::chrono::milliseconds piece_patience)
    : calls_(std::make_unique<Calls>(std::move(connection), std::move(stop), piece_patience)),
      stubs_(std::make_unique<Stubs>(calls_->connection().channel)) {}

Client::~Client() = default;

const std::string& Client::endpoint() const { return calls_->connection().describe; }

absl::StatusOr<v1::BatchCreateJobsResponse> Client::Submit(v1::BatchCreateJobsRequest request) {
  return Mutate(*calls_, *stubs_->jobs, &Jobs::BatchCreateJobs, std::move(request), kSubmitSeconds);
}

absl::StatusOr<v1::Job> Client::GetJob(const std::string& job_id) {
  v1::GetJobRequest request;
  request.set_job_id(job_id);
  NORMLAB_ASSIGN_OR_RETURN(auto response, calls_->Call(*stubs_->jobs, &Jobs::GetJob, request, kUnarySeconds, kOnce));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::ListJobsResponse> Client::ListJobs(const v1::ListJobsRequest& request) {
  return calls_->Call(*stubs_->jobs, &Jobs::ListJobs, request, kUnarySeconds, kOnce);
}

absl::StatusOr<v1::Job> Client::Cancel(const std::string& job_id) {
  NORMLAB_ASSIGN_OR_RETURN(auto response, Mutate(*calls_, *stubs_->jobs, &Jobs::CancelJob,
                                                 OfJob<v1::CancelJobRequest>(job_id), kUnarySeconds));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::ResumeJobResponse> Client::Resume(const std::string& job_id, bool force) {
  auto request = OfJob<v1::ResumeJobRequest>(job_id);
  request.set_force(force);
  return Mutate(*calls_, *stubs_->jobs, &Jobs::ResumeJob, std::move(request), kUnarySeconds);
}

absl::Status Client::Delete(const std::string& job_id) {
  return Mutate(*calls_, *stubs_->jobs, &Jobs::DeleteJob, OfJob<v1::DeleteJobRequest>(job_id), kUnarySeconds).status();
}

absl::StatusOr<v1::CancelJobsResponse> Client::CancelJobs(v1::CancelJobsRequest request) {
  return Mutate(*calls_, *stubs_->jobs, &Jobs::CancelJobs, std::move(request), kBulkSeconds);
}

absl::StatusOr<v1::ResumeJobsResponse> Client::ResumeJobs(v1::ResumeJobsRequest request) {
  return Mutate(*calls_, *stubs_->jobs, &Jobs::ResumeJobs, std::move(request), kBulkSeconds);
}

absl::StatusOr<v1::DeleteJobsResponse> Client::DeleteJobs(v1::DeleteJobsRequest request) {
  return Mutate(*calls_, *stubs_->jobs, &Jobs::DeleteJobs, std::move(request), kBulkSeconds);
}

absl::StatusOr<v1::UpdateJobsResponse> Client::UpdateJobs(v1::UpdateJobsRequest request) {
  return Mutate(*calls_, *stubs_->jobs, &Jobs::UpdateJobs, std::move(request), kBulkSeconds);
}

absl::StatusOr<std::vector<v1::ListAttemptsResponse::JobAttempt>> Client::ListAttempts(const std::string& job_id) {
  v1::ListAttemptsRequest request;
  request.set_job_id(job_id);
  NORMLAB_ASSIGN_OR_RETURN(const auto response,
                           calls_->Call(*stubs_->jobs, &Jobs::ListAttempts, request, kUnarySeconds, kOnce));
  return std::vector<v1::ListAttemptsResponse::JobAttempt>(response.attempts().begin(), response.attempts().end());
}

absl::StatusOr<v1::ListWorkersResponse> Client::ListWorkers() {
  return calls_->Call(*stubs_->jobs, &Jobs::ListWorkers, v1::ListWorkersRequest(), kUnarySeconds, kOnce);
}

absl::Status Client::ReadLog(const v1::ReadLogRequest& request,
                             const std::function<bool(const v1::ReadLogResponse&)>& on_news) {
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  return calls_->ReadStream([&](grpc::ClientContext* context) { return stubs_->jobs->ReadLog(context, request); },
                            on_news, {});
}

absl::Status Client::WatchJobs(const v1::WatchJobsRequest& request,
                               const std::function<bool(const v1::WatchJobsResponse&)>& on_news, std::stop_token stop) {
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  return calls_->ReadStream([&](grpc::ClientContext* context) { return stubs_->jobs->WatchJobs(context, request); },
                            on_news, std::move(stop));
}

absl::StatusOr<std::vector<v1::Series>> Client::ListSeries(const std::string& job_id) {
  v1::ListSeriesRequest request;
  request.set_job_id(job_id);
  NORMLAB_ASSIGN_OR_RETURN(auto response,
                           calls_->Call(*stubs_->curves, &Curves::ListSeries, request, kUnarySeconds, kOnce));
  return std::vector<v1::Series>(response.series().begin(), response.series().end());
}

absl::StatusOr<v1::ReadCurveResponse> Client::ReadCurve(const v1::ReadCurveRequest& request) {
  return calls_->ReadJoined<v1::ReadCurveResponse>(
      request, [&](grpc::ClientContext* context) { return stubs_->curves->ReadCurve(context, request); });
}

absl::Status Client::WatchCurves(const v1::WatchCurvesRequest& request,
                                 const std::function<bool(const v1::WatchCurvesResponse&)>& on_news) {
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  return calls_->ReadStream([&](grpc::ClientContext* context) { return stubs_->curves->WatchCurves(context, request); },
                            on_news, {});
}

absl::StatusOr<std::vector<v1::Artifact>> Client::ListArtifacts(const std::string& job_id) {
  v1::ListArtifactsRequest request;
  request.set_job_id(job_id);
  NORMLAB_ASSIGN_OR_RETURN(auto response,
                           calls_->Call(*stubs_->artifacts, &Artifacts::ListArtifacts, request, kUnarySeconds, kOnce));
  return std::vector<v1::Artifact>(response.artifacts().begin(), response.artifacts().end());
}

absl::Status Client::ReadArtifact(const std::string& job_id, const std::string& name, const PieceSink& sink) {
  v1::ReadArtifactRequest request;
  request.set_job_id(job_id);
  request.set_name(name);
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  const auto open = [&](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
    return stubs_->artifacts->PrepareAsyncReadArtifact(context, request, queue);
  };
  return calls_->ReadPieces<v1::ReadArtifactResponse>(open, fmt::format("{} of {}", name, job_id), sink).status();
}

absl::StatusOr<std::uint64_t> Client::ReadCheckpoint(const std::string& job_id, std::uint64_t at_most_step,
                                                     const PieceSink& sink) {
  v1::ReadCheckpointRequest request;
  request.set_job_id(job_id);
  request.set_at_most_step(at_most_step);
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  const auto open = [&](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
    return stubs_->artifacts->PrepareAsyncReadCheckpoint(context, request, queue);
  };
  NORMLAB_ASSIGN_OR_RETURN(const auto header, calls_->ReadPieces<v1::ReadCheckpointResponse>(
                                                  open, fmt::format("the checkpoint of {}", job_id), sink));
  return header.step();
}

absl::StatusOr<v1::ImportJobResponse> Client::ImportJob(
    const std::function<absl::Status(const SendImport& send)>& fill) {
  grpc::ClientContext context;
  calls_->Authorize(context);
  const std::stop_callback cancel(calls_->stop(), [&context] { context.TryCancel(); });
  v1::ImportJobResponse response;
  const auto writer = stubs_->imports->ImportJob(&context, &response);
  absl::Status text;
  const absl::Status filled = fill([&](const v1::ImportJobRequest& message) {
    text = CheckText(message);
    return text.ok() && writer->Write(message);
  });
  const absl::Status given = text.ok() ? filled : text;
  if (given.ok()) {
    writer->WritesDone();
  } else {
    context.TryCancel();
  }
  const grpc::Status status = writer->Finish();
  NORMLAB_RETURN_IF_ERROR(given);
  if (calls_->stop().stop_requested()) {
    return absl::CancelledError("interrupted");
  }
  return status.ok() ? absl::StatusOr<v1::ImportJobResponse>(std::move(response)) : calls_->Explain(status);
}

absl::StatusOr<std::vector<v1::Experiment>> Client::ListExperiments() {
  NORMLAB_ASSIGN_OR_RETURN(auto response, calls_->Call(*stubs_->experiments, &Catalog::ListExperiments,
                                                       v1::ListExperimentsRequest(), kUnarySeconds, kOnce));
  return std::vector<v1::Experiment>(response.experiments().begin(), response.experiments().end());
}

absl::StatusOr<v1::Experiment> Client::DescribeExperiment(const std::string& name) {
  v1::DescribeExperimentRequest request;
  request.set_name(name);
  NORMLAB_ASSIGN_OR_RETURN(
      auto response, calls_->Call(*stubs_->experiments, &Catalog::DescribeExperiment, request, kUnarySeconds, kOnce));
  return std::move(*response.mutable_experiment());
}

absl::StatusOr<std::vector<v1::Paper>> Client::ListPapers() {
  NORMLAB_ASSIGN_OR_RETURN(
      auto response, calls_->Call(*stubs_->papers, &Papers::ListPapers, v1::ListPapersRequest(), kUnarySeconds, kOnce));
  return std::vector<v1::Paper>(response.papers().begin(), response.papers().end());
}

absl::StatusOr<v1::PlanReproductionResponse> Client::Plan(const v1::PlanReproductionRequest& request) {
  return calls_->Call(*stubs_->papers, &Papers::PlanReproduction, request,
                      request.power() ? kPowerSeconds : kSubmitSeconds, kOnce);
}

absl::StatusOr<v1::GetTableResponse> Client::Table(const v1::GetTableRequest& request) {
  return calls_->ReadJoined<v1::GetTableResponse>(
      request, [&](grpc::ClientContext* context) { return stubs_->papers->GetTable(context, request); });
}

absl::StatusOr<v1::GetFigureResponse> Client::Figure(const v1::GetFigureRequest& request) {
  return calls_->ReadJoined<v1::GetFigureResponse>(
      request, [&](grpc::ClientContext* context) { return stubs_->papers->GetFigure(context, request); });
}

absl::StatusOr<v1::GetReportResponse> Client::Report(const v1::GetReportRequest& request) {
  return calls_->ReadJoined<v1::GetReportResponse>(
      request, [&](grpc::ClientContext* context) { return stubs_->papers->GetReport(context, request); });
}

absl::StatusOr<v1::CompareJobsResponse> Client::Compare(const v1::CompareJobsRequest& request) {
  return calls_->ReadJoined<v1::CompareJobsResponse>(
      request, [&](grpc::ClientContext* context) { return stubs_->comparisons->CompareJobs(context, request); });
}

absl::StatusOr<v1::PlotJobsResponse> Client::Plot(const v1::PlotJobsRequest& request) {
  return calls_->ReadJoined<v1::PlotJobsResponse>(
      request, [&](grpc::ClientContext* context) { return stubs_->comparisons->PlotJobs(context, request); });
}

absl::StatusOr<v1::GetStatusResponse> Client::GetStatus() {
  return calls_->Call(*stubs_->admin, &Admin::GetStatus, v1::GetStatusRequest(), kUnarySeconds, kOnce);
}

absl::StatusOr<v1::DrainResponse> Client::Drain(bool off) {
  v1::DrainRequest request;
  request.set_off(off);
  return calls_->Call(*stubs_->admin, &Admin::Drain, request, kUnarySeconds, kMutationAttempts);
}

absl::StatusOr<v1::CreateBackupResponse> Client::CreateBackup(std::uint32_t keep, const OnProgress& on_progress) {
  v1::CreateBackupRequest request;
  request.set_keep(keep);
  return calls_->ReadLast<v1::CreateBackupResponse>(
      [&](grpc::ClientContext* context) { return stubs_->admin->CreateBackup(context, request); }, on_progress);
}

absl::StatusOr<v1::ListBackupsResponse> Client::ListBackups() {
  return calls_->Call(*stubs_->admin, &Admin::ListBackups, v1::ListBackupsRequest(), kUnarySeconds, kOnce);
}

absl::StatusOr<v1::CheckResponse::Report> Client::Check(const std::string& backup, const OnProgress& on_progress) {
  v1::CheckRequest request;
  request.set_backup(backup);
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  NORMLAB_ASSIGN_OR_RETURN(
      v1::CheckResponse response,
      calls_->ReadLast<v1::CheckResponse>(
          [&](grpc::ClientContext* context) { return stubs_->admin->Check(context, request); }, on_progress));
  return std::move(*response.mutable_report());
}

absl::Status Client::StartScrub() {
  return calls_->Call(*stubs_->admin, &Admin::StartScrub, v1::StartScrubRequest(), kUnarySeconds, kOnce).status();
}

absl::StatusOr<v1::CollectGarbageResponse> Client::CollectGarbage(const v1::CollectGarbageRequest& request) {
  return calls_->Call(*stubs_->admin, &Admin::CollectGarbage, request, kBulkSeconds, kMutationAttempts);
}

absl::StatusOr<v1::CreateTokenResponse> Client::CreateToken(const v1::CreateTokenRequest& request) {
  return calls_->Call(*stubs_->admin, &Admin::CreateToken, request, kUnarySeconds, kOnce);
}

absl::StatusOr<v1::ListTokensResponse> Client::ListTokens() {
  return calls_->Call(*stubs_->admin, &Admin::ListTokens, v1::ListTokensRequest(), kUnarySeconds, kOnce);
}

absl::StatusOr<v1::RotateTokenResponse> Client::RotateToken(const std::string& name) {
  v1::RotateTokenRequest request;
  request.set_name(name);
  return calls_->Call(*stubs_->admin, &Admin::RotateToken, request, kUnarySeconds, kOnce);
}

absl::StatusOr<v1::RevokeTokenResponse> Client::RevokeToken(const std::string& name) {
  v1::RevokeTokenRequest request;
  request.set_name(name);
  return calls_->Call(*stubs_->admin, &Admin::RevokeToken, request, kUnarySeconds, kMutationAttempts);
}

absl::Status Client::ReadAudit(const v1::ReadAuditRequest& request,
                               const std::function<bool(const v1::ReadAuditResponse&)>& on_news) {
  return calls_->ReadStream([&](grpc::ClientContext* context) { return stubs_->admin->ReadAudit(context, request); },
                            on_news, {});
}

}  // namespace normlab::client
