#include <fstream>
#include <future>
#include <set>

#include "tests/reliability.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class JobServiceTest : public ServerTest {
 protected:
  grpc::Status CreateWith(const v1::CreateJobRequest& request, v1::CreateJobResponse* response) {
    CallContext context;
    return jobs_->CreateJob(&context, request, response);
  }
  grpc::Status Batch(const v1::BatchCreateJobsRequest& request, v1::BatchCreateJobsResponse* response) {
    CallContext context;
    return jobs_->BatchCreateJobs(&context, request, response);
  }
  grpc::Status List(const v1::ListJobsRequest& request, v1::ListJobsResponse* response) {
    CallContext context;
    return jobs_->ListJobs(&context, request, response);
  }
  grpc::Status Cancel(const std::string& job_id, v1::CancelJobResponse* response, const std::string& request_id = "") {
    CallContext context;
    v1::CancelJobRequest request;
    request.set_job_id(job_id);
    request.set_request_id(request_id);
    return jobs_->CancelJob(&context, request, response);
  }
  grpc::Status Resume(const std::string& job_id, v1::ResumeJobResponse* response, bool force = false) {
    CallContext context;
    v1::ResumeJobRequest request;
    request.set_force(force);
    request.set_job_id(job_id);
    return jobs_->ResumeJob(&context, request, response);
  }
  grpc::Status Delete(const std::string& job_id) {
    CallContext context;
    v1::DeleteJobRequest request;
    request.set_job_id(job_id);
    v1::DeleteJobResponse response;
    return jobs_->DeleteJob(&context, request, &response);
  }
  grpc::Status GetStatus(const std::string& job_id) {
    CallContext context;
    v1::GetJobRequest request;
    request.set_job_id(job_id);
    v1::GetJobResponse response;
    return jobs_->GetJob(&context, request, &response);
  }
};

TEST_F(JobServiceTest, CreateResolvesAndStores) {
  v1::CreateJobRequest request = MnistRequest(3);
  request.set_priority(7);
  (*request.mutable_labels())["course"] = "ml-2";
  v1::CreateJobResponse response;
  ASSERT_TRUE(CreateWith(request, &response).ok());
  EXPECT_FALSE(response.reused());
  const v1::Job job = Get(response.job().job_id());
  EXPECT_EQ(job.SerializeAsString(), response.job().SerializeAsString());
  EXPECT_THAT(job.job_id(), StartsWith("j"));
  EXPECT_EQ(job.state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(job.spec().seed(), 3u);
  EXPECT_EQ(job.spec().mnist_mlp().batch_size(), 128);
  EXPECT_EQ(job.identity().size(), 64u);
  EXPECT_EQ(job.priority(), 7);
  EXPECT_EQ(job.labels().at("course"), "ml-2");
  EXPECT_GT(job.created().seconds(), 1'600'000'000);
  EXPECT_FALSE(job.has_started());
  EXPECT_GT(job.revision(), 0u);
}

TEST_F(JobServiceTest, EqualIdentityIsReusedUnlessRerunIsAskedFor) {
  const v1::Job first = Create(1);
  v1::CreateJobResponse response;
  v1::CreateJobRequest request = MnistRequest(1);
  request.mutable_spec()->mutable_mnist_mlp()->set_batch_size(128);  // its default: the same run
  ASSERT_TRUE(CreateWith(request, &response).ok());
  EXPECT_TRUE(response.reused());
  EXPECT_EQ(response.job().job_id(), first.job_id());
  request.set_rerun(true);
  ASSERT_TRUE(CreateWith(request, &response).ok());
  EXPECT_FALSE(response.reused());
  EXPECT_NE(response.job().job_id(), first.job_id());
  EXPECT_EQ(response.job().identity(), first.identity());
}

TEST_F(JobServiceTest, EveryWrongFieldIsReportedAtOnce) {
  v1::CreateJobRequest request = MnistRequest();
  request.mutable_spec()->mutable_mnist_mlp()->set_batch_size(0);
  request.mutable_spec()->mutable_mnist_mlp()->mutable_optimization()->set_learning_rate(-1);
  request.set_priority(100000);
  (*request.mutable_labels())["a b"] = "x";
  (*request.mutable_labels())["ok"] = "line\nbreak";
  v1::CreateJobResponse response;
  const grpc::Status status = CreateWith(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "INVALID_FIELDS");
  EXPECT_THAT(WrongFields(status),
              testing::UnorderedElementsAre("spec.mnist_mlp.batch_size", "spec.mnist_mlp.learning_rate", "labels[a b]",
                                            "labels[ok]", "priority"));
  EXPECT_THAT(status.error_message(), HasSubstr("spec.mnist_mlp.batch_size is 0; expected an integer >= 1"));
}

TEST_F(JobServiceTest, RulesBetweenFieldsAreChecked) {
  v1::CreateJobRequest request = MnistRequest();
  request.mutable_spec()->mutable_mnist_mlp()->set_train_images(100);
  v1::CreateJobResponse response;
  const grpc::Status status = CreateWith(request, &response);
  EXPECT_THAT(WrongFields(status), ElementsAre("spec.mnist_mlp.batch_size"));
  EXPECT_THAT(status.error_message(), HasSubstr("expected at most train_images (100)"));
}

TEST_F(JobServiceTest, MissingExperimentIsNamed) {
  v1::CreateJobResponse response;
  const grpc::Status status = CreateWith({}, &response);
  EXPECT_THAT(WrongFields(status), ElementsAre("spec.experiment"));
}

TEST_F(JobServiceTest, ARepeatedRequestGetsTheFirstAnswer) {
  v1::CreateJobRequest request = MnistRequest();
  request.set_request_id(Uuid(1));
  request.set_rerun(true);
  v1::CreateJobResponse first, second;
  ASSERT_TRUE(CreateWith(request, &first).ok());
  request.set_request_id("00000000-0000-4000-8000-00000000000" + std::string("1"));
  ASSERT_TRUE(CreateWith(request, &second).ok());
  EXPECT_EQ(first.job().job_id(), second.job().job_id());
  request.set_priority(1);
  const grpc::Status other_body = CreateWith(request, &second);
  EXPECT_EQ(other_body.error_code(), grpc::StatusCode::ALREADY_EXISTS) << other_body.error_message();
}

TEST_F(JobServiceTest, ARequestIdBelongsToOneMethod) {
  v1::CreateJobRequest request = MnistRequest();
  request.set_request_id(Uuid(2));
  v1::CreateJobResponse response;
  ASSERT_TRUE(CreateWith(request, &response).ok());
  v1::CancelJobResponse cancelled;
  EXPECT_EQ(Cancel(response.job().job_id(), &cancelled, Uuid(2)).error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(JobServiceTest, RequestIdsAreUuids) {
  for (const std::string bad : {"x", "00000000-0000-4000-8000-00000000000g", "00000000x0000-4000-8000-000000000001"}) {
    v1::CreateJobRequest request = MnistRequest();
    request.set_request_id(bad);
    v1::CreateJobResponse response;
    EXPECT_THAT(WrongFields(CreateWith(request, &response)), ElementsAre("request_id")) << bad;
  }
}

TEST_F(JobServiceTest, AHundredEqualRequestsAtOnceMakeOneJob) {
  v1::CreateJobRequest request = MnistRequest();
  request.set_request_id(Uuid(3));
  request.set_rerun(true);  // identity must not be what makes it one
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 100; ++i) {
    answers.push_back(std::async(std::launch::async, [&] {
      v1::CreateJobResponse response;
      const grpc::Status status = CreateWith(request, &response);
      return status.ok() ? response.job().job_id() : status.error_message();
    }));
  }
  std::set<std::string> ids;
  for (auto& answer : answers) {
    ids.insert(answer.get());
  }
  EXPECT_THAT(ids, testing::SizeIs(1));
  v1::ListJobsResponse all;
  ASSERT_TRUE(List({}, &all).ok());
  EXPECT_EQ(all.jobs_size(), 1);
  RecordReliability(38, "100 at once: 1 job");
}

TEST_F(JobServiceTest, BatchesAreAllOrNothing) {
  v1::BatchCreateJobsRequest request;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    *request.add_requests() = MnistRequest(seed);
  }
  request.mutable_requests(3)->mutable_spec()->mutable_mnist_mlp()->set_batch_size(-4);
  request.mutable_requests(1)->mutable_spec()->clear_mnist_mlp();
  v1::BatchCreateJobsResponse response;
  const grpc::Status status = Batch(request, &response);
  EXPECT_THAT(WrongFields(status), ElementsAre("requests[1].spec.experiment", "requests[3].spec.mnist_mlp.batch_size"));
  v1::ListJobsResponse all;
  ASSERT_TRUE(List({}, &all).ok());
  EXPECT_EQ(all.jobs_size(), 0);

  *request.mutable_requests(3) = MnistRequest(4);
  *request.mutable_requests(1) = MnistRequest(1);  // as the first: one job
  ASSERT_TRUE(Batch(request, &response).ok());
  ASSERT_EQ(response.jobs_size(), 4);
  EXPECT_EQ(response.jobs(1).job().job_id(), response.jobs(0).job().job_id());
  EXPECT_TRUE(response.jobs(1).reused());
  EXPECT_EQ(response.jobs(3).job().spec().seed(), 4u);
}

TEST_F(JobServiceTest, BatchSizesAreBounded) {
  v1::BatchCreateJobsResponse response;
  EXPECT_THAT(WrongFields(Batch({}, &response)), ElementsAre("requests"));
  v1::BatchCreateJobsRequest request;
  for (int i = 0; i < 1001; ++i) {
    request.add_requests();
  }
  EXPECT_THAT(WrongFields(Batch(request, &response)), ElementsAre("requests"));
}

TEST_F(JobServiceTest, AThousandWrongJobsStillFitAnErrorTrailer) {
  v1::BatchCreateJobsRequest request;
  for (int i = 0; i < 1000; ++i) {
    *request.add_requests() = MnistRequest();
    request.mutable_requests(i)->mutable_spec()->mutable_mnist_mlp()->set_batch_size(0);
  }
  v1::BatchCreateJobsResponse response;
  const grpc::Status status = Batch(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto details = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_GT(details.field_violations_size(), 3);
  EXPECT_THAT(details.field_violations().rbegin()->description(),
              testing::ContainsRegex("and 9[0-9]+ more wrong fields"));
}

TEST_F(JobServiceTest, ValidateOnlyStoresNothing) {
  const v1::Job stored = Create(1);
  v1::BatchCreateJobsRequest request;
  request.set_validate_only(true);
  *request.add_requests() = MnistRequest(1);
  *request.add_requests() = MnistRequest(2);
  v1::BatchCreateJobsResponse response;
  ASSERT_TRUE(Batch(request, &response).ok());
  EXPECT_TRUE(response.jobs(0).reused());
  EXPECT_EQ(response.jobs(0).job().job_id(), stored.job_id());
  EXPECT_FALSE(response.jobs(1).reused());
  EXPECT_THAT(response.jobs(1).job().job_id(), IsEmpty());
  EXPECT_EQ(response.jobs(1).job().identity().size(), 64u);
  v1::ListJobsResponse all;
  ASSERT_TRUE(List({}, &all).ok());
  EXPECT_EQ(all.jobs_size(), 1);
}

TEST_F(JobServiceTest, UnknownAndMalformedJobs) {
  const grpc::Status unknown = GetStatus("j999");
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(unknown), "NOT_FOUND");
  EXPECT_THAT(unknown.error_message(), HasSubstr("j999"));
  for (const std::string bad :
       {"", "17", "j", "j0", "j-1", "j01", "j1x", "j99999999999999999999", "../../etc/passwd", "j1;drop table job"}) {
    EXPECT_THAT(WrongFields(GetStatus(bad)), ElementsAre("job_id")) << bad;
  }
}

TEST_F(JobServiceTest, PagesHoldEveryJobOnceNewestFirst) {
  for (std::uint64_t seed = 1; seed <= 7; ++seed) {
    Create(seed);
  }
  v1::ListJobsRequest request;
  request.set_page_size(3);
  std::vector<std::uint64_t> seeds;
  do {
    v1::ListJobsResponse page;
    ASSERT_TRUE(List(request, &page).ok());
    EXPECT_LE(page.jobs_size(), 3);
    for (const v1::Job& job : page.jobs()) {
      seeds.push_back(job.spec().seed());
    }
    request.set_page_token(page.next_page_token());
    if (seeds.size() == 3) {
      Create(100);  // jobs that come later do not shift the pages
    }
  } while (!request.page_token().empty());
  EXPECT_THAT(seeds, ElementsAre(7, 6, 5, 4, 3, 2, 1));
}

TEST_F(JobServiceTest, ListsAreFiltered) {
  v1::CreateJobRequest labelled = MnistRequest(2);
  (*labelled.mutable_labels())["who"] = "ada";
  v1::CreateJobResponse created;
  ASSERT_TRUE(CreateWith(labelled, &created).ok());
  const v1::Job other = Create(1);
  v1::CancelJobResponse cancelled;
  ASSERT_TRUE(Cancel(other.job_id(), &cancelled).ok());

  v1::ListJobsRequest request;
  v1::ListJobsResponse page;
  (*request.mutable_labels())["who"] = "ada";
  ASSERT_TRUE(List(request, &page).ok());
  ASSERT_EQ(page.jobs_size(), 1);
  EXPECT_EQ(page.jobs(0).job_id(), created.job().job_id());
  request.clear_labels();
  request.add_states(v1::JOB_STATE_CANCELLED);
  request.set_experiment("mnist_mlp");
  ASSERT_TRUE(List(request, &page).ok());
  ASSERT_EQ(page.jobs_size(), 1);
  EXPECT_EQ(page.jobs(0).job_id(), other.job_id());
}

TEST_F(JobServiceTest, WrongFiltersAreRefused) {
  v1::ListJobsRequest request;
  request.set_page_size(-1);
  request.set_experiment("mnist_mpl");
  request.add_states(static_cast<v1::JobState>(42));
  v1::ListJobsResponse page;
  EXPECT_THAT(WrongFields(List(request, &page)), testing::UnorderedElementsAre("page_size", "experiment", "states[0]"));
}

TEST_F(JobServiceTest, PageTokensAreBoundToTheirFilter) {
  Create(1);
  Create(2);
  v1::ListJobsRequest request;
  request.set_page_size(1);
  v1::ListJobsResponse page;
  ASSERT_TRUE(List(request, &page).ok());
  const std::string good = page.next_page_token();
  ASSERT_THAT(good, testing::Not(IsEmpty()));
  std::string changed = good;
  changed[15] = changed[15] == '0' ? '1' : '0';
  for (const std::string& bad :
       {changed, std::string("x"), good + "0", std::string(32, 'f'), std::string(1 << 16, 'a')}) {
    request.set_page_token(bad);
    EXPECT_THAT(WrongFields(List(request, &page)), ElementsAre("page_token"));
  }
  request.set_page_token(good);
  request.set_page_size(2);  // the size may change
  EXPECT_TRUE(List(request, &page).ok());
  request.set_experiment("mnist_mlp");
  EXPECT_THAT(WrongFields(List(request, &page)), ElementsAre("page_token"));
}

TEST_F(JobServiceTest, CancelEndsAQueuedJobAndTellsARunningOne) {
  const v1::Job queued = Create(1);
  v1::CancelJobResponse response;
  ASSERT_TRUE(Cancel(queued.job_id(), &response).ok());
  EXPECT_EQ(response.job().state(), v1::JOB_STATE_CANCELLED);
  ASSERT_TRUE(Cancel(queued.job_id(), &response).ok());  // again: no change
  EXPECT_EQ(response.job().state(), v1::JOB_STATE_CANCELLED);

  const v1::Job running = Create(2);
  const auto lease = LeaseOne();
  ASSERT_TRUE(Cancel(running.job_id(), &response).ok());
  EXPECT_EQ(response.job().state(), v1::JOB_STATE_CANCELLING);
  v1::HeartbeatResponse beat;
  ASSERT_TRUE(Beat(lease.attempt(), &beat).ok());
  EXPECT_TRUE(beat.stop());
  EXPECT_FALSE(beat.yield());
  ASSERT_TRUE(Finish(lease.attempt(), v1::OUTCOME_CANCELLED).ok());
  EXPECT_EQ(Get(running.job_id()).state(), v1::JOB_STATE_CANCELLED);
}

TEST_F(JobServiceTest, ResumeMakesANewJobFromTheCheckpoint) {
  const v1::Job job = Create(1);
  auto lease = LeaseOne();
  ASSERT_TRUE(PutCheckpoint(lease.attempt(), 50, "weights").ok());
  v1::CancelJobResponse cancelled;
  ASSERT_TRUE(Cancel(job.job_id(), &cancelled).ok());
  v1::ResumeJobResponse response;
  const grpc::Status early = Resume(job.job_id(), &response);
  EXPECT_EQ(early.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << early.error_message();
  ASSERT_TRUE(Finish(lease.attempt(), v1::OUTCOME_CANCELLED).ok());
  ASSERT_TRUE(Resume(job.job_id(), &response).ok());
  EXPECT_NE(response.job().job_id(), job.job_id());
  EXPECT_EQ(response.job().identity(), job.identity());
  lease = LeaseOne();
  EXPECT_EQ(lease.attempt().job_id(), response.job().job_id());
  EXPECT_EQ(lease.checkpoint_step(), 50u);
}

TEST_F(JobServiceTest, DeleteRemovesTerminalJobsOnly) {
  const v1::Job job = Create(1);
  EXPECT_EQ(Delete(job.job_id()).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  v1::CancelJobResponse cancelled;
  ASSERT_TRUE(Cancel(job.job_id(), &cancelled).ok());
  EXPECT_TRUE(Delete(job.job_id()).ok());
  EXPECT_EQ(GetStatus(job.job_id()).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(JobServiceTest, JobsOutliveTheServer) {
  const v1::Job job = Create(1);
  StopServer();
  StartServer();
  EXPECT_EQ(Get(job.job_id()).SerializeAsString(), job.SerializeAsString());
}

TEST_F(JobServiceTest, HostileTextIsRefusedOrComesBackUnchanged) {
  for (const std::string value : {"../../etc/passwd", "%2e%2e/", "=cmd|' /C calc'!A0", "<script>alert(1)</script>",
                                  "\xe2\x80\xae right to left", "'; DROP TABLE job; --"}) {
    v1::CreateJobRequest request = MnistRequest(1);
    request.set_rerun(true);
    (*request.mutable_labels())["note"] = value;
    v1::CreateJobResponse response;
    ASSERT_TRUE(CreateWith(request, &response).ok()) << value;
    EXPECT_EQ(Get(response.job().job_id()).labels().at("note"), value);
  }
  for (const std::string& key :
       {std::string("../x"), std::string("a\0b", 3), std::string("<b>"), std::string(129, 'k')}) {
    v1::CreateJobRequest request = MnistRequest(1);
    (*request.mutable_labels())[key] = "v";
    v1::CreateJobResponse response;
    EXPECT_EQ(CreateWith(request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  RecordReliability(29, "refused, or unchanged");
}

TEST_F(JobServiceTest, OversizedMessagesAndMetadataAreRefused) {
  v1::CreateJobRequest request = MnistRequest(1);
  (*request.mutable_labels())["big"] = std::string(5 << 20, 'x');
  v1::CreateJobResponse response;
  EXPECT_EQ(CreateWith(request, &response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  CallContext context;
  context.AddMetadata("big", std::string(20'000, 'x'));
  EXPECT_EQ(jobs_->CreateJob(&context, MnistRequest(1), &response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  // gRPC may close a refused sender's connection while it still writes; the server itself goes on, and a client that
  // tries again is served.
  grpc::Status after = CreateWith(MnistRequest(1), &response);
  for (int tries = 0; tries < 3 && after.error_code() == grpc::StatusCode::UNAVAILABLE; ++tries) {
    after = CreateWith(MnistRequest(1), &response);
  }
  EXPECT_TRUE(after.ok()) << after.error_code() << " " << after.error_message();
  RecordReliability(28, "5 MiB and 20 KB of metadata refused, the next call served");
}

class ShortQueueTest : public ServerTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.limits.queued = 2;
    return options;
  }
};

TEST_F(ShortQueueTest, JobsBeyondTheLimitAreToldWhenToComeBack) {
  Create(1);
  Create(2);
  CallContext context;
  v1::CreateJobResponse response;
  const grpc::Status status = jobs_->CreateJob(&context, MnistRequest(3), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("2 jobs may wait for a worker"));
  EXPECT_GT(DetailOf<google::rpc::RetryInfo>(status).retry_delay().seconds(), 0);
  LeaseOne();
  EXPECT_NE(Create(3).job_id(), "");
}

// 51 GB of weights and moments: trained for hours, and then refused with its weights.
TEST_F(JobServiceTest, WhatCannotBeFinishedIsRefusedBeforeItTrains) {
  v1::CreateJobRequest request = MnistRequest();
  request.mutable_spec()->mutable_mnist_mlp()->set_hidden_units(65'536);
  CallContext context;
  v1::CreateJobResponse response;
  const grpc::Status status = jobs_->CreateJob(&context, request, &response);
  EXPECT_THAT(WrongFields(status), ElementsAre("spec.mnist_mlp.hidden_units"));
  EXPECT_THAT(status.error_message(), HasSubstr("--max-file-gib"));
  EXPECT_THAT(status.error_message(), HasSubstr("expected files of at most 8.0 GiB"));
}

class EmptyMachineTest : public JobServiceTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.data_directories = {folder_.path() + "/data"};
    return options;
  }
  void Import(const std::string& file) {
    std::filesystem::create_directories(folder_.path() + "/data/mnist");
    std::ofstream(folder_.path() + "/data/mnist/" + file) << "found by name";
  }
};

TEST_F(EmptyMachineTest, AMissingDataSetIsSaidAtSubmitWithTheCommandThatGetsIt) {
  v1::BatchCreateJobsRequest batch;
  *batch.add_requests() = MnistRequest(1);
  v1::BatchCreateJobsResponse response;
  for (const char* file : {"", "train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte"}) {
    if (*file != '\0') {
      Import(file);
    }
    const grpc::Status status = Batch(batch, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_THAT(status.error_message(), HasSubstr("get it with: normlab data fetch mnist"));
    EXPECT_THAT(status.error_message(), HasSubstr("--force"));
  }
  const grpc::Status submitted = Batch(batch, &response);
  batch.set_validate_only(true);
  EXPECT_EQ(Batch(batch, &response).error_message(), submitted.error_message()) << "a dry run says what a submit says";
  batch.mutable_requests(0)->set_force(true);
  for (const bool dry_run : {true, false}) {
    batch.set_validate_only(dry_run);
    ASSERT_TRUE(Batch(batch, &response).ok()) << "queued all the same";
    EXPECT_THAT(response.jobs(0).warning(), HasSubstr("normlab data fetch mnist"));
    EXPECT_FALSE(response.jobs(0).reused());
  }
  batch.mutable_requests(0)->set_force(false);
  ASSERT_TRUE(Batch(batch, &response).ok()) << "a stored job is reused: nothing needs data";
  EXPECT_TRUE(response.jobs(0).reused());
  Import("t10k-labels-idx1-ubyte");
  *batch.mutable_requests(0) = MnistRequest(2);
  ASSERT_TRUE(Batch(batch, &response).ok());
  EXPECT_EQ(response.jobs(0).warning(), "");
}

TEST_F(EmptyMachineTest, DataSetsThatAJobCanDoWithoutAreNamedAndThoseItMustHaveRefuseIt) {
  std::filesystem::create_directories(folder_.path() + "/data/kjv");
  std::filesystem::create_directories(folder_.path() + "/data/mr");
  std::ofstream(folder_.path() + "/data/kjv/kjv.txt") << "found by name";
  std::ofstream(folder_.path() + "/data/mr/mr.txt") << "found by name";
  v1::CreateJobRequest request;
  request.mutable_spec()->mutable_skip_thoughts()->set_dataset(v1::SKIP_THOUGHTS_DATASET_KJV);
  v1::CreateJobResponse response;
  ASSERT_TRUE(CreateWith(request, &response).ok());
  EXPECT_THAT(response.warning(), HasSubstr("cr, subj, mpqa, sick; the job will measure nothing on them"));
  EXPECT_THAT(response.warning(), Not(HasSubstr("mr,")));
  ASSERT_TRUE(CreateWith(request, &response).ok());
  EXPECT_EQ(response.warning(), "") << "a stored job measures nothing anew";
  request.mutable_spec()->mutable_skip_thoughts()->set_transfer(v1::TRANSFER_KIND_REQUIRED);
  const grpc::Status refused = CreateWith(request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("normlab data import cr"));
  request.mutable_spec()->mutable_skip_thoughts()->set_transfer(v1::TRANSFER_KIND_OFF);
  ASSERT_TRUE(CreateWith(request, &response).ok());
  EXPECT_EQ(response.warning(), "");
}

TEST_F(EmptyMachineTest, AMissingDataSetIsSaidAtResumeToo) {
  v1::CreateJobRequest request = MnistRequest(1);
  request.set_force(true);
  v1::CreateJobResponse created;
  ASSERT_TRUE(CreateWith(request, &created).ok());
  v1::CancelJobResponse cancelled;
  ASSERT_TRUE(Cancel(created.job().job_id(), &cancelled).ok());
  v1::ResumeJobResponse resumed;
  const grpc::Status status = Resume(created.job().job_id(), &resumed);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("get it with: normlab data fetch mnist"));
  ASSERT_TRUE(Resume(created.job().job_id(), &resumed, /*force=*/true).ok());
  EXPECT_THAT(resumed.warning(), HasSubstr("normlab data fetch mnist"));
}

class SmallMachineTest : public ServerTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.job_limits.memory_bytes = std::uint64_t{200} << 20;
    return options;
  }
};

TEST_F(SmallMachineTest, WhatNeedsMoreMemoryThanThereIsIsRefused) {
  EXPECT_NE(Create(1).job_id(), "") << "the default fits";
  v1::CreateJobRequest request = MnistRequest();
  request.mutable_spec()->mutable_mnist_mlp()->set_batch_size(55'000);
  CallContext context;
  v1::CreateJobResponse response;
  const grpc::Status status = jobs_->CreateJob(&context, request, &response);
  EXPECT_THAT(WrongFields(status), ElementsAre("spec.mnist_mlp.hidden_units, batch_size"));
  EXPECT_THAT(status.error_message(), HasSubstr("expected at most 200 MiB"));
}

}  // namespace
}  // namespace normlab::server
