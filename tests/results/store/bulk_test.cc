// Changes of many jobs: which are hit, what is said of the others, slices, repeated requests.
#include <map>
#include <set>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = BulkChange::Kind;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

class BulkTest : public StoreTest {
 protected:
  JobId CreateLabelled(const std::string& identity, std::map<std::string, std::string> labels) {
    NewJob job = MakeJob(identity);
    job.labels = std::move(labels);
    return store_->CreateJobs({}, {job})->at(0).job.id;
  }
  JobId CreateCancelled(const std::string& identity) {
    const JobId id = Create(identity);
    EXPECT_OK(store_->Cancel({}, id).status());
    return id;
  }
  std::vector<BulkOutcome> Change(const JobFilter& filter, const BulkChange& change, const Request& request = {},
                                  bool dry_run = false) {
    const auto outcomes = store_->ChangeJobs(request, filter, change, dry_run);
    EXPECT_OK(outcomes.status());
    return outcomes.value_or(std::vector<BulkOutcome>());
  }
  // Ids by what was said of them, oldest first.
  static std::vector<JobId> Changed(const std::vector<BulkOutcome>& outcomes) { return Ids(outcomes, true); }
  static std::vector<JobId> Left(const std::vector<BulkOutcome>& outcomes) { return Ids(outcomes, false); }
  static std::vector<JobId> Ids(const std::vector<BulkOutcome>& outcomes, bool changed) {
    std::set<JobId> ids;
    for (const BulkOutcome& outcome : outcomes) {
      if (outcome.left.ok() == changed) {
        EXPECT_TRUE(ids.insert(outcome.job.id).second) << "told twice";
      }
    }
    return {ids.begin(), ids.end()};
  }
};

TEST_F(BulkTest, AFilterHitsWhatMatchesAllOfItAndTellsWhyNotTheRest) {
  const JobId running = CreateLabelled("a", {{"who", "ana"}});
  ASSERT_EQ(LeaseOne().job, running);
  const JobId over = CreateLabelled("b", {{"who", "ana"}});
  ASSERT_OK(store_->Cancel({}, over).status());
  const JobId queued = CreateLabelled("c", {{"who", "ana"}});
  const JobId other = CreateLabelled("d", {{"who", "bob"}});
  const auto outcomes = Change(OfLabels({{"who", "ana"}}), {.kind = Kind::kCancel});
  EXPECT_THAT(Changed(outcomes), ElementsAre(running, queued));
  EXPECT_THAT(Left(outcomes), ElementsAre(over));
  EXPECT_EQ(StateOf(running), JobState::kCancelling);
  EXPECT_EQ(StateOf(queued), JobState::kCancelled);
  EXPECT_EQ(StateOf(other), JobState::kQueued);
  for (const BulkOutcome& outcome : outcomes) {
    if (outcome.job.id == over) {
      EXPECT_THAT(outcome.left, HasCode(kRefused));
      EXPECT_THAT(Message(outcome.left), HasSubstr("job j2 is CANCELLED; there is nothing to cancel"));
      EXPECT_FALSE(outcome.shown);
    } else {
      EXPECT_TRUE(outcome.shown);
      EXPECT_EQ(outcome.job.state, StateOf(outcome.job.id));
      EXPECT_EQ(outcome.job.spec, "");
    }
  }
}

TEST_F(BulkTest, NamedJobsThatAreNotThereAreTold) {
  const JobId a = Create("a");
  const JobId b = Create("b");
  const auto outcomes = Change(OfIds({77, b, b}), {.kind = Kind::kCancel});
  EXPECT_THAT(Changed(outcomes), ElementsAre(b));
  EXPECT_THAT(Left(outcomes), ElementsAre(77));
  EXPECT_THAT(outcomes.front().left, HasCode(absl::StatusCode::kNotFound));
  EXPECT_EQ(StateOf(a), JobState::kQueued);
  EXPECT_THAT(Change(OfIds({a, b}, {JobState::kQueued}), {.kind = Kind::kCancel}), testing::SizeIs(1));
}

TEST_F(BulkTest, ADryRunSaysTheSameAndChangesNothing) {
  Create("a");
  CreateCancelled("b");
  const std::uint64_t revision = store_->GetJob(2)->revision;
  const JobFilter all = OfExperiment("mnist_mlp");
  for (const Kind kind : {Kind::kCancel, Kind::kResume, Kind::kDelete, Kind::kUpdate}) {
    const BulkChange change{.kind = kind, .set_labels = {{"a", "b"}}, .priority = 3};
    const auto preview = Change(all, change, {}, true);
    EXPECT_THAT(Changed(preview), ElementsAre(kind == Kind::kCancel || kind == Kind::kUpdate ? 1 : 2));
    EXPECT_THAT(Left(preview), ElementsAre(kind == Kind::kCancel || kind == Kind::kUpdate ? 2 : 1));
  }
  EXPECT_EQ(StateOf(1), JobState::kQueued);
  EXPECT_EQ(store_->GetJob(2)->revision, revision);
  EXPECT_EQ(store_->ListJobs({}, std::nullopt, 10)->jobs.size(), 2u);
}

TEST_F(BulkTest, MoreThanOneSliceOfJobsIsChangedAndEachIsTold) {
  std::vector<NewJob> jobs;
  for (int i = 0; i < 1203; ++i) {
    jobs.push_back(MakeJob(std::to_string(i)));
  }
  ASSERT_OK(store_->CreateJobs({}, jobs).status());
  const auto cancelled = Change(OfStates({JobState::kQueued}), {.kind = Kind::kCancel}, {"u", "b"});
  EXPECT_EQ(Changed(cancelled).size(), 1203u);
  EXPECT_THAT(Left(cancelled), IsEmpty());
  EXPECT_EQ(*store_->CountQueued(), 0);
  EXPECT_EQ(Changed(Change(OfStates({JobState::kQueued}), {.kind = Kind::kCancel}, {"u", "b"})).size(), 1203u);
  const auto deleted = Change(OfExperiment("mnist_mlp"), {.kind = Kind::kDelete});
  EXPECT_EQ(Changed(deleted).size(), 1203u);
  EXPECT_FALSE(deleted.front().shown);
  EXPECT_THAT(store_->ListJobs({}, std::nullopt, 10)->jobs, IsEmpty());
}

TEST_F(BulkTest, ARepeatedRequestIsAnsweredAsItWasAndDoesNothing) {
  CreateCancelled("a");
  const JobId queued = Create("b");
  const Request request{"uuid", "body"};
  const JobFilter all = OfExperiment("mnist_mlp");
  const auto first = Change(all, {.kind = Kind::kResume}, request);
  EXPECT_THAT(Changed(first), ElementsAre(3));
  EXPECT_THAT(Left(first), ElementsAre(queued));
  ASSERT_OK(store_->Cancel({}, queued).status());  // a new request would resume it now
  Reopen();
  const auto second = Change(all, {.kind = Kind::kResume}, request);
  EXPECT_THAT(Changed(second), ElementsAre(3));
  EXPECT_EQ(Message(second.front().left), Message(first.front().left));
  EXPECT_EQ(store_->ListJobs({}, std::nullopt, 10)->jobs.size(), 3u);
  EXPECT_THAT(store_->ChangeJobs({"uuid", "other"}, all, {.kind = Kind::kResume}, false).status(),
              HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(store_->ChangeJobs(request, all, {.kind = Kind::kCancel}, false).status(),
              HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(store_->Cancel(request, queued).status(), HasCode(absl::StatusCode::kAlreadyExists));
}

// The first slices are on disk, the last was never begun: the server died, and the client asks again.
TEST_F(BulkTest, ARequestThatWasCutOffIsFinished) {
  for (int i = 0; i < 25; ++i) {
    CreateCancelled(std::to_string(i));
  }
  const Request request{"uuid", "body"};
  int looked_at = 0;
  BulkChange change{.kind = Kind::kResume};
  change.may_resume = [&looked_at](const Job&) {
    return ++looked_at > 15 ? absl::UnavailableError("the disk is gone") : absl::OkStatus();
  };
  const JobFilter cancelled = OfStates({JobState::kCancelled});
  EXPECT_THAT(store_->ChangeJobs(request, cancelled, change, false).status(), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_EQ(*store_->CountQueued(), 10) << "a slice is whole or not at all";
  const auto outcomes = Change(cancelled, {.kind = Kind::kResume}, request);
  EXPECT_EQ(Changed(outcomes).size(), 25u);
  EXPECT_EQ(*store_->CountQueued(), 25);
  std::set<JobId> from;
  const auto queued = store_->ListJobs(OfStates({JobState::kQueued}), std::nullopt, 100);
  for (const Job& job : queued->jobs) {
    EXPECT_TRUE(from.insert(job.resumed_from).second) << "resumed twice";
  }
  EXPECT_EQ(from.size(), 25u);
}

TEST_F(BulkTest, ResumedJobsSayWhatTheyContinueAndKeepTheirOrder) {
  const JobId a = CreateCancelled("a");
  const JobId b = CreateCancelled("b");
  BulkChange change{.kind = Kind::kResume};
  change.may_resume = [b](const Job& job) {
    return job.id == b ? absl::FailedPreconditionError("its data set is missing") : absl::OkStatus();
  };
  const auto outcomes = Change(OfIds({a, b}), change);
  EXPECT_THAT(Changed(outcomes), ElementsAre(3));
  EXPECT_THAT(Left(outcomes), ElementsAre(b));
  EXPECT_EQ(store_->GetJob(3)->resumed_from, a);
  EXPECT_EQ(store_->GetJob(a)->resumed_from, 0);
  const auto both = Change(OfIds({a, b}), {.kind = Kind::kResume});
  EXPECT_EQ(store_->GetJob(4)->resumed_from, a);
  EXPECT_EQ(store_->GetJob(5)->resumed_from, b);
}

TEST_F(BulkTest, AFullQueueTakesWhatThereIsRoomFor) {
  options_.max_queued = 2;
  Reopen();
  for (const char* name : {"a", "b", "c"}) {
    CreateCancelled(name);
  }
  const auto outcomes = Change(OfStates({JobState::kCancelled}), {.kind = Kind::kResume});
  EXPECT_EQ(Changed(outcomes).size(), 2u);
  EXPECT_THAT(Left(outcomes), ElementsAre(3));
  EXPECT_THAT(Message(outcomes.front().left), HasSubstr("queue is full"));
  EXPECT_EQ(*store_->CountQueued(), 2);
}

TEST_F(BulkTest, LabelsAndPriorityAreSetAndFollowed) {
  const JobId a = CreateLabelled("a", {{"who", "ana"}, {"old", "1"}});
  const JobId b = CreateCancelled("b");
  const JobId c = CreateLabelled("c", {{"who", "ana"}, {"new", "2"}, {"x", "y"}});
  BulkChange change{.kind = Kind::kUpdate, .set_labels = {{"new", "2"}, {"who", "bo"}}, .remove_labels = {"old"}};
  const std::uint64_t before = store_->GetJob(c)->revision;
  EXPECT_THAT(Changed(Change(OfIds({a, b, c}), change)), ElementsAre(a, b, c));
  const std::map<std::string, std::string> two = {{"new", "2"}, {"who", "bo"}};
  EXPECT_EQ(store_->GetJob(a)->labels, two);
  EXPECT_EQ(store_->GetJob(b)->labels, two);
  EXPECT_EQ(store_->ListJobs(OfLabels(two), std::nullopt, 10)->jobs.size(), 3u);
  EXPECT_GT(store_->GetJob(c)->revision, before) << "whoever watches jobs sees it";
  const std::uint64_t after = store_->GetJob(c)->revision;
  EXPECT_THAT(Changed(Change(OfIds({c}), change)), ElementsAre(c));
  EXPECT_EQ(store_->GetJob(c)->revision, after) << "it was so already";

  const auto outcomes = Change(OfExperiment("mnist_mlp"), {.kind = Kind::kUpdate, .priority = 0});
  EXPECT_THAT(Left(outcomes), ElementsAre(b));
  Change(OfIds({c}), {.kind = Kind::kUpdate, .priority = 9});
  EXPECT_EQ(LeaseOne().job, c);
  BulkChange many{.kind = Kind::kUpdate, .set_labels = {{"1", ""}, {"2", ""}}};
  many.max_labels = 3;
  EXPECT_THAT(Left(Change(OfIds({a}), many)), ElementsAre(a));
  EXPECT_EQ(store_->GetJob(a)->labels, two);
}

TEST_F(BulkTest, DeletedJobsTakeTheirFilesWithThem) {
  const AttemptId attempt = CreateAndLease("a");
  ASSERT_OK(PutCheckpoint(attempt, 5, "weights"));
  ASSERT_OK(PutArtifact(attempt, {"a.txt", "text/plain", 1}, "text"));
  ASSERT_OK(store_->AppendPoints(attempt, {Ramp("loss", 1, 2000)}).status());
  const JobId running = CreateAndLease("b").job;
  ASSERT_OK(FinishAs(attempt, JobState::kFailed).status());
  const std::vector<std::string> folders = {folder_.path() + "/checkpoints", folder_.path() + "/artifacts"};
  for (const std::string& folder : folders) {
    ASSERT_FALSE(std::filesystem::is_empty(folder)) << "there is something to remove";
  }
  const auto outcomes = Change(OfExperiment("mnist_mlp"), {.kind = Kind::kDelete});
  EXPECT_THAT(Changed(outcomes), ElementsAre(attempt.job));
  EXPECT_THAT(Left(outcomes), ElementsAre(running));
  for (const std::string& folder : folders) {
    EXPECT_TRUE(std::filesystem::is_empty(folder)) << folder;
  }
  const auto db = Connection::Open(folder_.path() + "/normlab.db", {.read_only = true, .vfs = {}});
  EXPECT_EQ(*(*db)->Int("SELECT (SELECT count(*) FROM chunk) + (SELECT count(*) FROM purge)"), 0);
}

TEST_F(BulkTest, AttemptsAreTold) {
  const AttemptId first = CreateAndLease("a");
  ASSERT_OK(store_->ReportProgress(first, {.steps_done = 40, .steps_total = 100}).status());
  ASSERT_OK(PutCheckpoint(first, 30, "weights"));
  now_ms_ = 2'000;
  ASSERT_OK(store_->Died(first, "killed by signal 9", 5));
  now_ms_ = 3'000;
  const AttemptId second = LeaseOne();
  ASSERT_OK(store_->ReportProgress(second, {.steps_done = 60, .steps_total = 100}).status());
  const auto attempts = store_->ListAttempts(first.job);
  ASSERT_OK(attempts.status());
  ASSERT_EQ(attempts->size(), 2u);
  EXPECT_EQ(attempts->at(0).ending, "killed by signal 9");
  EXPECT_TRUE(attempts->at(0).died);
  EXPECT_EQ(attempts->at(0).started_ms, 1'000);
  EXPECT_EQ(attempts->at(0).ended_ms, 2'000);
  EXPECT_EQ(attempts->at(0).steps_done, 40u);
  EXPECT_EQ(attempts->at(0).first_step, std::nullopt);
  EXPECT_EQ(attempts->at(1).number, 2);
  EXPECT_EQ(attempts->at(1).worker, "host:1");
  EXPECT_EQ(attempts->at(1).ended_ms, 0);
  EXPECT_EQ(attempts->at(1).first_step, 30u);
  EXPECT_EQ(attempts->at(1).steps_done, 60u) << "so far";
  EXPECT_THAT(store_->ListAttempts(99).status(), HasCode(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace normlab::store
