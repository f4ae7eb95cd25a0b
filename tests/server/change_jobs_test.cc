// Calls that change many jobs, attempts, workers, orders, read masks and logs, over the wire.
#include <cmath>
#include <fstream>
#include <thread>

#include "proto/transport/token.h"
#include "server/schedule/job_log.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ChangeJobsTest : public ServerTest {
 protected:
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::JobService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    CallContext context;
    response->Clear();
    return (jobs_.get()->*method)(&context, request, response);
  }
  grpc::Status Cancel(const v1::CancelJobsRequest& request, v1::CancelJobsResponse* response) {
    return Call(&v1::JobService::Stub::CancelJobs, request, response);
  }
  grpc::Status Update(const v1::UpdateJobsRequest& request, v1::UpdateJobsResponse* response) {
    return Call(&v1::JobService::Stub::UpdateJobs, request, response);
  }
  grpc::Status List(const v1::ListJobsRequest& request, v1::ListJobsResponse* response) {
    return Call(&v1::JobService::Stub::ListJobs, request, response);
  }
  static std::vector<std::string> Ids(const google::protobuf::RepeatedPtrField<v1::Job>& jobs) {
    std::vector<std::string> ids;
    for (const v1::Job& job : jobs) {
      ids.push_back(job.job_id());
    }
    return ids;
  }
};

TEST_F(ChangeJobsTest, AFilterThatNamesNothingIsRefused) {
  Create(1);
  v1::CancelJobsResponse cancelled;
  EXPECT_THAT(WrongFields(Cancel({}, &cancelled)), ElementsAre("filter"));
  v1::CancelJobsRequest empty;
  empty.mutable_filter();
  EXPECT_THAT(WrongFields(Cancel(empty, &cancelled)), ElementsAre("filter"));
  v1::DeleteJobsResponse deleted;
  EXPECT_THAT(WrongFields(Call(&v1::JobService::Stub::DeleteJobs, v1::DeleteJobsRequest(), &deleted)),
              ElementsAre("filter"));
  EXPECT_EQ(Get("j1").state(), v1::JOB_STATE_QUEUED);
}

TEST_F(ChangeJobsTest, EveryWrongFieldIsNamedAtOnce) {
  v1::UpdateJobsRequest request;
  request.mutable_filter()->add_job_ids("17");
  request.mutable_filter()->add_states(static_cast<v1::JobState>(42));
  request.mutable_filter()->set_experiment("mnist_mpl");
  (*request.mutable_filter()->mutable_labels())["a b"] = "x";
  (*request.mutable_set_labels())["c d"] = "x";
  (*request.mutable_set_labels())["e"] = "x";
  request.add_remove_labels("e");
  request.add_remove_labels("f g");
  request.set_priority(5000);
  v1::UpdateJobsResponse response;
  EXPECT_THAT(WrongFields(Update(request, &response)),
              UnorderedElementsAre("filter.job_ids[0]", "filter.states[0]", "filter.experiment", "filter.labels[a b]",
                                   "set_labels[c d]", "remove_labels[0]", "remove_labels[1]", "priority"));
  v1::UpdateJobsRequest nothing;
  nothing.mutable_filter()->add_job_ids("j1");
  EXPECT_THAT(WrongFields(Update(nothing, &response)), ElementsAre("set_labels"));
  v1::CancelJobsRequest many;
  for (int i = 0; i < 1001; ++i) {
    many.mutable_filter()->add_job_ids("j1");
  }
  v1::CancelJobsResponse cancelled;
  EXPECT_THAT(WrongFields(Cancel(many, &cancelled)), ElementsAre("filter.job_ids"));
}

TEST_F(ChangeJobsTest, JobsAreCancelledAndTheirWorkersHearOfIt) {
  Create(1);
  Create(2);
  const auto lease = LeaseOne();
  v1::CancelJobsRequest request;
  request.set_request_id(Uuid(1));
  request.mutable_filter()->set_experiment("mnist_mlp");
  request.set_validate_only(true);
  v1::CancelJobsResponse response;
  ASSERT_TRUE(Cancel(request, &response).ok());
  EXPECT_THAT(Ids(response.jobs()), ElementsAre("j1", "j2"));
  EXPECT_EQ(Get("j2").state(), v1::JOB_STATE_QUEUED);
  request.set_validate_only(false);
  EXPECT_TRUE(Cancel(request, &response).ok()) << "a dry run uses up no request id";
  EXPECT_THAT(Ids(response.jobs()), ElementsAre("j1", "j2"));
  EXPECT_EQ(response.jobs(0).state(), v1::JOB_STATE_CANCELLING);
  EXPECT_EQ(response.jobs(1).state(), v1::JOB_STATE_CANCELLED);
  EXPECT_FALSE(response.jobs(0).has_spec());
  CallContext context;
  v1::AwaitOrderRequest wait;
  *wait.mutable_attempt() = lease.attempt();
  wait.mutable_wait()->set_seconds(20);
  v1::AwaitOrderResponse order;
  ASSERT_TRUE(workers_->AwaitOrder(&context, wait, &order).ok());
  EXPECT_TRUE(order.stop());
  request.clear_request_id();
  ASSERT_TRUE(Cancel(request, &response).ok());
  EXPECT_THAT(response.jobs(), IsEmpty());
  ASSERT_EQ(response.not_changed_size(), 2);
  EXPECT_EQ(response.not_changed(1).job_id(), "j2");
  EXPECT_EQ(response.not_changed(1).code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(response.not_changed(1).reason(), HasSubstr("is CANCELLED"));
}

TEST_F(ChangeJobsTest, JobsAreResumedLabelledPrioritisedAndDeleted) {
  Create(1);
  v1::CancelJobsRequest cancel;
  cancel.mutable_filter()->add_job_ids("j1");
  v1::CancelJobsResponse cancelled;
  ASSERT_TRUE(Cancel(cancel, &cancelled).ok());
  v1::ResumeJobsRequest resume;
  resume.mutable_filter()->add_states(v1::JOB_STATE_CANCELLED);
  v1::ResumeJobsResponse resumed;
  ASSERT_TRUE(Call(&v1::JobService::Stub::ResumeJobs, resume, &resumed).ok());
  ASSERT_EQ(resumed.jobs_size(), 1);
  EXPECT_EQ(resumed.jobs(0).job_id(), "j2");
  EXPECT_EQ(resumed.jobs(0).resumed_from(), "j1");
  EXPECT_EQ(Get("j2").resumed_from(), "j1");
  EXPECT_EQ(Get("j1").resumed_from(), "");
  v1::UpdateJobsRequest update;
  update.mutable_filter()->add_job_ids("j2");
  (*update.mutable_set_labels())["who"] = "ana";
  update.set_priority(7);
  v1::UpdateJobsResponse updated;
  ASSERT_TRUE(Update(update, &updated).ok());
  EXPECT_EQ(updated.jobs(0).priority(), 7);
  EXPECT_EQ(Get("j2").labels().at("who"), "ana");
  v1::DeleteJobsRequest remove;
  remove.mutable_filter()->set_experiment("mnist_mlp");
  v1::DeleteJobsResponse removed;
  ASSERT_TRUE(Call(&v1::JobService::Stub::DeleteJobs, remove, &removed).ok());
  EXPECT_THAT(Ids(removed.jobs()), ElementsAre("j1"));
  EXPECT_EQ(removed.jobs(0).state(), v1::JOB_STATE_UNSPECIFIED);
  EXPECT_EQ(removed.not_changed(0).job_id(), "j2");
}

TEST_F(ChangeJobsTest, AttemptsAreListed) {
  Create(1);
  const auto lease = LeaseOne("elsewhere:7");
  v1::HeartbeatResponse beat;
  ASSERT_TRUE(Beat(lease.attempt(), &beat).ok());
  v1::ListAttemptsRequest request;
  request.set_job_id("j1");
  v1::ListAttemptsResponse response;
  ASSERT_TRUE(Call(&v1::JobService::Stub::ListAttempts, request, &response).ok());
  ASSERT_EQ(response.attempts_size(), 1);
  EXPECT_EQ(response.attempts(0).worker(), "elsewhere:7");
  EXPECT_FALSE(response.attempts(0).has_ended());
  EXPECT_EQ(response.attempts(0).steps_done(), 10u);
  ASSERT_TRUE(Finish(lease.attempt()).ok());
  ASSERT_TRUE(Call(&v1::JobService::Stub::ListAttempts, request, &response).ok());
  EXPECT_EQ(response.attempts(0).ending(), "SUCCEEDED");
  EXPECT_TRUE(response.attempts(0).has_ended());
  EXPECT_EQ(response.attempts(0).steps_done(), 100u);
  request.set_job_id("j9");
  EXPECT_EQ(Call(&v1::JobService::Stub::ListAttempts, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ChangeJobsTest, WorkersAreListedWithTheirJobsAndWhatTheyWaitFor) {
  Create(1);
  LeaseOne("busy:1");
  Create(2);
  v1::CancelJobsRequest cancel;
  cancel.mutable_filter()->add_job_ids("j2");
  v1::CancelJobsResponse cancelled;
  ASSERT_TRUE(Cancel(cancel, &cancelled).ok());
  std::jthread idle([this] {
    CallContext context;
    v1::LeaseRequest request;
    request.set_worker("idle:2");
    request.mutable_wait()->set_seconds(30);
    v1::LeaseResponse response;
    workers_->Lease(&context, request, &response);
  });
  v1::ListWorkersResponse response;
  ASSERT_TRUE(Eventually([&] {
    return Call(&v1::JobService::Stub::ListWorkers, v1::ListWorkersRequest(), &response).ok() &&
           response.workers_size() == 2;
  }));
  EXPECT_EQ(response.workers(0).worker(), "busy:1");
  EXPECT_EQ(response.workers(0).job_id(), "j1");
  EXPECT_EQ(response.workers(0).attempt(), 1);
  EXPECT_EQ(response.workers(0).waits_for(), "");
  EXPECT_FALSE(response.workers(0).kept());
  EXPECT_GT(response.workers(0).since().seconds(), 1'600'000'000);
  EXPECT_GE(response.workers(0).last_heard().seconds(), response.workers(0).since().seconds());
  EXPECT_EQ(response.workers(1).worker(), "idle:2");
  EXPECT_EQ(response.workers(1).job_id(), "");
  EXPECT_EQ(response.workers(1).waits_for(), "the queue is empty");
  EXPECT_EQ(response.slots(), 0);
  EXPECT_EQ(response.queued(), 0u);
  Create(3);  // lets the idle one go
}

TEST_F(ChangeJobsTest, ListsAreOrderedByACurveAndPagesGoOnInThatOrder) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Create(seed);
    if (seed != 3) {
      const auto lease = LeaseOne();
      // 1, 1/2, ...: the longer, the lower.
      ASSERT_TRUE(Append(lease.attempt(), "test/error", 0, 5 - static_cast<int>(seed)).ok());
      ASSERT_TRUE(Finish(lease.attempt()).ok());
    } else {
      v1::CancelJobsRequest cancel;
      cancel.mutable_filter()->add_job_ids("j3");
      v1::CancelJobsResponse cancelled;
      ASSERT_TRUE(Cancel(cancel, &cancelled).ok());
    }
  }
  v1::ListJobsRequest request;
  request.set_page_size(3);
  request.set_order_by("best test/error desc");
  request.mutable_read_mask()->add_paths("job_id");
  request.mutable_read_mask()->add_paths("spec.seed");
  v1::ListJobsResponse page;
  ASSERT_TRUE(List(request, &page).ok());
  EXPECT_THAT(Ids(page.jobs()), ElementsAre("j4", "j2", "j1"));
  EXPECT_THAT(page.sort_values(), ElementsAre(1.0, 1.0 / 3, 1.0 / 4));
  EXPECT_EQ(page.jobs(0).spec().seed(), 4u);
  EXPECT_FALSE(page.jobs(0).spec().has_mnist_mlp());
  EXPECT_EQ(page.jobs(0).state(), v1::JOB_STATE_UNSPECIFIED);
  request.set_page_token(page.next_page_token());
  request.clear_read_mask();
  ASSERT_TRUE(List(request, &page).ok()) << "the mask may change between pages";
  EXPECT_THAT(Ids(page.jobs()), ElementsAre("j3"));
  EXPECT_TRUE(std::isnan(page.sort_values(0)));
  EXPECT_EQ(page.next_page_token(), "");
  request.set_order_by("best test/error");
  EXPECT_THAT(WrongFields(List(request, &page)), ElementsAre("page_token"));
  request.clear_page_token();
  request.set_order_by("created");
  ASSERT_TRUE(List(request, &page).ok());
  EXPECT_EQ(page.jobs(0).job_id(), "j1");
  EXPECT_THAT(page.sort_values(), IsEmpty());
  for (const char* wrong :
       {"crated", "best", "best ", "best test//error!", "first test/error", "created  desc", "desc"}) {
    request.set_order_by(wrong);
    EXPECT_THAT(WrongFields(List(request, &page)), ElementsAre("order_by")) << wrong;
  }
}

TEST_F(ChangeJobsTest, AMaskLeavesWhatItNamesAndWrongPathsAreNamed) {
  Create(1);
  v1::GetJobRequest request;
  request.set_job_id("j1");
  request.mutable_read_mask()->add_paths("state");
  v1::GetJobResponse response;
  ASSERT_TRUE(Call(&v1::JobService::Stub::GetJob, request, &response).ok());
  v1::Job expected;
  expected.set_state(v1::JOB_STATE_QUEUED);
  EXPECT_EQ(response.job().SerializeAsString(), expected.SerializeAsString());
  request.mutable_read_mask()->add_paths("sped");
  EXPECT_THAT(WrongFields(Call(&v1::JobService::Stub::GetJob, request, &response)), ElementsAre("read_mask.paths[1]"));
  v1::WatchJobsRequest watch;
  watch.mutable_read_mask()->add_paths("job_id");
  CallContext context;
  const auto reader = jobs_->WatchJobs(&context, watch);
  v1::WatchJobsResponse news;
  ASSERT_TRUE(reader->Read(&news));
  expected.Clear();
  expected.set_job_id("j1");
  EXPECT_EQ(news.jobs(0).SerializeAsString(), expected.SerializeAsString());
  context.TryCancel();
}

class LogTest : public ChangeJobsTest {
 protected:
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(logs());
    std::ofstream(logs() + "/" + name, std::ios::app) << text;
  }
  std::string logs() const { return folder_.path() + "/home/logs"; }
  // Its lines: "source text".
  std::vector<std::string> Read(const std::string& job) {
    CallContext context;
    v1::ReadLogRequest request;
    request.set_job_id(job);
    const auto reader = jobs_->ReadLog(&context, request);
    std::vector<std::string> lines;
    for (v1::ReadLogResponse news; reader->Read(&news);) {
      for (const auto& line : news.lines()) {
        lines.push_back(line.source() + " " + line.text());
      }
    }
    EXPECT_TRUE(reader->Finish().ok());
    return lines;
  }
};

TEST_F(LogTest, AJobsLinesAreItsAloneByTime) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Create(seed);
  }
  Write("worker-1.log.1",
        "rest of a line\n2026-11-23T04:41:01.000Z info job_leased job=j1 attempt=1\n"
        "2026-11-23T04:41:02.000Z warning checkpoint_not_usable why=\"of job=j2 or so\"\n");
  Write("worker-1.log",
        "terminate called after \xff\n"
        "2026-11-23T04:41:04.000Z info worker_starts worker=local-2\n"
        "2026-11-23T04:41:05.000Z info server_does_not_answer call=Lease\n"
        "2026-11-23T04:41:06.000Z info job_leased job=j2 attempt=1\nsecret of j2\n"
        "2026-11-23T04:41:07.000Z info job_finished job=j2 outcome=OUTCOME_SUCCEEDED\nof nobody\n");
  Write("worker-2.log", "2026-11-23T04:41:01.500Z info job_leased job=j11 attempt=1\nof j11\n");
  Write("server.log",
        "2026-11-23T04:41:03.000Z warning attempt_ended job=1 why=\"killed\"\n"
        "2026-11-23T04:41:03.100Z info serving home=/x\n");
  Write("other.txt", "2026-11-23T04:41:03.000Z info job_leased job=j1\n");
  EXPECT_THAT(Read("j1"), ElementsAre("worker-1 info job_leased job=j1 attempt=1",
                                      "worker-1 warning checkpoint_not_usable why=\"of job=j2 or so\"",
                                      "worker-1 terminate called after \uFFFD",
                                      "server warning attempt_ended job=1 why=\"killed\""));
  EXPECT_THAT(Read("j2"), ElementsAre("worker-1 info job_leased job=j2 attempt=1", "worker-1 secret of j2",
                                      "worker-1 info job_finished job=j2 outcome=OUTCOME_SUCCEEDED"));
  EXPECT_THAT(Read("j3"), IsEmpty());
}

TEST_F(LogTest, FollowingGoesOnBehindANewFileAndEndsWithTheJob) {
  Create(1);
  const auto lease = LeaseOne();
  Write("worker-1.log", "2026-11-23T04:41:01.000Z info job_leased job=j1 attempt=1\n");
  CallContext context;
  v1::ReadLogRequest request;
  request.set_job_id("j1");
  request.set_follow(true);
  const auto reader = jobs_->ReadLog(&context, request);
  v1::ReadLogResponse news;
  ASSERT_TRUE(reader->Read(&news));
  ASSERT_EQ(news.lines_size(), 1);
  Write("worker-1.log", "a line\n");
  std::filesystem::rename(logs() + "/worker-1.log", logs() + "/worker-1.log.1");
  Write("worker-1.log", "2026-11-23T04:41:02.000Z info job_finished job=j1\n");
  ASSERT_TRUE(Finish(lease.attempt()).ok());
  std::vector<std::string> rest;
  while (reader->Read(&news)) {
    for (const auto& line : news.lines()) {
      rest.push_back(line.text());
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_THAT(rest, ElementsAre("a line", "info job_finished job=j1"));
}

TEST_F(LogTest, LogsOfACluster) {
  const std::string cluster = logs() + "/slurm";
  std::filesystem::create_directories(cluster);
  std::ofstream(cluster + "/worker-slurm-1.log")
      << "2026-11-23T04:41:01.000Z info job_leased job=j1 attempt=1\ncrash\n";
  Write("worker-1.log", "2026-11-23T04:41:02.000Z info job_leased job=j1 attempt=2\n");
  const std::vector<LogLine> lines = JobLog(logs(), 1).Next();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].source, "worker-slurm-1");
  EXPECT_EQ(lines[1].text, "crash");
  EXPECT_EQ(lines[2].source, "worker-1");
}

TEST_F(LogTest, ALineIsToldWhenItIsWhole) {
  JobLog log(logs(), 1);
  EXPECT_THAT(log.Next(), IsEmpty()) << "there is no folder yet";
  Write("worker-1.log", "2026-11-23T04:41:01.000Z info job_leased job=j1 attempt=1\nhalf");
  EXPECT_EQ(log.Next().size(), 1u);
  EXPECT_THAT(log.Next(), IsEmpty());
  Write("worker-1.log", " a line\n");
  const std::vector<LogLine> lines = log.Next();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].text, "half a line");
}

TEST(LineFilterTest, ALineThatNamesAJobIsThatJobsAlone) {
  LineFilter filter(17, true);
  LogLine line;
  const std::string time = "2026-11-23T04:41:01.250Z ";
  EXPECT_FALSE(filter.Take("before any lease", line));
  EXPECT_FALSE(filter.Take(time + "info job_leased job=j171 attempt=1", line));
  EXPECT_FALSE(filter.Take("of j171", line));
  EXPECT_TRUE(filter.Take(time + "info job_leased job=j17 attempt=1", line));
  EXPECT_EQ(line.time_ms, 1'795'408'861'250);
  EXPECT_EQ(line.text, "info job_leased job=j17 attempt=1");
  EXPECT_TRUE(filter.Take("crash", line));
  EXPECT_EQ(line.time_ms, 1'795'408'861'250);
  EXPECT_FALSE(filter.Take(time + "info job_leased job=j18 attempt=1", line));
  EXPECT_FALSE(filter.Take("crash of j18", line));
  LineFilter server(17, false);
  EXPECT_TRUE(server.Take(time + "info data_lost job=17", line));
  EXPECT_FALSE(server.Take("of nobody", line));
}

}  // namespace
}  // namespace normlab::server
