// fake_server.h - normlab's services in this process, on a Unix socket of a temporary home, with answers from plain
// data.
//
// It keeps the rules a client can see (ids, reuse, states) and none of the work. Tests fill in the data before a
// command runs; what arrived can be looked at afterwards.
#pragma once

#include <grpcpp/server.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "normlab/v1/artifacts.grpc.pb.h"
#include "normlab/v1/catalog.grpc.pb.h"
#include "normlab/v1/comparison.grpc.pb.h"
#include "normlab/v1/curves.grpc.pb.h"
#include "normlab/v1/imports.grpc.pb.h"
#include "normlab/v1/jobs.grpc.pb.h"
#include "normlab/v1/papers.grpc.pb.h"
#include "tests/client/fake_admin.h"
#include "tests/scratch_folder.h"

namespace normlab::client {

class FakeServer final : public v1::JobService::Service,
                         public v1::CurveService::Service,
                         public v1::ArtifactService::Service,
                         public v1::ExperimentService::Service,
                         public v1::PaperService::Service,
                         public v1::ComparisonService::Service,
                         public v1::ImportService::Service {
 public:
  FakeServer();
  ~FakeServer() override;

  const std::string& home() const { return folder_.path(); }
  void Stop();
  void Start();

  // A resolved job "j<n>" with the given fields of mnist_mlp; queued. Times start at Unix time 1,000,000,000.
  v1::Job& AddJob(const std::map<std::string, std::string>& fields = {});

  // --- what it answers with ---
  std::deque<v1::Job> jobs;                               // oldest first
  std::map<std::string, std::vector<v1::Series>> series;  // by job id
  std::map<std::string, v1::ReadCurveResponse> curves;    // by "job series"
  std::map<std::string, std::string> artifacts;           // bytes by "job name"
  bool damage_artifacts = false;                          // announce another checksum than that of the bytes
  bool artifacts_stall = false;                           // after the first piece, until the client cancels
  std::uint64_t zeros = 0;                                // size of "zeros", a file that is never in memory
  std::vector<v1::WatchCurvesResponse> curve_news;
  std::vector<v1::WatchJobsResponse> job_news;  // sent in order
  bool watch_stays_open = false;                // after the news, until the client cancels
  std::vector<v1::Paper> papers;
  v1::PlanReproductionRequest planned;  // the last request for one
  v1::PlanReproductionResponse plan;
  std::string missing_data;  // refuses jobs that are not forced, warns of those that are; empty: nothing is missing
  std::vector<v1::Verdict> verdicts = {v1::VERDICT_REPRODUCED};
  std::map<std::string, std::vector<grpc::Status>> failures;  // by method: returned first, one per call

  std::map<std::string, v1::ListAttemptsResponse> attempts;  // by job id
  v1::ListWorkersResponse workers;
  std::vector<v1::ReadLogResponse> log;
  std::map<std::string, double> sort_values;  // by job id; with any, lists are in their order

  FakeAdmin admin;

  // --- what it saw ---
  v1::JobFilter filter;  // of the last call that changes many
  v1::UpdateJobsRequest updated;
  v1::ListJobsRequest listed;
  v1::ReadLogRequest read_log;
  std::vector<v1::BatchCreateJobsRequest> created;
  std::vector<std::string> calls;        // method names, in order
  std::vector<std::string> request_ids;  // of mutations, repetitions included
  std::chrono::system_clock::time_point artifact_deadline;
  v1::ReadCurveRequest read_curve;
  v1::CompareJobsRequest compared;
  v1::PlotJobsRequest plotted;

  std::vector<std::vector<v1::ImportJobRequest>> imported;  // the messages of each job

  // Returns once a WatchJobs has sent all its news and stays open.
  void AwaitWatcher();

 private:
  grpc::Status BatchCreateJobs(grpc::ServerContext*, const v1::BatchCreateJobsRequest*,
                               v1::BatchCreateJobsResponse*) override;
  grpc::Status GetJob(grpc::ServerContext*, const v1::GetJobRequest*, v1::GetJobResponse*) override;
  grpc::Status ListJobs(grpc::ServerContext*, const v1::ListJobsRequest*, v1::ListJobsResponse*) override;
  grpc::Status CancelJob(grpc::ServerContext*, const v1::CancelJobRequest*, v1::CancelJobResponse*) override;
  grpc::Status ResumeJob(grpc::ServerContext*, const v1::ResumeJobRequest*, v1::ResumeJobResponse*) override;
  grpc::Status DeleteJob(grpc::ServerContext*, const v1::DeleteJobRequest*, v1::DeleteJobResponse*) override;
  grpc::Status CancelJobs(grpc::ServerContext*, const v1::CancelJobsRequest*, v1::CancelJobsResponse*) override;
  grpc::Status ResumeJobs(grpc::ServerContext*, const v1::ResumeJobsRequest*, v1::ResumeJobsResponse*) override;
  grpc::Status DeleteJobs(grpc::ServerContext*, const v1::DeleteJobsRequest*, v1::DeleteJobsResponse*) override;
  grpc::Status UpdateJobs(grpc::ServerContext*, const v1::UpdateJobsRequest*, v1::UpdateJobsResponse*) override;
  grpc::Status ListAttempts(grpc::ServerContext*, const v1::ListAttemptsRequest*, v1::ListAttemptsResponse*) override;
  grpc::Status ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest*, v1::ListWorkersResponse*) override;
  grpc::Status ReadLog(grpc::ServerContext*, const v1::ReadLogRequest*,
                       grpc::ServerWriter<v1::ReadLogResponse>*) override;
  grpc::Status WatchJobs(grpc::ServerContext*, const v1::WatchJobsRequest*,
                         grpc::ServerWriter<v1::WatchJobsResponse>*) override;
  grpc::Status ImportJob(grpc::ServerContext*, grpc::ServerReader<v1::ImportJobRequest>*,
                         v1::ImportJobResponse*) override;
  grpc::Status ListSeries(grpc::ServerContext*, const v1::ListSeriesRequest*, v1::ListSeriesResponse*) override;
  grpc::Status ReadCurve(grpc::ServerContext*, const v1::ReadCurveRequest*,
                         grpc::ServerWriter<v1::ReadCurveResponse>*) override;
  grpc::Status WatchCurves(grpc::ServerContext*, const v1::WatchCurvesRequest*,
                           grpc::ServerWriter<v1::WatchCurvesResponse>*) override;
  grpc::Status ListArtifacts(grpc::ServerContext*, const v1::ListArtifactsRequest*,
                             v1::ListArtifactsResponse*) override;
  grpc::Status ReadArtifact(grpc::ServerContext*, const v1::ReadArtifactRequest*,
                            grpc::ServerWriter<v1::ReadArtifactResponse>*) override;
  grpc::Status ListExperiments(grpc::ServerContext*, const v1::ListExperimentsRequest*,
                               v1::ListExperimentsResponse*) override;
  grpc::Status DescribeExperiment(grpc::ServerContext*, const v1::DescribeExperimentRequest*,
                                  v1::DescribeExperimentResponse*) override;
  grpc::Status ListPapers(grpc::ServerContext*, const v1::ListPapersRequest*, v1::ListPapersResponse*) override;
  grpc::Status PlanReproduction(grpc::ServerContext*, const v1::PlanReproductionRequest*,
                                v1::PlanReproductionResponse*) override;
  grpc::Status GetTable(grpc::ServerContext*, const v1::GetTableRequest*,
                        grpc::ServerWriter<v1::GetTableResponse>*) override;
  grpc::Status CompareJobs(grpc::ServerContext*, const v1::CompareJobsRequest*,
                           grpc::ServerWriter<v1::CompareJobsResponse>*) override;
  grpc::Status PlotJobs(grpc::ServerContext*, const v1::PlotJobsRequest*,
                        grpc::ServerWriter<v1::PlotJobsResponse>*) override;
  grpc::Status GetFigure(grpc::ServerContext*, const v1::GetFigureRequest*,
                         grpc::ServerWriter<v1::GetFigureResponse>*) override;
  grpc::Status GetReport(grpc::ServerContext*, const v1::GetReportRequest*,
                         grpc::ServerWriter<v1::GetReportResponse>*) override;

  grpc::Status SendZeros(grpc::ServerWriter<v1::ReadArtifactResponse>& writer) const;
  // Calls act(job, response) for each job of the filter: why it was left alone, empty if it was not.
  template <typename Request, typename Response, typename Act>
  grpc::Status ChangeJobs(const Request& request, Response& response, const Act& act);
  // Notes the call; the status to return first, if one is due.
  grpc::Status Enter(const std::string& method);
  v1::Job* Find(const std::string& job_id);

  std::mutex mu_;
  std::condition_variable watching_cv_;
  bool watching_ = false;
  const ScratchFolder folder_;
  std::unique_ptr<grpc::Server> server_;
};

// InvalidArgument with google.rpc.BadRequest details, as the real server makes it.
grpc::Status BadRequest(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace normlab::client
