// Any jobs side by side, through the service: which series are chosen, formats, and what is wrong with a request.
#include "normlab/v1/comparison.grpc.pb.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ComparisonServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    comparisons_ = v1::ComparisonService::NewStub(NewChannel());
  }
  // A finished job with `n` points of each series.
  std::string Finished(std::uint64_t seed, const std::map<std::string, int>& series) {
    const std::string id = Create(seed).job_id();
    const v1::Attempt attempt = LeaseOne().attempt();
    for (const auto& [name, n] : series) {
      EXPECT_TRUE(Append(attempt, name, 1, n).ok());
    }
    EXPECT_TRUE(Finish(attempt).ok());
    return id;
  }
  grpc::Status Compare(const std::vector<std::string>& jobs, v1::CompareJobsResponse* response,
                       const std::vector<std::string>& series = {}, v1::Format format = v1::FORMAT_UNSPECIFIED) {
    CallContext context;
    v1::CompareJobsRequest request;
    request.mutable_job_ids()->Add(jobs.begin(), jobs.end());
    request.mutable_series()->Add(series.begin(), series.end());
    request.set_format(format);
    return ReadRendered(comparisons_->CompareJobs(&context, request), response);
  }
  grpc::Status Plot(const std::vector<std::string>& jobs, v1::PlotJobsResponse* response, v1::Format format) {
    CallContext context;
    v1::PlotJobsRequest request;
    request.mutable_job_ids()->Add(jobs.begin(), jobs.end());
    request.set_format(format);
    return ReadRendered(comparisons_->PlotJobs(&context, request), response);
  }

  std::unique_ptr<v1::ComparisonService::Stub> comparisons_;
};

class SmallComparisonTest : public ComparisonServiceTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ComparisonServiceTest::Options();
    options.limits.compared_points = 10;
    return options;
  }
};

TEST_F(SmallComparisonTest, WhatDoesNotFitIntoMemoryIsRefusedBeforeItIsRead) {
  const std::vector<std::string> jobs = {Finished(1, {{"loss", 5}, {"other", 90}}), Finished(2, {{"loss", 5}}),
                                         Finished(3, {{"loss", 1}})};
  v1::CompareJobsResponse response;
  EXPECT_TRUE(Compare({jobs[0], jobs[1]}, &response, {"loss"}).ok()) << "what is not compared does not count";
  const grpc::Status status = Compare(jobs, &response, {"loss"});
  EXPECT_THAT(WrongFields(status), ElementsAre("job_ids"));
  EXPECT_THAT(status.error_message(), HasSubstr("more than 10 points"));
  EXPECT_THAT(WrongFields(Compare({jobs[0]}, &response, {"loss", "loss", "loss"})), ElementsAre("job_ids"));
}

TEST_F(ComparisonServiceTest, ChoosesTheSeriesOnWhichJobsDiffer) {
  const std::vector<std::string> jobs = {Finished(1, {{"train/pass", 3}, {"test/error", 3}, {"own", 1}}),
                                         Finished(2, {{"train/pass", 3}, {"test/error", 4}})};
  v1::CompareJobsResponse response;
  ASSERT_TRUE(Compare(jobs, &response).ok());
  EXPECT_THAT(response.content(), AllOf(HasSubstr("test/error"), Not(HasSubstr("own"))));
  EXPECT_THAT(response.content(), Not(HasSubstr("train/pass"))) << "the same for both";
  EXPECT_EQ(response.media_type(), "text/plain; charset=utf-8");

  ASSERT_TRUE(Compare(jobs, &response, {"train/pass", "own"}, v1::FORMAT_CSV).ok());
  EXPECT_THAT(response.content(), AllOf(HasSubstr("train/pass"), HasSubstr("own,"), Not(HasSubstr("test/error"))));

  ASSERT_TRUE(Compare({jobs[0]}, &response).ok());
  EXPECT_THAT(response.content(), HasSubstr("train/pass")) << "of one job, all";
}

TEST_F(ComparisonServiceTest, OneThatDivergedBeforeItMeasuredLeavesNoSeriesOut) {
  std::vector<std::string> jobs = {Finished(1, {{"test/error", 3}}), Finished(2, {{"test/error", 4}})};
  jobs.push_back(Create(3).job_id());
  ASSERT_TRUE(Finish(LeaseOne().attempt(), v1::OUTCOME_DIVERGED).ok());
  v1::CompareJobsResponse response;
  ASSERT_TRUE(Compare(jobs, &response).ok());
  EXPECT_THAT(response.content(), AllOf(HasSubstr("test/error"), HasSubstr("1 diverged")));
}

TEST_F(ComparisonServiceTest, WhetherHigherIsBetterAPaperSaysOrTheCaller) {
  v1::CreateJobRequest create;
  create.mutable_spec()->mutable_order_embedding()->set_norm(v1::NORM_KIND_LAYER);
  v1::CreateJobResponse created;
  CallContext creating;
  ASSERT_TRUE(jobs_->CreateJob(&creating, create, &created).ok());
  const v1::Attempt attempt = LeaseOne().attempt();
  for (const char* series : {"valid/image_r1", "valid/image_rank"}) {
    ASSERT_TRUE(Append(attempt, series, 1, 3).ok());
  }
  v1::CompareJobsRequest request;
  request.add_job_ids(created.job().job_id());
  request.set_format(v1::FORMAT_TERMINAL);
  const auto compare = [&](v1::CompareJobsResponse* response) {
    CallContext context;
    return ReadRendered(comparisons_->CompareJobs(&context, request), response);
  };
  v1::CompareJobsResponse response;
  ASSERT_TRUE(compare(&response).ok());
  EXPECT_THAT(response.content(), AllOf(HasSubstr("valid/image_r1, higher is better"), HasSubstr("valid/image_rank"),
                                        Not(HasSubstr("valid/image_rank, higher is better"))));
  request.add_higher_is_better("valid/image_rank");
  ASSERT_TRUE(compare(&response).ok());
  EXPECT_THAT(response.content(), HasSubstr("valid/image_rank, higher is better"));
  request.add_higher_is_better("test/acuracy");
  const grpc::Status status = compare(&response);
  EXPECT_THAT(WrongFields(status), ElementsAre("higher_is_better"));
  EXPECT_THAT(status.error_message(), HasSubstr("expected some of valid/image_r1, valid/image_rank"));
}

TEST_F(ComparisonServiceTest, PlotsInEveryFormat) {
  const std::vector<std::string> jobs = {Finished(1, {{"test/error", 3}}), Finished(2, {{"test/error", 4}})};
  v1::PlotJobsResponse response;
  ASSERT_TRUE(Plot(jobs, &response, v1::FORMAT_UNSPECIFIED).ok());
  EXPECT_THAT(response.content(), StartsWith("<svg"));
  EXPECT_EQ(response.media_type(), "image/svg+xml");
  ASSERT_TRUE(Plot(jobs, &response, v1::FORMAT_PNG).ok());
  EXPECT_THAT(response.content(), StartsWith("\x89PNG"));
  EXPECT_EQ(response.media_type(), "image/png");
  ASSERT_TRUE(Plot(jobs, &response, v1::FORMAT_CSV).ok());
  EXPECT_THAT(response.content(), StartsWith("series,arm,job,seed,step,value"));
  EXPECT_EQ(Plot(jobs, &response, v1::FORMAT_LATEX).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ComparisonServiceTest, SaysEverythingThatIsWrong) {
  v1::CompareJobsResponse response;
  EXPECT_THAT(WrongFields(Compare({}, &response)), ElementsAre("job_ids"));
  EXPECT_THAT(WrongFields(Compare({"j1", "17", "x"}, &response, std::vector<std::string>(17, "a"))),
              ElementsAre("series", "job_ids[1]", "job_ids[2]"));
  EXPECT_EQ(Compare({"j99"}, &response).error_code(), grpc::StatusCode::NOT_FOUND);

  const std::string empty = Create(7).job_id();
  EXPECT_EQ(Compare({empty}, &response).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(Compare({empty}, &response, {"test/eror"}).error_message(),
              HasSubstr("none of the jobs has a series test/eror"));
}

class OneComparisonTest : public ComparisonServiceTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ComparisonServiceTest::Options();
    options.limits.compares = 1;
    return options;
  }
};

TEST_F(OneComparisonTest, WhoDoesNotReadHoldsUpNoOtherComparison) {
  const std::string job = Create(1).job_id();
  const v1::Attempt attempt = LeaseOne().attempt();
  ASSERT_TRUE(Append(attempt, "train/nll", 1, 50'000).ok());
  v1::PlotJobsRequest request;
  request.add_job_ids(job);
  request.set_format(v1::FORMAT_CSV);
  CallContext context;
  const auto held = comparisons_->PlotJobs(&context, request);
  v1::PlotJobsResponse first;
  ASSERT_TRUE(held->Read(&first)) << "from here on nobody reads";
  v1::CompareJobsResponse table;
  const grpc::Status status = Compare({job}, &table);
  EXPECT_TRUE(status.ok()) << status.error_message();
  context.TryCancel();
}

}  // namespace
}  // namespace normlab::server
