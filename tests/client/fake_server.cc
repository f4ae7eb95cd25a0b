#include "tests/client/fake_server.h"

#include <fmt/format.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "base/crc32c.h"
#include "base/paths.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/spec.h"
#include "proto/spec_text.h"

namespace normlab::client {

using grpc::ServerContext;
using grpc::ServerWriter;
using grpc::Status;

namespace {

// Readable, and the same whatever fields experiments gain.
std::string FakeIdentity(const v1::JobSpec& resolved) { return "run of " + SummarizeSpec(resolved); }

}  // namespace

FakeServer::FakeServer() {
  std::filesystem::create_directories(home() + "/run");
  Start();
}

FakeServer::~FakeServer() { Stop(); }

void FakeServer::Start() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + SocketPath(home()), grpc::InsecureServerCredentials());
  builder.RegisterService(static_cast<v1::JobService::Service*>(this));
  builder.RegisterService(static_cast<v1::CurveService::Service*>(this));
  builder.RegisterService(static_cast<v1::ArtifactService::Service*>(this));
  builder.RegisterService(static_cast<v1::ExperimentService::Service*>(this));
  builder.RegisterService(static_cast<v1::PaperService::Service*>(this));
  builder.RegisterService(static_cast<v1::ComparisonService::Service*>(this));
  builder.RegisterService(static_cast<v1::ImportService::Service*>(this));
  builder.RegisterService(&admin);
  server_ = builder.BuildAndStart();
}

void FakeServer::Stop() {
  if (server_ != nullptr) {
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
}

v1::Job& FakeServer::AddJob(const std::map<std::string, std::string>& fields) {
  std::vector<FieldViolation> violations;
  const v1::JobSpec spec = SpecFromPairs("mnist_mlp", {fields.begin(), fields.end()}, violations);
  v1::Job job;
  job.set_job_id(fmt::format("j{}", jobs.size() + 1));
  *job.mutable_spec() = ResolveSpec(spec, violations);
  job.set_identity(FakeIdentity(job.spec()));
  job.set_state(v1::JOB_STATE_QUEUED);
  job.mutable_created()->set_seconds(1'000'000'000 + static_cast<std::int64_t>(jobs.size()));
  job.set_revision(jobs.size() + 1);
  jobs.push_back(job);
  return jobs.back();
}

Status FakeServer::Enter(const std::string& method) {
  calls.push_back(method);
  std::vector<Status>& due = failures[method];
  if (due.empty()) {
    return Status::OK;
  }
  const Status status = due.front();
  due.erase(due.begin());
  return status;
}

v1::Job* FakeServer::Find(const std::string& job_id) {
  const auto found = std::find_if(jobs.begin(), jobs.end(), [&](const v1::Job& j) { return j.job_id() == job_id; });
  return found == jobs.end() ? nullptr : &*found;
}

#define ENTER(method)                     \
  const std::lock_guard lock(mu_);        \
  if (Status s = Enter(#method); !s.ok()) \
  return s
#define FIND(job, id)            \
  v1::Job* const job = Find(id); \
  if ((job) == nullptr)          \
    return { grpc::StatusCode::NOT_FOUND, fmt::format("there is no job {}; list them with: normlab jobs", id) }

Status FakeServer::BatchCreateJobs(ServerContext*, const v1::BatchCreateJobsRequest* request,
                                   v1::BatchCreateJobsResponse* response) {
  {
    const std::lock_guard lock(mu_);
    request_ids.push_back(request->request_id());
  }
  ENTER(BatchCreateJobs);
  created.push_back(*request);
  for (const auto& one : request->requests()) {
    std::vector<FieldViolation> violations;
    const v1::JobSpec spec = ResolveSpec(one.spec(), violations);
    auto* answer = response->add_jobs();
    const std::string identity = FakeIdentity(spec);
    const auto same =
        std::find_if(jobs.begin(), jobs.end(), [&](const v1::Job& j) { return j.identity() == identity; });
    if (same != jobs.end() && !one.rerun()) {
      *answer->mutable_job() = *same;
      answer->set_reused(true);
      continue;
    }
    if (!missing_data.empty() && !one.force()) {
      return {grpc::StatusCode::FAILED_PRECONDITION, missing_data};
    }
    answer->set_warning(missing_data);
    v1::Job job;
    *job.mutable_spec() = spec;
    job.set_identity(identity);
    if (!request->validate_only()) {
      job = AddJob();
      job.mutable_labels()->insert(one.labels().begin(), one.labels().end());
      *job.mutable_spec() = spec;
      job.set_identity(identity);
      job.set_priority(one.priority());
      jobs.back() = job;
    }
    *answer->mutable_job() = job;
  }
  return Status::OK;
}

Status FakeServer::GetJob(ServerContext*, const v1::GetJobRequest* request, v1::GetJobResponse* response) {
  ENTER(GetJob);
  FIND(job, request->job_id());
  *response->mutable_job() = *job;
  return Status::OK;
}

Status FakeServer::ListJobs(ServerContext*, const v1::ListJobsRequest* request, v1::ListJobsResponse* response) {
  ENTER(ListJobs);
  listed = *request;
  if (!sort_values.empty()) {
    for (const auto& [id, value] : sort_values) {
      *response->add_jobs() = *Find(id);
      response->add_sort_values(value);
    }
    return Status::OK;
  }
  const int page = request->page_size() == 0 ? 50 : request->page_size();
  bool reached = request->page_token().empty();
  for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) {
    const auto& states = request->states();
    const bool wanted = states.empty() || std::find(states.begin(), states.end(), job->state()) != states.end();
    if (reached && wanted && response->jobs_size() < page) {
      *response->add_jobs() = *job;
    } else if (reached && wanted) {
      response->set_next_page_token("t" + response->jobs(response->jobs_size() - 1).job_id());
      break;
    }
    reached = reached || request->page_token() == "t" + job->job_id();
  }
  return Status::OK;
}

Status FakeServer::CancelJob(ServerContext*, const v1::CancelJobRequest* request, v1::CancelJobResponse* response) {
  ENTER(CancelJob);
  request_ids.push_back(request->request_id());
  FIND(job, request->job_id());
  if (job->state() == v1::JOB_STATE_QUEUED) {
    job->set_state(v1::JOB_STATE_CANCELLED);
  } else if (job->state() == v1::JOB_STATE_RUNNING) {
    job->set_state(v1::JOB_STATE_CANCELLING);
  }
  *response->mutable_job() = *job;
  return Status::OK;
}

Status FakeServer::ResumeJob(ServerContext*, const v1::ResumeJobRequest* request, v1::ResumeJobResponse* response) {
  ENTER(ResumeJob);
  FIND(job, request->job_id());
  if (!missing_data.empty() && !request->force()) {
    return {grpc::StatusCode::FAILED_PRECONDITION, missing_data};
  }
  response->set_warning(missing_data);
  const v1::JobSpec spec = job->spec();
  v1::Job& resumed = AddJob();
  *resumed.mutable_spec() = spec;
  *response->mutable_job() = resumed;
  return Status::OK;
}

Status FakeServer::DeleteJob(ServerContext*, const v1::DeleteJobRequest* request, v1::DeleteJobResponse*) {
  ENTER(DeleteJob);
  FIND(job, request->job_id());
  if (job->state() < v1::JOB_STATE_SUCCEEDED) {
    return {grpc::StatusCode::FAILED_PRECONDITION,
            fmt::format("{} has not ended; cancel it first: normlab cancel {}", job->job_id(), job->job_id())};
  }
  jobs.erase(std::find_if(jobs.begin(), jobs.end(), [&](const v1::Job& j) { return &j == job; }));
  return Status::OK;
}

template <typename Request, typename Response, typename Act>
Status FakeServer::ChangeJobs(const Request& request, Response& response, const Act& act) {
  filter = request.filter();
  request_ids.push_back(request.request_id());
  std::vector<std::string> ids(filter.job_ids().begin(), filter.job_ids().end());
  if (ids.empty()) {
    for (const v1::Job& job : jobs) {
      const bool labelled = std::all_of(filter.labels().begin(), filter.labels().end(), [&job](const auto& pair) {
        const auto found = job.labels().find(pair.first);
        return found != job.labels().end() && found->second == pair.second;
      });
      const auto& states = filter.states();
      if (labelled && (states.empty() || std::find(states.begin(), states.end(), job.state()) != states.end())) {
        ids.push_back(job.job_id());
      }
    }
  }
  for (const std::string& id : ids) {
    v1::Job* const job = Find(id);
    std::string why;
    v1::Job changed;
    if (job == nullptr) {
      why = fmt::format("there is no job {}; list them with: normlab jobs", id);
    } else {
      changed = *job;
      why = act(*job, changed);
    }
    if (why.empty()) {
      *response.add_jobs() = changed;
      continue;
    }
    auto& left = *response.add_not_changed();
    left.set_job_id(id);
    left.set_code(job == nullptr ? grpc::StatusCode::NOT_FOUND : grpc::StatusCode::FAILED_PRECONDITION);
    left.set_reason(why);
  }
  return Status::OK;
}

Status FakeServer::CancelJobs(ServerContext*, const v1::CancelJobsRequest* request, v1::CancelJobsResponse* response) {
  ENTER(CancelJobs);
  return ChangeJobs(*request, *response, [&](v1::Job& job, v1::Job& changed) -> std::string {
    if (job.state() != v1::JOB_STATE_QUEUED && job.state() != v1::JOB_STATE_RUNNING) {
      return fmt::format("job {} has ended", job.job_id());
    }
    if (!request->validate_only()) {
      job.set_state(job.state() == v1::JOB_STATE_QUEUED ? v1::JOB_STATE_CANCELLED : v1::JOB_STATE_CANCELLING);
      changed = job;
    }
    return "";
  });
}

Status FakeServer::ResumeJobs(ServerContext*, const v1::ResumeJobsRequest* request, v1::ResumeJobsResponse* response) {
  ENTER(ResumeJobs);
  if (request->force() && !missing_data.empty()) {
    response->add_warnings(missing_data);
  }
  return ChangeJobs(*request, *response, [&](v1::Job& job, v1::Job& changed) -> std::string {
    if (!missing_data.empty() && !request->force()) {
      return missing_data;
    }
    if (!request->validate_only()) {
      const v1::JobSpec spec = job.spec();
      const std::string from = job.job_id();
      v1::Job& resumed = AddJob();
      *resumed.mutable_spec() = spec;
      resumed.set_resumed_from(from);
      changed = resumed;
    }
    return "";
  });
}

Status FakeServer::DeleteJobs(ServerContext*, const v1::DeleteJobsRequest* request, v1::DeleteJobsResponse* response) {
  ENTER(DeleteJobs);
  return ChangeJobs(*request, *response, [&](v1::Job& job, v1::Job& changed) -> std::string {
    if (job.state() < v1::JOB_STATE_SUCCEEDED) {
      return fmt::format("{} has not ended; cancel it first: normlab cancel {}", job.job_id(), job.job_id());
    }
    changed = {};
    changed.set_job_id(job.job_id());
    if (!request->validate_only()) {
      jobs.erase(std::find_if(jobs.begin(), jobs.end(), [&](const v1::Job& j) { return &j == &job; }));
    }
    return "";
  });
}

Status FakeServer::UpdateJobs(ServerContext*, const v1::UpdateJobsRequest* request, v1::UpdateJobsResponse* response) {
  ENTER(UpdateJobs);
  updated = *request;
  return ChangeJobs(*request, *response, [&](v1::Job& job, v1::Job& changed) -> std::string {
    for (const auto& [key, value] : request->set_labels()) {
      (*job.mutable_labels())[key] = value;
    }
    for (const std::string& key : request->remove_labels()) {
      job.mutable_labels()->erase(key);
    }
    if (request->has_priority()) {
      job.set_priority(request->priority());
    }
    changed = job;
    return "";
  });
}

Status FakeServer::ListAttempts(ServerContext*, const v1::ListAttemptsRequest* request,
                                v1::ListAttemptsResponse* response) {
  ENTER(ListAttempts);
  *response = attempts[request->job_id()];
  return Status::OK;
}

Status FakeServer::ListWorkers(ServerContext*, const v1::ListWorkersRequest*, v1::ListWorkersResponse* response) {
  ENTER(ListWorkers);
  *response = workers;
  return Status::OK;
}

Status FakeServer::ReadLog(ServerContext*, const v1::ReadLogRequest* request,
                           ServerWriter<v1::ReadLogResponse>* writer) {
  ENTER(ReadLog);
  read_log = *request;
  FIND(job, request->job_id());
  for (const auto& news : log) {
    writer->Write(news);
  }
  return Status::OK;
}

Status FakeServer::WatchJobs(ServerContext* context, const v1::WatchJobsRequest*,
                             ServerWriter<v1::WatchJobsResponse>* writer) {
  { ENTER(WatchJobs); }
  for (const auto& news : job_news) {
    writer->Write(news);
  }
  if (!watch_stays_open) {
    return Status::OK;
  }
  std::unique_lock lock(mu_);
  watching_ = true;
  watching_cv_.notify_all();
  while (!context->IsCancelled()) {
    watching_cv_.wait_for(lock, std::chrono::milliseconds(20));
  }
  return Status::CANCELLED;
}

void FakeServer::AwaitWatcher() {
  std::unique_lock lock(mu_);
  watching_cv_.wait(lock, [this] { return watching_; });
}

Status FakeServer::ImportJob(ServerContext*, grpc::ServerReader<v1::ImportJobRequest>* reader,
                             v1::ImportJobResponse* response) {
  std::vector<v1::ImportJobRequest>& messages = imported.emplace_back();
  for (v1::ImportJobRequest message; reader->Read(&message);) {
    messages.push_back(message);
  }
  ENTER(ImportJob);
  const v1::Job& job = messages.front().header().job();
  response->set_reused(std::any_of(jobs.begin(), jobs.end(),
                                   [&](const v1::Job& stored) { return stored.identity() == job.identity(); }));
  *response->mutable_job() = job;
  response->mutable_job()->set_job_id(fmt::format("j{}", jobs.size() + imported.size()));
  return Status::OK;
}

Status FakeServer::ListSeries(ServerContext*, const v1::ListSeriesRequest* request, v1::ListSeriesResponse* response) {
  ENTER(ListSeries);
  FIND(job, request->job_id());
  const std::vector<v1::Series>& all = series[job->job_id()];
  response->mutable_series()->Assign(all.begin(), all.end());
  return Status::OK;
}

Status FakeServer::ReadCurve(ServerContext*, const v1::ReadCurveRequest* request,
                             ServerWriter<v1::ReadCurveResponse>* writer) {
  ENTER(ReadCurve);
  read_curve = *request;
  const auto found = curves.find(request->job_id() + " " + request->series());
  if (found == curves.end()) {
    return {grpc::StatusCode::NOT_FOUND, fmt::format("{} has no series {}", request->job_id(), request->series())};
  }
  writer->Write(found->second);
  return Status::OK;
}

Status FakeServer::WatchCurves(ServerContext*, const v1::WatchCurvesRequest*,
                               ServerWriter<v1::WatchCurvesResponse>* writer) {
  ENTER(WatchCurves);
  for (const auto& news : curve_news) {
    writer->Write(news);
  }
  return Status::OK;
}

namespace {

v1::Experiment FirstExperiment() {
  const ExperimentInfo info = Experiments().front();
  v1::Experiment experiment;
  experiment.set_name(info.name);
  experiment.set_summary(info.summary);
  for (const FieldInfo& f : info.fields) {
    v1::Field* field = experiment.add_fields();
    field->set_name(f.name);
    field->set_type(f.type);
    field->set_default_value(f.default_value);
    field->set_range(f.range);
    field->set_unit(f.unit);
    field->set_meaning(f.meaning);
    for (const ChoiceInfo& c : f.choices) {
      auto* choice = field->add_choices();
      choice->set_name(c.name);
      choice->set_meaning(c.meaning);
    }
  }
  return experiment;
}

}  // namespace

Status FakeServer::ListArtifacts(ServerContext*, const v1::ListArtifactsRequest* request,
                                 v1::ListArtifactsResponse* response) {
  ENTER(ListArtifacts);
  const std::string prefix = request->job_id() + " ";
  for (const auto& [key, bytes] : artifacts) {
    if (key.rfind(prefix, 0) == 0) {
      v1::Artifact& artifact = *response->add_artifacts();
      artifact.set_name(key.substr(prefix.size()));
      artifact.set_media_type("image/png");
      artifact.set_step(1720);
      artifact.set_size(bytes.size());
      artifact.set_crc32c(Crc32c(bytes));
    }
  }
  return Status::OK;
}

Status FakeServer::SendZeros(ServerWriter<v1::ReadArtifactResponse>& writer) const {
  const std::string piece(256 << 10, '\0');
  std::uint32_t crc32c = 0;
  for (std::uint64_t at = 0; at < zeros; at += piece.size()) {
    crc32c = Crc32c(piece, crc32c);
  }
  v1::ReadArtifactResponse message;
  message.mutable_header()->mutable_artifact()->set_size(zeros);
  message.mutable_header()->set_crc32c(crc32c);
  writer.Write(message);
  message.set_data(piece);
  for (std::uint64_t at = 0; at < zeros; at += piece.size()) {
    writer.Write(message);
  }
  return Status::OK;
}

Status FakeServer::ReadArtifact(ServerContext* context, const v1::ReadArtifactRequest* request,
                                ServerWriter<v1::ReadArtifactResponse>* writer) {
  ENTER(ReadArtifact);
  artifact_deadline = context->deadline();
  if (request->name() == "zeros") {
    return SendZeros(*writer);
  }
  const auto found = artifacts.find(request->job_id() + " " + request->name());
  if (found == artifacts.end()) {
    return {grpc::StatusCode::NOT_FOUND, fmt::format("{} has no artifact {}", request->job_id(), request->name())};
  }
  v1::ReadArtifactResponse message;
  message.mutable_header()->mutable_artifact()->set_size(found->second.size());
  message.mutable_header()->set_crc32c(Crc32c(found->second) + (damage_artifacts ? 1 : 0));
  writer->Write(message);
  for (const char byte : found->second) {
    message.set_data(std::string(1, byte));
    writer->Write(message);
    while (artifacts_stall && !context->IsCancelled()) {
      std::this_thread::yield();
    }
  }
  return Status::OK;
}

Status FakeServer::ListExperiments(ServerContext*, const v1::ListExperimentsRequest*,
                                   v1::ListExperimentsResponse* response) {
  ENTER(ListExperiments);
  *response->add_experiments() = FirstExperiment();
  return Status::OK;
}

Status FakeServer::DescribeExperiment(ServerContext*, const v1::DescribeExperimentRequest* request,
                                      v1::DescribeExperimentResponse* response) {
  ENTER(DescribeExperiment);
  if (request->name() != "mnist_mlp") {
    return {grpc::StatusCode::NOT_FOUND, fmt::format("there is no experiment {}; expected mnist_mlp", request->name())};
  }
  *response->mutable_experiment() = FirstExperiment();
  return Status::OK;
}

Status FakeServer::ListPapers(ServerContext*, const v1::ListPapersRequest*, v1::ListPapersResponse* response) {
  ENTER(ListPapers);
  response->mutable_papers()->Assign(papers.begin(), papers.end());
  return Status::OK;
}

Status FakeServer::PlanReproduction(ServerContext*, const v1::PlanReproductionRequest* request,
                                    v1::PlanReproductionResponse* response) {
  ENTER(PlanReproduction);
  planned = *request;
  *response = plan;
  response->set_paper_id(request->has_manifest() ? "mine" : request->paper_id());
  return Status::OK;
}

// The content in two pieces.
template <typename Response>
Status Send(const std::string& content, grpc::ServerWriter<Response>& writer, Response last = {}) {
  Response first;
  first.set_content(content.substr(0, 5));
  last.set_content(content.substr(5));
  writer.Write(first);
  writer.Write(last);
  return Status::OK;
}

Status FakeServer::GetTable(ServerContext*, const v1::GetTableRequest* request,
                            grpc::ServerWriter<v1::GetTableResponse>* writer) {
  ENTER(GetTable);
  v1::GetTableResponse claims;
  for (const v1::Verdict verdict : verdicts) {
    claims.add_claims()->set_verdict(verdict);
  }
  const std::string seeds = request->seeds() == 0 ? "" : fmt::format(", {} seeds", request->seeds());
  return Send(request->format() == v1::FORMAT_JSON
                  ? fmt::format("{{\"item\": \"{}\", \"budget\": \"{}\"}}\n", request->item_id(), request->budget())
                  : fmt::format("{} table of {} at {}{}\n", v1::Format_Name(request->format()), request->item_id(),
                                request->budget(), seeds),
              *writer, claims);
}

Status FakeServer::GetFigure(ServerContext*, const v1::GetFigureRequest* request,
                             grpc::ServerWriter<v1::GetFigureResponse>* writer) {
  ENTER(GetFigure);
  return Send(
      fmt::format("{} figure of {} at {}\n", v1::Format_Name(request->format()), request->item_id(), request->budget()),
      *writer);
}

Status FakeServer::CompareJobs(ServerContext*, const v1::CompareJobsRequest* request,
                               grpc::ServerWriter<v1::CompareJobsResponse>* writer) {
  ENTER(CompareJobs);
  compared = *request;
  return Send(fmt::format("{} comparison\n", v1::Format_Name(request->format())), *writer);
}

Status FakeServer::PlotJobs(ServerContext*, const v1::PlotJobsRequest* request,
                            grpc::ServerWriter<v1::PlotJobsResponse>* writer) {
  ENTER(PlotJobs);
  plotted = *request;
  return Send(fmt::format("{} plot\n", v1::Format_Name(request->format())), *writer);
}

Status FakeServer::GetReport(ServerContext*, const v1::GetReportRequest* request,
                             grpc::ServerWriter<v1::GetReportResponse>* writer) {
  ENTER(GetReport);
  return Send(fmt::format("{} report at {}\n", v1::Format_Name(request->format()), request->budget()), *writer);
}

Status BadRequest(const std::vector<std::pair<std::string, std::string>>& fields) {
  google::rpc::BadRequest bad;
  for (const auto& [path, problem] : fields) {
    auto* field = bad.add_field_violations();
    field->set_field(path);
    field->set_description(problem);
  }
  google::rpc::Status details;
  details.set_code(grpc::StatusCode::INVALID_ARGUMENT);
  details.set_message("wrong fields");
  details.add_details()->PackFrom(bad);
  return {grpc::StatusCode::INVALID_ARGUMENT, "wrong fields", details.SerializeAsString()};
}

}  // namespace normlab::client
