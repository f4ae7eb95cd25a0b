// What an imported data set holds is part of the jobs that are fed it: another import, another job.
#include <fstream>

#include "base/sha256.h"
#include "normlab/v1/comparison.grpc.pb.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kFirst[] = "LINE 1 the first import";
constexpr char kSecond[] = "LINE 1 the second one";

class ImportedDataTest : public ServerTest, public testing::WithParamInterface<bool> {
 protected:
  // With local workers the server sees the data itself; without, it is told of it by workers.
  bool local() const { return GetParam(); }

  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    if (local()) {
      options.data_directories = {folder_.path() + "/data"};
    }
    return options;
  }
  // What the server may see and workers do.
  void Import(const std::string& content) {
    content_ = content;
    std::filesystem::create_directories(folder_.path() + "/data/iam_ondb");
    const std::string file = folder_.path() + "/data/iam_ondb/lines.txt";
    std::ofstream(file + ".new") << content;
    std::filesystem::rename(file + ".new", file);
  }
  v1::CreateJobResponse Submit() {
    CallContext context;
    v1::CreateJobRequest request;
    request.mutable_spec()->mutable_handwriting()->set_dataset(v1::HANDWRITING_DATASET_IAM_ONDB);
    v1::CreateJobResponse response;
    const grpc::Status status = jobs_->CreateJob(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status Start(const v1::Attempt& attempt, const std::string& data_sha256, bool* restarted = nullptr) {
    CallContext context;
    v1::StartRequest request;
    *request.mutable_attempt() = attempt;
    request.set_arithmetic("AVX3/libm.1");
    request.set_numerics_revision(1);
    request.set_model_revision(1);
    request.set_data_sha256(data_sha256);
    v1::StartResponse response;
    const grpc::Status status = workers_->Start(&context, request, &response);
    if (restarted != nullptr) {
      *restarted = response.restarted();
    }
    return status;
  }
  // Runs the next job on what is imported.
  std::string RunNext() {
    const v1::Attempt attempt = LeaseOne().attempt();
    EXPECT_TRUE(Start(attempt, Sha256Hex(content_)).ok());
    EXPECT_TRUE(Append(attempt, "test/nll", 1, 3).ok());
    EXPECT_TRUE(Finish(attempt).ok());
    return attempt.job_id();
  }

  std::string content_;
};

TEST_P(ImportedDataTest, AnAttemptThatIsOverTeachesNothing) {
  Import(kFirst);
  const v1::Job first = Submit().job();
  const v1::Attempt over = LeaseOne().attempt();
  ASSERT_TRUE(Start(over, Sha256Hex(kFirst)).ok());
  ASSERT_TRUE(Finish(over).ok());
  Import(kSecond);
  CallContext context;
  v1::CreateJobRequest request;
  *request.mutable_spec() = first.spec();
  request.set_rerun(true);
  v1::CreateJobResponse response;
  ASSERT_TRUE(jobs_->CreateJob(&context, request, &response).ok());
  RunNext();
  EXPECT_EQ(Start(over, Sha256Hex(kFirst)).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  const v1::CreateJobResponse again = Submit();
  EXPECT_TRUE(again.reused());
  EXPECT_EQ(again.job().job_id(), response.job().job_id());
}

TEST_P(ImportedDataTest, ARunOfAnotherImportIsNotReusedAndRepeatsNothing) {
  Import(kFirst);
  const v1::Job first = Submit().job();
  RunNext();
  const v1::CreateJobResponse same = Submit();
  EXPECT_TRUE(same.reused());
  EXPECT_EQ(same.job().job_id(), first.job_id());

  Import(kSecond);
  if (!local()) {  // only a run tells the server that this is no longer what it was
    CallContext context;
    v1::CreateJobRequest request;
    *request.mutable_spec() = first.spec();
    request.set_rerun(true);
    v1::CreateJobResponse response;
    ASSERT_TRUE(jobs_->CreateJob(&context, request, &response).ok());
    RunNext();
  }
  const v1::CreateJobResponse second = Submit();
  EXPECT_EQ(second.reused(), !local());
  EXPECT_NE(second.job().job_id(), first.job_id());
  if (local()) {
    RunNext();
  }
  const v1::Job other = Get(second.job().job_id());
  EXPECT_NE(other.identity(), Get(first.job_id()).identity());
  EXPECT_EQ(other.facts().at("data_sha256"), Sha256Hex(kSecond));

  const auto comparisons = v1::ComparisonService::NewStub(NewChannel());
  CallContext context;
  v1::CompareJobsRequest compare;
  compare.add_job_ids(first.job_id());
  compare.add_job_ids(other.job_id());
  compare.add_series("test/nll");
  v1::CompareJobsResponse compared;
  ASSERT_TRUE(ReadRendered(comparisons->CompareJobs(&context, compare), &compared).ok());
  EXPECT_THAT(compared.content(),
              AllOf(Not(HasSubstr("repeats")), HasSubstr("data_sha256=" + Sha256Hex(kSecond).substr(0, 12)),
                    HasSubstr("from several data"), HasSubstr("data " + Sha256Hex(kFirst).substr(0, 12))));

  StopServer();
  StartServer();
  const v1::CreateJobResponse again = Submit();
  EXPECT_TRUE(again.reused()) << "a server that starts knows what was read before";
  EXPECT_EQ(again.job().job_id(), other.job_id());
}

TEST_P(ImportedDataTest, WhatWasReadDecidesNotWhatWasThereAtSubmit) {
  Import(kFirst);
  const v1::Job submitted = Submit().job();
  Import(kSecond);
  EXPECT_EQ(RunNext(), submitted.job_id());
  const v1::CreateJobResponse again = Submit();
  EXPECT_TRUE(again.reused());
  EXPECT_EQ(again.job().job_id(), submitted.job_id());
  EXPECT_NE(again.job().identity(), submitted.identity());
  if (local()) {
    Import(kFirst);
    EXPECT_FALSE(Submit().reused()) << "nothing was run on it";
  }
}

TEST_P(ImportedDataTest, AJobThatGoesOnWithOtherDataStartsAgainAndSaysSo) {
  Import(kFirst);
  const std::string id = Submit().job().job_id();
  const v1::Attempt first = LeaseOne().attempt();
  ASSERT_TRUE(Start(first, Sha256Hex(kFirst)).ok());
  ASSERT_TRUE(Append(first, "test/nll", 0, 4).ok());
  ASSERT_TRUE(PutCheckpoint(first, 3, "weights").ok());
  ASSERT_TRUE(Finish(first, v1::OUTCOME_FAILED).ok());
  CallContext context;
  v1::ResumeJobRequest resume;
  resume.set_job_id(id);
  v1::ResumeJobResponse resumed;
  ASSERT_TRUE(jobs_->ResumeJob(&context, resume, &resumed).ok());
  const v1::LeaseResponse::Lease second = LeaseOne();
  ASSERT_EQ(second.checkpoint_step(), 3u);
  bool restarted = false;
  ASSERT_TRUE(Start(second.attempt(), Sha256Hex(kSecond), &restarted).ok());
  EXPECT_TRUE(restarted);
  EXPECT_THAT(Get(second.attempt().job_id()).facts().at("restarted"),
              HasSubstr("data_sha256 was " + Sha256Hex(kFirst) + ", here it is " + Sha256Hex(kSecond)));
}

TEST_P(ImportedDataTest, AWorkerTellsTheContentOfImportsAndOfNothingElse) {
  Import(kFirst);
  Submit();
  const v1::Attempt attempt = LeaseOne().attempt();
  for (const char* hash : {"", "no hash", "ABCDEF"}) {
    EXPECT_THAT(WrongFields(Start(attempt, hash)), testing::ElementsAre("data_sha256")) << hash;
  }
  EXPECT_TRUE(Start(attempt, Sha256Hex(kFirst)).ok());
  ASSERT_TRUE(Finish(attempt, v1::OUTCOME_FAILED).ok());
  v1::CreateJobRequest mnist = MnistRequest(1);
  mnist.set_force(true);
  CallContext context;
  v1::CreateJobResponse created;
  ASSERT_TRUE(jobs_->CreateJob(&context, mnist, &created).ok());
  EXPECT_THAT(WrongFields(Start(LeaseOne().attempt(), Sha256Hex(kFirst))), testing::ElementsAre("data_sha256"));
}

TEST_P(ImportedDataTest, DataThatCannotBeReadHasNoContent) {
  Import("\x1f\x8b not a gzip file");
  const std::string identity = Submit().job().identity();
  Import(kFirst);
  if (local()) {
    EXPECT_NE(Submit().job().identity(), identity);
  } else {
    EXPECT_EQ(Submit().job().identity(), identity) << "nobody has read it yet";
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, ImportedDataTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "WithLocalData" : "WithoutData"; });

}  // namespace
}  // namespace normlab::server
