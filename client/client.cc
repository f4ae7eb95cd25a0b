#include "client/client.h"

#include <fmt/format.h>
#include <grpcpp/completion_queue.h>
#include <sys/random.h>

#include <array>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include "base/crc32c.h"
#include "client/error.h"
#include "client/reach.h"
#include "proto/check_text.h"
#include "proto/transport/token.h"

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
constexpr int kRenderSeconds = 60;  // a report reads every curve of a table
constexpr int kOnce = 1;
constexpr int kMutationAttempts = 3;  // safe: the request id makes a repetition harmless

// A server that was reached and then lost may be restarting; worth another try with the same request id.
bool WorthRetry(const grpc::Status& status) { return status.error_code() == grpc::StatusCode::UNAVAILABLE; }

// What is sent is UTF-8: protobuf drops a request that is not, with a line of its own on stderr.
absl::Status CheckText(const google::protobuf::Message& request) {
  const auto bad = FindBadText(request);
  return bad ? InvalidFields({*bad}) : absl::OkStatus();
}

void SetDeadline(grpc::ClientContext& context, int seconds) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
}

std::uint64_t SizeOf(const v1::ReadArtifactResponse::Header& header) { return header.artifact().size(); }
std::uint64_t SizeOf(const v1::ReadCheckpointResponse::Header& header) { return header.size(); }

// A call whose every step has a deadline of its own: what one takes between them does not count.
class PieceCall {
 public:
  explicit PieceCall(std::chrono::milliseconds patience) : patience_(patience) {}
  ~PieceCall() {
    queue_.Shutdown();
    void* tag;
    for (bool ok; queue_.Next(&tag, &ok);) {
    }
  }
  PieceCall(const PieceCall&) = delete;
  PieceCall& operator=(const PieceCall&) = delete;

  grpc::ClientContext& context() { return context_; }
  grpc::CompletionQueue* queue() { return &queue_; }
  bool stalled() const { return stalled_; }

  // Waits for the step that was begun; false if it failed or took too long, which cancels the call.
  bool Step() {
    void* tag;
    bool ok = false;
    if (queue_.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + patience_) ==
        grpc::CompletionQueue::NextStatus::TIMEOUT) {
      stalled_ = true;
      context_.TryCancel();
      queue_.Next(&tag, &ok);
      return false;
    }
    return ok;
  }

 private:
  const std::chrono::milliseconds patience_;
  bool stalled_ = false;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
};

// Checks a file while it passes.
template <typename Response>
class Incoming {
 public:
  explicit Incoming(const PieceSink& sink) : sink_(sink) {}

  absl::Status Take(const Response& part) {
    if (part.has_header()) {
      header_ = part.header();
    }
    size_ += part.data().size();
    crc32c_ = Crc32c(part.data(), crc32c_);
    return sink_(part.data());
  }

  absl::StatusOr<typename Response::Header> End(std::string_view what) const {
    if (!header_ || size_ != SizeOf(*header_) || crc32c_ != header_->crc32c()) {
      return absl::DataLossError(
          fmt::format("{} arrived damaged ({} of {} bytes); try again", what, size_, header_ ? SizeOf(*header_) : 0));
    }
    return *header_;
  }

 private:
  const PieceSink& sink_;
  std::optional<typename Response::Header> header_;
  std::uint64_t size_ = 0;
  std::uint32_t crc32c_ = 0;
};

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

Client::Client(Connection connection, std::stop_token stop, std::chrono::milliseconds piece_patience)
    : connection_(std::move(connection)),
      stop_(std::move(stop)),
      piece_patience_(piece_patience),
      jobs_(v1::JobService::NewStub(connection_.channel)),
      curves_(v1::CurveService::NewStub(connection_.channel)),
      artifacts_(v1::ArtifactService::NewStub(connection_.channel)),
      experiments_(v1::ExperimentService::NewStub(connection_.channel)),
      papers_(v1::PaperService::NewStub(connection_.channel)),
      comparisons_(v1::ComparisonService::NewStub(connection_.channel)),
      imports_(v1::ImportService::NewStub(connection_.channel)),
      admin_(v1::AdminService::NewStub(connection_.channel)) {}

void Client::Authorize(grpc::ClientContext& context) const {
  if (!connection_.authorization.empty()) {
    context.AddMetadata(kAuthorization, connection_.authorization);
  }
}

absl::Status Client::Explain(const grpc::Status& status) const {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      if (connection_.channel->GetState(false) == GRPC_CHANNEL_READY) {
        return OfServer(absl::UnavailableError(
            fmt::format("the server at {} cannot answer now: {}", connection_.describe, status.error_message())));
      }
      return NoServer(connection_.endpoint);
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return OfServer(absl::DeadlineExceededError(fmt::format(
          "the server at {} did not answer in time; it may be overloaded, try again", connection_.describe)));
    case grpc::StatusCode::UNAUTHENTICATED:
      return OfServer(absl::UnauthenticatedError(fmt::format("the server at {} wants its token: --token-file FILE ({})",
                                                             connection_.describe, status.error_message())));
    case grpc::StatusCode::PERMISSION_DENIED:
      return OfServer(absl::PermissionDeniedError(
          fmt::format("the server at {} refuses this: {}", connection_.describe, status.error_message())));
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::UnimplementedError(
          fmt::format("the server at {} does not know this call; is it an older version?", connection_.describe));
    default:
      return FromGrpc(status);
  }
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Client::Call(std::type_identity_t<Stub>& stub,
                                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                      const Request& request, int seconds, int attempts) {
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  for (int attempt = 1;; ++attempt) {
    Response response;
    grpc::ClientContext context;
    SetDeadline(context, seconds);
    Authorize(context);
    const std::stop_callback cancel(stop_, [&context] { context.TryCancel(); });
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (status.ok()) {
      return response;
    }
    if (stop_.stop_requested()) {
      return absl::CancelledError("interrupted");
    }
    if (!WorthRetry(status) || attempt >= attempts) {
      return Explain(status);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200 * attempt));
  }
}

template <typename Open, typename M>
absl::Status Client::ReadStream(const Open& open, const std::function<bool(const M&)>& on_message,
                                std::stop_token stop) {
  grpc::ClientContext context;
  Authorize(context);
  const std::stop_callback cancel(stop_, [&context] { context.TryCancel(); });
  const std::stop_callback cancel_too(stop, [&context] { context.TryCancel(); });
  const auto reader = open(&context);
  M message;
  bool wanted = true;
  while (wanted && reader->Read(&message)) {
    wanted = on_message(message);
  }
  if (!wanted) {
    context.TryCancel();
    reader->Finish();
    return absl::OkStatus();
  }
  const grpc::Status status = reader->Finish();
  if (status.ok()) {
    return absl::OkStatus();
  }
  return stop_.stop_requested() || stop.stop_requested() ? absl::CancelledError("interrupted") : Explain(status);
}

absl::StatusOr<v1::BatchCreateJobsResponse> Client::Submit(v1::BatchCreateJobsRequest request) {
  if (request.request_id().empty()) {
    request.set_request_id(NewRequestId());
  }
  return Call(*jobs_, &Jobs::BatchCreateJobs, request, kSubmitSeconds, kMutationAttempts);
}

absl::StatusOr<v1::Job> Client::GetJob(const std::string& job_id) {
  v1::GetJobRequest request;
  request.set_job_id(job_id);
  NORMLAB_ASSIGN_OR_RETURN(auto response, Call(*jobs_, &Jobs::GetJob, request, kUnarySeconds, kOnce));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::ListJobsResponse> Client::ListJobs(const v1::ListJobsRequest& request) {
  return Call(*jobs_, &Jobs::ListJobs, request, kUnarySeconds, kOnce);
}

template <typename Request, typename Response>
absl::StatusOr<Response> Client::MutateJob(grpc::Status (Jobs::*method)(grpc::ClientContext*, const Request&,
                                                                        Response*),
                                           const std::string& job_id) {
  Request request;
  request.set_request_id(NewRequestId());
  request.set_job_id(job_id);
  return Call(*jobs_, method, request, kUnarySeconds, kMutationAttempts);
}

absl::StatusOr<v1::Job> Client::Cancel(const std::string& job_id) {
  NORMLAB_ASSIGN_OR_RETURN(auto response, MutateJob(&Jobs::CancelJob, job_id));
  return std::move(*response.mutable_job());
}

absl::StatusOr<v1::ResumeJobResponse> Client::Resume(const std::string& job_id, bool force) {
  v1::ResumeJobRequest request;
  request.set_request_id(NewRequestId());
  request.set_job_id(job_id);
  request.set_force(force);
  return Call(*jobs_, &Jobs::ResumeJob, request, kUnarySeconds, kMutationAttempts);
}

absl::Status Client::Delete(const std::string& job_id) { return MutateJob(&Jobs::DeleteJob, job_id).status(); }

template <typename Request, typename Response>
absl::StatusOr<Response> Client::MutateJobs(grpc::Status (Jobs::*method)(grpc::ClientContext*, const Request&,
                                                                         Response*),
                                            Request request) {
  if (request.request_id().empty()) {
    request.set_request_id(NewRequestId());
  }
  return Call(*jobs_, method, request, kBulkSeconds, kMutationAttempts);
}

absl::StatusOr<v1::CancelJobsResponse> Client::CancelJobs(v1::CancelJobsRequest request) {
  return MutateJobs(&Jobs::CancelJobs, std::move(request));
}

absl::StatusOr<v1::ResumeJobsResponse> Client::ResumeJobs(v1::ResumeJobsRequest request) {
  return MutateJobs(&Jobs::ResumeJobs, std::move(request));
}

absl::StatusOr<v1::DeleteJobsResponse> Client::DeleteJobs(v1::DeleteJobsRequest request) {
  return MutateJobs(&Jobs::DeleteJobs, std::move(request));
}

absl::StatusOr<v1::UpdateJobsResponse> Client::UpdateJobs(v1::UpdateJobsRequest request) {
  return MutateJobs(&Jobs::UpdateJobs, std::move(request));
}

absl::StatusOr<std::vector<v1::ListAttemptsResponse::JobAttempt>> Client::ListAttempts(const std::string& job_id) {
  v1::ListAttemptsRequest request;
  request.set_job_id(job_id);
  NORMLAB_ASSIGN_OR_RETURN(const auto response, Call(*jobs_, &Jobs::ListAttempts, request, kUnarySeconds, kOnce));
  return std::vector<v1::ListAttemptsResponse::JobAttempt>(response.attempts().begin(), response.attempts().end());
}

absl::StatusOr<v1::ListWorkersResponse> Client::ListWorkers() {
  return Call(*jobs_, &Jobs::ListWorkers, v1::ListWorkersRequest(), kUnarySeconds, kOnce);
}

absl::Status Client::ReadLog(const v1::ReadLogRequest& request,
                             const std::function<bool(const v1::ReadLogResponse&)>& on_news) {
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  return ReadStream([&](grpc::ClientContext* context) { return jobs_->ReadLog(context, request); }, on_news, {});
}

absl::Status Client::WatchJobs(const v1::WatchJobsRequest& request,
                               const std::function<bool(const v1::WatchJobsResponse&)>& on_news, std::stop_token stop) {
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  return ReadStream([&](grpc::ClientContext* context) { return jobs_->WatchJobs(context, request); }, on_news,
                    std::move(stop));
}

absl::StatusOr<std::vector<v1::Series>> Client::ListSeries(const std::string& job_id) {
  v1::ListSeriesRequest request;
  request.set_job_id(job_id);
  NORMLAB_ASSIGN_OR_RETURN(auto response, Call(*curves_, &Curves::ListSeries, request, kUnarySeconds, kOnce));
  return std::vector<v1::Series>(response.series().begin(), response.series().end());
}

template <typename Response, typename Request, typename Open>
absl::StatusOr<Response> Client::ReadJoined(const Request& request, const Open& open) {
  constexpr bool kHasContent = requires(Response response) { response.content(); };
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  Response whole;
  std::string content;
  const std::function<bool(const Response&)> join = [&](const Response& piece) {
    if constexpr (kHasContent) {
      content += piece.content();
    }
    whole.MergeFrom(piece);
    return true;
  };
  NORMLAB_RETURN_IF_ERROR(ReadStream(
      [&](grpc::ClientContext* context) {
        SetDeadline(*context, kRenderSeconds);
        return open(context);
      },
      join, {}));
  if constexpr (kHasContent) {
    whole.set_content(std::move(content));
  }
  return whole;
}

absl::StatusOr<v1::ReadCurveResponse> Client::ReadCurve(const v1::ReadCurveRequest& request) {
  return ReadJoined<v1::ReadCurveResponse>(
      request, [&](grpc::ClientContext* context) { return curves_->ReadCurve(context, request); });
}

absl::Status Client::WatchCurves(const v1::WatchCurvesRequest& request,
                                 const std::function<bool(const v1::WatchCurvesResponse&)>& on_news) {
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  return ReadStream([&](grpc::ClientContext* context) { return curves_->WatchCurves(context, request); }, on_news, {});
}

absl::StatusOr<std::vector<v1::Artifact>> Client::ListArtifacts(const std::string& job_id) {
  v1::ListArtifactsRequest request;
  request.set_job_id(job_id);
  NORMLAB_ASSIGN_OR_RETURN(auto response, Call(*artifacts_, &Artifacts::ListArtifacts, request, kUnarySeconds, kOnce));
  return std::vector<v1::Artifact>(response.artifacts().begin(), response.artifacts().end());
}

template <typename Response, typename Open>
absl::StatusOr<typename Response::Header> Client::ReadPieces(const Open& open, std::string_view what,
                                                             const PieceSink& sink) {
  PieceCall call(piece_patience_);
  Authorize(call.context());
  const std::stop_callback cancel(stop_, [&call] { call.context().TryCancel(); });
  const auto reader = open(&call.context(), call.queue());
  Incoming<Response> file(sink);
  absl::Status taken;
  reader->StartCall(nullptr);
  if (call.Step()) {
    Response part;
    for (reader->Read(&part, nullptr); call.Step(); reader->Read(&part, nullptr)) {
      if (taken = file.Take(part); !taken.ok()) {
        call.context().TryCancel();
        break;
      }
    }
  }
  grpc::Status status;
  reader->Finish(&status, nullptr);
  call.Step();
  NORMLAB_RETURN_IF_ERROR(taken);
  if (call.stalled()) {
    return OfServer(
        absl::DeadlineExceededError(fmt::format("the server at {} sent nothing of {} for {} s; try again",
                                                connection_.describe, what, piece_patience_.count() / 1000.0)));
  }
  if (!status.ok()) {
    return stop_.stop_requested() ? absl::CancelledError("interrupted") : Explain(status);
  }
  return file.End(what);
}

absl::Status Client::ReadArtifact(const std::string& job_id, const std::string& name, const PieceSink& sink) {
  v1::ReadArtifactRequest request;
  request.set_job_id(job_id);
  request.set_name(name);
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  const auto open = [&](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
    return artifacts_->PrepareAsyncReadArtifact(context, request, queue);
  };
  return ReadPieces<v1::ReadArtifactResponse>(open, fmt::format("{} of {}", name, job_id), sink).status();
}

absl::StatusOr<std::uint64_t> Client::ReadCheckpoint(const std::string& job_id, std::uint64_t at_most_step,
                                                     const PieceSink& sink) {
  v1::ReadCheckpointRequest request;
  request.set_job_id(job_id);
  request.set_at_most_step(at_most_step);
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  const auto open = [&](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
    return artifacts_->PrepareAsyncReadCheckpoint(context, request, queue);
  };
  NORMLAB_ASSIGN_OR_RETURN(const auto header, ReadPieces<v1::ReadCheckpointResponse>(
                                                  open, fmt::format("the checkpoint of {}", job_id), sink));
  return header.step();
}

absl::StatusOr<v1::ImportJobResponse> Client::ImportJob(
    const std::function<absl::Status(const SendImport& send)>& fill) {
  grpc::ClientContext context;
  Authorize(context);
  const std::stop_callback cancel(stop_, [&context] { context.TryCancel(); });
  v1::ImportJobResponse response;
  const auto writer = imports_->ImportJob(&context, &response);
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
  if (stop_.stop_requested()) {
    return absl::CancelledError("interrupted");
  }
  return status.ok() ? absl::StatusOr<v1::ImportJobResponse>(std::move(response)) : Explain(status);
}

absl::StatusOr<std::vector<v1::Experiment>> Client::ListExperiments() {
  NORMLAB_ASSIGN_OR_RETURN(auto response, Call(*experiments_, &Catalog::ListExperiments, v1::ListExperimentsRequest(),
                                               kUnarySeconds, kOnce));
  return std::vector<v1::Experiment>(response.experiments().begin(), response.experiments().end());
}

absl::StatusOr<v1::Experiment> Client::DescribeExperiment(const std::string& name) {
  v1::DescribeExperimentRequest request;
  request.set_name(name);
  NORMLAB_ASSIGN_OR_RETURN(auto response,
                           Call(*experiments_, &Catalog::DescribeExperiment, request, kUnarySeconds, kOnce));
  return std::move(*response.mutable_experiment());
}

absl::StatusOr<std::vector<v1::Paper>> Client::ListPapers() {
  NORMLAB_ASSIGN_OR_RETURN(auto response,
                           Call(*papers_, &Papers::ListPapers, v1::ListPapersRequest(), kUnarySeconds, kOnce));
  return std::vector<v1::Paper>(response.papers().begin(), response.papers().end());
}

absl::StatusOr<v1::PlanReproductionResponse> Client::Plan(const v1::PlanReproductionRequest& request) {
  return Call(*papers_, &Papers::PlanReproduction, request, request.power() ? kPowerSeconds : kSubmitSeconds, kOnce);
}

absl::StatusOr<v1::GetTableResponse> Client::Table(const v1::GetTableRequest& request) {
  return ReadJoined<v1::GetTableResponse>(
      request, [&](grpc::ClientContext* context) { return papers_->GetTable(context, request); });
}

absl::StatusOr<v1::GetFigureResponse> Client::Figure(const v1::GetFigureRequest& request) {
  return ReadJoined<v1::GetFigureResponse>(
      request, [&](grpc::ClientContext* context) { return papers_->GetFigure(context, request); });
}

absl::StatusOr<v1::GetReportResponse> Client::Report(const v1::GetReportRequest& request) {
  return ReadJoined<v1::GetReportResponse>(
      request, [&](grpc::ClientContext* context) { return papers_->GetReport(context, request); });
}

absl::StatusOr<v1::CompareJobsResponse> Client::Compare(const v1::CompareJobsRequest& request) {
  return ReadJoined<v1::CompareJobsResponse>(
      request, [&](grpc::ClientContext* context) { return comparisons_->CompareJobs(context, request); });
}

absl::StatusOr<v1::PlotJobsResponse> Client::Plot(const v1::PlotJobsRequest& request) {
  return ReadJoined<v1::PlotJobsResponse>(
      request, [&](grpc::ClientContext* context) { return comparisons_->PlotJobs(context, request); });
}

absl::StatusOr<v1::GetStatusResponse> Client::GetStatus() {
  return Call(*admin_, &Admin::GetStatus, v1::GetStatusRequest(), kUnarySeconds, kOnce);
}

absl::StatusOr<v1::DrainResponse> Client::Drain(bool off) {
  v1::DrainRequest request;
  request.set_off(off);
  return Call(*admin_, &Admin::Drain, request, kUnarySeconds, kMutationAttempts);
}

template <typename Response, typename Open>
absl::StatusOr<Response> Client::ReadLast(const Open& open, const OnProgress& on_progress) {
  Response last;
  const std::function<bool(const Response&)> take = [&](const Response& part) {
    if (part.has_progress()) {
      on_progress(part.progress());
    } else {
      last = part;
    }
    return true;
  };
  NORMLAB_RETURN_IF_ERROR(ReadStream(open, take, {}));
  return last;
}

absl::StatusOr<v1::CreateBackupResponse> Client::CreateBackup(std::uint32_t keep, const OnProgress& on_progress) {
  v1::CreateBackupRequest request;
  request.set_keep(keep);
  return ReadLast<v1::CreateBackupResponse>(
      [&](grpc::ClientContext* context) { return admin_->CreateBackup(context, request); }, on_progress);
}

absl::StatusOr<v1::ListBackupsResponse> Client::ListBackups() {
  return Call(*admin_, &Admin::ListBackups, v1::ListBackupsRequest(), kUnarySeconds, kOnce);
}

absl::StatusOr<v1::CheckResponse::Report> Client::Check(const std::string& backup, const OnProgress& on_progress) {
  v1::CheckRequest request;
  request.set_backup(backup);
  NORMLAB_RETURN_IF_ERROR(CheckText(request));
  NORMLAB_ASSIGN_OR_RETURN(
      v1::CheckResponse response,
      ReadLast<v1::CheckResponse>([&](grpc::ClientContext* context) { return admin_->Check(context, request); },
                                  on_progress));
  return std::move(*response.mutable_report());
}

absl::Status Client::StartScrub() {
  return Call(*admin_, &Admin::StartScrub, v1::StartScrubRequest(), kUnarySeconds, kOnce).status();
}

absl::StatusOr<v1::CollectGarbageResponse> Client::CollectGarbage(const v1::CollectGarbageRequest& request) {
  return Call(*admin_, &Admin::CollectGarbage, request, kBulkSeconds, kMutationAttempts);
}

absl::StatusOr<v1::CreateTokenResponse> Client::CreateToken(const v1::CreateTokenRequest& request) {
  return Call(*admin_, &Admin::CreateToken, request, kUnarySeconds, kOnce);
}

absl::StatusOr<v1::ListTokensResponse> Client::ListTokens() {
  return Call(*admin_, &Admin::ListTokens, v1::ListTokensRequest(), kUnarySeconds, kOnce);
}

absl::StatusOr<v1::RotateTokenResponse> Client::RotateToken(const std::string& name) {
  v1::RotateTokenRequest request;
  request.set_name(name);
  return Call(*admin_, &Admin::RotateToken, request, kUnarySeconds, kOnce);
}

absl::StatusOr<v1::RevokeTokenResponse> Client::RevokeToken(const std::string& name) {
  v1::RevokeTokenRequest request;
  request.set_name(name);
  return Call(*admin_, &Admin::RevokeToken, request, kUnarySeconds, kMutationAttempts);
}

absl::Status Client::ReadAudit(const v1::ReadAuditRequest& request,
                               const std::function<bool(const v1::ReadAuditResponse&)>& on_news) {
  return ReadStream([&](grpc::ClientContext* context) { return admin_->ReadAudit(context, request); }, on_news, {});
}

}  // namespace normlab::client
