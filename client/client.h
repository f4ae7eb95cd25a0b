// client.h - normlab's services as a C++ class: typed calls with deadlines, safe retries and readable errors.
//
//     auto client = normlab::client::Client::Connect({.home = "/srv/normlab"});
//     v1::BatchCreateJobsRequest request;                    // fill requests[].spec
//     auto jobs = (*client)->Submit(request);
//     (*client)->WatchJobs(watch, [](const v1::WatchJobsResponse& news) { ...; return true; });
//
// It keeps no state of jobs and draws nothing; the command line in client/commands is written on top of it.
//
// Thread safety: all methods, any thread. Calls block; a stop_token cancels the call under way (kCancelled).
// Errors: the server's code and message; field violations by FieldViolations() of client/error.h. No server:
// kUnavailable with what to do about it. A mutation that was cut off is sent again with the same request id, so it
// happens once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "client/connection.h"
#include "normlab/v1/admin.pb.h"
#include "normlab/v1/artifacts.pb.h"
#include "normlab/v1/catalog.pb.h"
#include "normlab/v1/comparison.pb.h"
#include "normlab/v1/curves.pb.h"
#include "normlab/v1/imports.pb.h"
#include "normlab/v1/jobs.pb.h"
#include "normlab/v1/papers.pb.h"

namespace normlab::client {

// A random UUID, version 4, for request ids.
std::string NewRequestId();

// True once a job's state can no longer change.
bool IsTerminal(v1::JobState state);

// Takes a file piece by piece; called with nothing first, as soon as the server has found it. An error of it ends the
// transfer and is what the call returns.
using PieceSink = std::function<absl::Status(std::string_view)>;

// How long a server may send nothing of a file before the transfer is given up. All of it may take any time.
inline constexpr std::chrono::milliseconds kPiecePatience{60'000};

// Jobs that one Submit holds at most.
inline constexpr int kMaxJobsOfACall = 1000;

class Calls;  // calls.h

class Client {
 public:
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const Endpoint& endpoint, std::stop_token stop = {});
  Client(Connection connection, std::stop_token stop, std::chrono::milliseconds piece_patience = kPiecePatience);
  ~Client();

  // --- jobs ---
  // An empty request_id is filled in.
  absl::StatusOr<v1::BatchCreateJobsResponse> Submit(v1::BatchCreateJobsRequest request);
  absl::StatusOr<v1::Job> GetJob(const std::string& job_id);
  absl::StatusOr<v1::ListJobsResponse> ListJobs(const v1::ListJobsRequest& request);
  absl::StatusOr<v1::Job> Cancel(const std::string& job_id);
  // `force`: also if its data set is missing.
  absl::StatusOr<v1::ResumeJobResponse> Resume(const std::string& job_id, bool force);
  absl::Status Delete(const std::string& job_id);
  // Of many jobs. An empty request_id is filled in.
  absl::StatusOr<v1::CancelJobsResponse> CancelJobs(v1::CancelJobsRequest request);
  absl::StatusOr<v1::ResumeJobsResponse> ResumeJobs(v1::ResumeJobsRequest request);
  absl::StatusOr<v1::DeleteJobsResponse> DeleteJobs(v1::DeleteJobsRequest request);
  absl::StatusOr<v1::UpdateJobsResponse> UpdateJobs(v1::UpdateJobsRequest request);
  absl::StatusOr<std::vector<v1::ListAttemptsResponse::JobAttempt>> ListAttempts(const std::string& job_id);
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers();
  // As WatchJobs.
  absl::Status ReadLog(const v1::ReadLogRequest& request,
                       const std::function<bool(const v1::ReadLogResponse&)>& on_news);
  // Calls `on_news` for every message until the stream ends (OK), `on_news` returns false (OK) or the call fails.
  absl::Status WatchJobs(const v1::WatchJobsRequest& request,
                         const std::function<bool(const v1::WatchJobsResponse&)>& on_news, std::stop_token stop = {});

  // --- curves ---
  absl::StatusOr<std::vector<v1::Series>> ListSeries(const std::string& job_id);
  // All messages of the answer joined into one.
  absl::StatusOr<v1::ReadCurveResponse> ReadCurve(const v1::ReadCurveRequest& request);
  absl::Status WatchCurves(const v1::WatchCurvesRequest& request,
                           const std::function<bool(const v1::WatchCurvesResponse&)>& on_news);

  // --- artifacts ---
  absl::StatusOr<std::vector<v1::Artifact>> ListArtifacts(const std::string& job_id);
  // The whole file into `sink`, holding one piece at a time. kDataLoss after its end if it was not what its header
  // announced; kDeadlineExceeded if the server stops sending.
  absl::Status ReadArtifact(const std::string& job_id, const std::string& name, const PieceSink& sink);
  // The same for the newest checkpoint of at most so many updates; returns the number of its updates.
  absl::StatusOr<std::uint64_t> ReadCheckpoint(const std::string& job_id, std::uint64_t at_most_step,
                                               const PieceSink& sink);

  // --- jobs that ended elsewhere ---
  // Sends one job; `fill` gives its messages to `send`, which is false once the server wants no more. What `fill` fails with
  // is what comes back, and nothing was imported.
  using SendImport = std::function<bool(const v1::ImportJobRequest&)>;
  absl::StatusOr<v1::ImportJobResponse> ImportJob(const std::function<absl::Status(const SendImport& send)>& fill);

  // --- what can be run ---
  absl::StatusOr<std::vector<v1::Experiment>> ListExperiments();
  absl::StatusOr<v1::Experiment> DescribeExperiment(const std::string& name);

  // --- papers ---
  absl::StatusOr<std::vector<v1::Paper>> ListPapers();
  absl::StatusOr<v1::PlanReproductionResponse> Plan(const v1::PlanReproductionRequest& request);
  absl::StatusOr<v1::GetTableResponse> Table(const v1::GetTableRequest& request);
  absl::StatusOr<v1::GetFigureResponse> Figure(const v1::GetFigureRequest& request);
  absl::StatusOr<v1::GetReportResponse> Report(const v1::GetReportRequest& request);

  // --- jobs side by side ---
  absl::StatusOr<v1::CompareJobsResponse> Compare(const v1::CompareJobsRequest& request);
  absl::StatusOr<v1::PlotJobsResponse> Plot(const v1::PlotJobsRequest& request);

  // --- looking after the server ---
  // Called now and then by what takes long.
  using OnProgress = std::function<void(const v1::UpkeepProgress&)>;
  absl::StatusOr<v1::GetStatusResponse> GetStatus();
  absl::StatusOr<v1::DrainResponse> Drain(bool off);
  absl::StatusOr<v1::CreateBackupResponse> CreateBackup(std::uint32_t keep, const OnProgress& on_progress);
  absl::StatusOr<v1::ListBackupsResponse> ListBackups();
  // `backup` empty: of what is served.
  absl::StatusOr<v1::CheckResponse::Report> Check(const std::string& backup, const OnProgress& on_progress);
  absl::Status StartScrub();
  absl::StatusOr<v1::CollectGarbageResponse> CollectGarbage(const v1::CollectGarbageRequest& request);
  // Sent once: what a token is, is told once.
  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> ListTokens();
  absl::StatusOr<v1::RotateTokenResponse> RotateToken(const std::string& name);
  absl::StatusOr<v1::RevokeTokenResponse> RevokeToken(const std::string& name);
  // As WatchJobs.
  absl::Status ReadAudit(const v1::ReadAuditRequest& request,
                         const std::function<bool(const v1::ReadAuditResponse&)>& on_news);

  const std::string& endpoint() const;

 private:
  struct Stubs;

  const std::unique_ptr<Calls> calls_;
  const std::unique_ptr<Stubs> stubs_;
};

}  // namespace normlab::client
