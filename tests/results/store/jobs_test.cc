// Creating, finding, listing and deleting jobs.
#include <fmt/format.h>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<JobId> Ids(const std::vector<Job>& jobs) {
  std::vector<JobId> ids;
  for (const Job& job : jobs) {
    ids.push_back(job.id);
  }
  return ids;
}

using JobsTest = StoreTest;

TEST_F(JobsTest, ACreatedJobIsReadBackWhole) {
  NewJob job = MakeJob("a", 3);
  job.spec = std::string("\0binary\xff", 8);
  job.labels = {{"seed", "1"}, {"who", "me"}};
  ASSERT_OK(store_->CreateJobs({}, {job}).status());
  Reopen();
  const auto found = store_->GetJob(1);
  ASSERT_OK(found.status());
  EXPECT_EQ(found->spec, job.spec);
  EXPECT_EQ(found->experiment, "mnist_mlp");
  EXPECT_EQ(found->identity, "a");
  EXPECT_EQ(found->dataset, "mnist");
  EXPECT_EQ(found->priority, 3);
  EXPECT_EQ(found->created_ms, 1'000);
  EXPECT_EQ(found->state, JobState::kQueued);
  EXPECT_EQ(found->labels, job.labels);
  EXPECT_EQ(found->attempt, 0);
}

TEST_F(JobsTest, UnknownJobIsNotFoundAndNamed) {
  const absl::Status status = store_->GetJob(17).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Message(status), HasSubstr("j17"));
  EXPECT_THAT(store_->Cancel({}, 17).status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_->Delete({}, 17), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_->ResumeAsNew({}, 17).status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_->AppendPoints({17, 1}, {}).status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_->OpenCheckpoint(17).status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_->ListSeries(17).status(), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(JobsTest, SameIdentityIsReusedUnlessItFailedOrWasCancelled) {
  const JobId queued = Create("a");
  EXPECT_TRUE((*store_->CreateJobs({}, {MakeJob("a")}))[0].reused);
  const AttemptId attempt = LeaseOne();
  EXPECT_EQ((*store_->CreateJobs({}, {MakeJob("a")}))[0].job.id, queued);
  ASSERT_OK(store_->Cancel({}, queued).status());
  const auto beside_cancelling = store_->CreateJobs({}, {MakeJob("a")});
  EXPECT_FALSE((*beside_cancelling)[0].reused);
  ASSERT_OK(FinishAs(attempt, JobState::kSucceeded).status());
  EXPECT_EQ((*store_->CreateJobs({}, {MakeJob("a")}))[0].job.id, queued) << "succeeded goes before queued";

  const AttemptId other = LeaseOne();
  ASSERT_OK(FinishAs(other, JobState::kDiverged).status());
  EXPECT_EQ((*store_->FindByIdentity("a"))->id, queued) << "succeeded goes before diverged";
  EXPECT_FALSE(store_->FindByIdentity("b")->has_value());
}

TEST_F(JobsTest, DivergedIsReusedAndFailedIsNot) {
  ASSERT_OK(FinishAs(CreateAndLease("a"), JobState::kDiverged).status());
  EXPECT_TRUE((*store_->CreateJobs({}, {MakeJob("a")}))[0].reused);
  ASSERT_OK(FinishAs(CreateAndLease("b"), JobState::kFailed).status());
  EXPECT_FALSE((*store_->CreateJobs({}, {MakeJob("b")}))[0].reused);
}

TEST_F(JobsTest, RerunMakesANewJobAndOneBatchSharesIdentities) {
  NewJob again = MakeJob("a");
  again.rerun = true;
  const auto created = store_->CreateJobs({}, {MakeJob("a"), MakeJob("a"), again});
  ASSERT_OK(created.status());
  EXPECT_FALSE((*created)[0].reused);
  EXPECT_TRUE((*created)[1].reused);
  EXPECT_EQ((*created)[1].job.id, (*created)[0].job.id);
  EXPECT_FALSE((*created)[2].reused);
  EXPECT_NE((*created)[2].job.id, (*created)[0].job.id);
}

// The same answers for every state that a stored job can be in, and within a batch.
TEST_F(JobsTest, APreviewIsWhatCreationThenAnswers) {
  ASSERT_OK(FinishAs(CreateAndLease("diverged"), JobState::kDiverged).status());
  ASSERT_OK(FinishAs(CreateAndLease("failed"), JobState::kFailed).status());
  const AttemptId cancelling = CreateAndLease("cancelling");
  ASSERT_OK(store_->Cancel({}, cancelling.job).status());
  ASSERT_OK(store_->Cancel({}, Create("cancelled")).status());
  Create("queued");
  NewJob rerun = MakeJob("rerun");
  rerun.rerun = true;
  const std::vector<NewJob> wanted = {MakeJob("queued"),
                                      MakeJob("diverged"),
                                      MakeJob("failed"),
                                      MakeJob("failed"),
                                      MakeJob("cancelling"),
                                      MakeJob("cancelled"),
                                      MakeJob("new"),
                                      MakeJob("new"),
                                      rerun,
                                      rerun,
                                      MakeJob("rerun")};
  const auto preview = store_->PreviewJobs(wanted);
  ASSERT_OK(preview.status());
  const auto created = store_->CreateJobs({}, wanted);
  ASSERT_OK(created.status());
  ASSERT_EQ(preview->size(), created->size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ((*preview)[i].reused, (*created)[i].reused) << i << " " << wanted[i].identity;
    EXPECT_EQ((*preview)[i].job.identity, (*created)[i].job.identity);
  }
  EXPECT_EQ((*preview)[0].job.id, (*created)[0].job.id);
  EXPECT_EQ((*preview)[7].job.id, 0) << "of a job that is not there yet";
}

TEST_F(JobsTest, ARepeatedRequestIsAnsweredTheSameAndAnotherBodyRefused) {
  const Request request{"r1", "hash1"};
  const auto first = store_->CreateJobs(request, {MakeJob("a"), MakeJob("b")});
  ASSERT_OK(first.status());
  Reopen();
  NewJob rerun = MakeJob("a");
  rerun.rerun = true;
  const auto second = store_->CreateJobs(request, {rerun});
  ASSERT_OK(second.status());
  ASSERT_EQ(second->size(), 2u);
  EXPECT_EQ((*second)[0].job.id, (*first)[0].job.id);
  EXPECT_EQ((*second)[1].job.id, (*first)[1].job.id);
  EXPECT_FALSE((*second)[0].reused);
  EXPECT_THAT(store_->CreateJobs({"r1", "hash2"}, {MakeJob("c")}).status(), HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(store_->Cancel(request, 1).status(), HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(store_->ListJobs({}, std::nullopt, 10)->jobs.size(), 2u);
}

TEST_F(JobsTest, AFailedRequestIsNotRemembered) {
  const Request request{"r1", "h"};
  EXPECT_THAT(store_->Delete(request, 1), HasCode(absl::StatusCode::kNotFound));
  Create("a");
  EXPECT_THAT(store_->Delete(request, 1), HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(store_->Cancel({}, 1).status());
  EXPECT_OK(store_->Delete(request, 1));
  EXPECT_OK(store_->Delete(request, 1));
  EXPECT_THAT(store_->Delete({}, 1), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(JobsTest, PagesCoverEveryJobOnceNewestFirst) {
  std::vector<NewJob> many;
  for (int i = 0; i < 257; ++i) {
    many.push_back(MakeJob(fmt::format("i{}", i)));
  }
  ASSERT_OK(store_->CreateJobs({}, many).status());
  std::vector<JobId> seen;
  std::optional<JobId> before;
  do {
    const auto page = store_->ListJobs({}, before, 50);
    ASSERT_OK(page.status());
    for (const Job& job : page->jobs) {
      seen.push_back(job.id);
    }
    before = page->next_before;
  } while (before.has_value());
  ASSERT_EQ(seen.size(), 257u);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen[i], static_cast<JobId>(257 - i));
  }
  EXPECT_FALSE(store_->ListJobs({}, std::nullopt, 257)->next_before.has_value()) << "a full last page is the last";
  EXPECT_THAT(store_->ListJobs({}, std::nullopt, 0).status(), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(JobsTest, FiltersCombine) {
  for (int i = 0; i < 40; ++i) {
    NewJob job = MakeJob(fmt::format("i{}", i));
    job.experiment = i % 2 == 0 ? "even" : "odd";
    job.labels = {{"third", std::to_string(i % 3)}, {"fifth", std::to_string(i % 5)}};
    ASSERT_OK(store_->CreateJobs({}, {job}).status());
  }
  for (const JobId id : {1, 2, 7, 8}) {
    ASSERT_OK(store_->Cancel({}, id).status());
  }
  JobFilter filter;
  filter.states = {JobState::kCancelled, JobState::kRunning, JobState::kCancelled};
  EXPECT_THAT(Ids(store_->ListJobs(filter, std::nullopt, 10)->jobs), ElementsAre(8, 7, 2, 1));
  filter.experiment = "even";
  EXPECT_THAT(Ids(store_->ListJobs(filter, std::nullopt, 10)->jobs), ElementsAre(7, 1));
  filter.labels = {{"third", "0"}};
  EXPECT_THAT(Ids(store_->ListJobs(filter, std::nullopt, 10)->jobs), ElementsAre(7, 1));
  filter.labels = {{"third", "0"}, {"fifth", "1"}};
  EXPECT_THAT(Ids(store_->ListJobs(filter, std::nullopt, 10)->jobs), ElementsAre(7));
  JobFilter labels;
  labels.labels = filter.labels;
  EXPECT_THAT(Ids(store_->ListJobs(labels, std::nullopt, 2)->jobs), ElementsAre(37, 22));
  EXPECT_THAT(Ids(store_->ListJobs(labels, 22, 2)->jobs), ElementsAre(7));
  JobFilter experiment;
  experiment.experiment = "odd";
  EXPECT_THAT(Ids(store_->ListJobs(experiment, 6, 2)->jobs), ElementsAre(4, 2));
}

TEST_F(JobsTest, EveryChangeRaisesTheRevision) {
  Create("a");
  Create("b");
  const auto all = store_->ChangedSince(0, 10);
  EXPECT_THAT(Ids(*all), ElementsAre(1, 2));
  const std::uint64_t seen = all->back().revision;
  EXPECT_TRUE(store_->ChangedSince(seen, 10)->empty());
  const AttemptId attempt = LeaseOne();
  ASSERT_OK(store_->ReportProgress(attempt, {10, 100, 5.0, 1.0}).status());
  EXPECT_THAT(Ids(*store_->ChangedSince(seen, 10)), ElementsAre(1));
  ASSERT_OK(store_->Cancel({}, 2).status());
  EXPECT_THAT(Ids(*store_->ChangedSince(seen, 1)), ElementsAre(1));
  EXPECT_THAT(Ids(*store_->ChangedSince(seen, 10)), ElementsAre(1, 2));
  EXPECT_TRUE(store_->ChangedSince(~std::uint64_t{0}, 10)->empty());
  // A change that changes nothing is none.
  const std::uint64_t now = store_->ChangedSince(seen, 10)->back().revision;
  ASSERT_OK(store_->Cancel({}, 2).status());
  ASSERT_OK(store_->Release({1, 7}, "stale"));
  EXPECT_TRUE(store_->ChangedSince(now, 10)->empty());
  // The last revision is not given again after a deletion.
  ASSERT_OK(store_->Delete({}, 2));
  Reopen();
  Create("c");
  EXPECT_GT(store_->ChangedSince(0, 10)->back().revision, now);
}

TEST_F(JobsTest, AFullQueueRefusesNewJobsWhole) {
  options_.max_queued = 3;
  Reopen();
  ASSERT_OK(store_->CreateJobs({}, {MakeJob("a"), MakeJob("b")}).status());
  const Request request{"r", "h"};
  const std::vector<NewJob> two = {MakeJob("c"), MakeJob("d")};
  const absl::Status full = store_->CreateJobs(request, two).status();
  EXPECT_THAT(full, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Message(full), testing::HasSubstr("3 jobs may wait"));
  EXPECT_EQ(store_->ListJobs({}, std::nullopt, 10)->jobs.size(), 2u);
  EXPECT_OK(store_->CreateJobs({}, {MakeJob("a"), MakeJob("b")}).status()) << "what is there needs no room";
  ASSERT_OK(FinishAs(LeaseOne(), JobState::kFailed).status());
  EXPECT_OK(store_->CreateJobs(request, two).status()) << "the same request is taken once there is room";
  EXPECT_THAT(store_->ResumeAsNew({}, 1).status(), HasCode(absl::StatusCode::kResourceExhausted));
}

TEST_F(JobsTest, AReadThatTakesTooLongEndsAndTheNextIsServed) {
  for (int i = 0; i < 300; ++i) {
    Create(fmt::format("job{}", i));
  }
  options_.read_deadline = std::chrono::milliseconds(0);
  options_.readers = 1;
  Reopen();
  const absl::Status status = store_->ChangedSince(0, 1000).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(Message(status), testing::HasSubstr("smaller page"));
  EXPECT_OK(store_->GetJob(1).status()) << "short enough to be done before the first look at the clock";
}

TEST_F(JobsTest, DeleteRemovesCurvesFilesAndNothingElse) {
  const AttemptId kept = CreateAndLease("kept");
  ASSERT_OK(store_->AppendPoints(kept, {Ramp("loss", 1, 10)}).status());
  const AttemptId gone = CreateAndLease("gone");
  ASSERT_OK(store_->AppendPoints(gone, {Ramp("loss", 1, 5000), Ramp("error", 1, 3)}).status());
  ASSERT_OK(PutCheckpoint(gone, 5, "weights"));
  ASSERT_OK(PutArtifact(gone, {"final.txt", "text/plain", 5}, "text"));
  EXPECT_THAT(store_->Delete({}, gone.job), HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(FinishAs(gone, JobState::kSucceeded).status());
  ASSERT_OK(store_->Delete({}, gone.job));
  EXPECT_THAT(store_->ReadCurve(gone.job, "loss", {}).status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_EQ(store_->ReadCurve(kept.job, "loss", {})->points_total, 10u);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/checkpoints"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/artifacts"));
  EXPECT_FALSE(store_->FindByIdentity("gone")->has_value());
  Reopen();
  EXPECT_NE(Create("next"), gone.job) << "ids are never used twice";
}

TEST_F(JobsTest, AnswersAreForgottenAfterAWeekAndNotBefore) {
  constexpr std::int64_t kWeekMs = std::int64_t{7} * 24 * 3'600'000;
  const auto create = [this](const std::string& request) {
    const auto created = store_->CreateJobs({request, "h"}, {MakeJob(request)});
    EXPECT_OK(created.status());
    return created->front().job.id;
  };
  const JobId first = create("a");
  const JobId second = create("b");
  now_ms_ += kWeekMs;
  EXPECT_EQ(create("a"), first) << "a week is not over";
  create("c");
  now_ms_ += 1;
  create("d");
  create("e");
  const auto db = Connection::Open(folder_.path() + "/normlab.db", {.read_only = true, .vfs = {}});
  EXPECT_EQ(*(*db)->Int("SELECT count(*) FROM request WHERE uid IN ('a', 'b')"), 0);
  EXPECT_EQ(*(*db)->Int("SELECT count(*) FROM request"), 3);
  EXPECT_EQ(*(*db)->Int("SELECT count(*) FROM answer"), 3) << "with what was answered";
  EXPECT_EQ(store_->GetJob(second)->state, JobState::kQueued);
}

}  // namespace
}  // namespace normlab::store
