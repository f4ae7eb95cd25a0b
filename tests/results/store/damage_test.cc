// One damaged row, chunk or page: the job it belongs to can still be ended, resumed, exported and deleted, what is whole
// is kept, what is lost is said once, and other jobs notice nothing.
#include "tests/results/store/damaged_store.h"

namespace normlab::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const CurveRange kSkipDamaged = [] {
  CurveRange range;
  range.skip_damaged = true;
  return range;
}();

class DamageTest : public DamagedStoreTest {
 protected:
  DamageTest() : attempt_(CreateAndLease("a")) {}

  // Overwrites the first page of rows that holds `text`.
  void DamagePageWith(std::string_view text) {
    store_.reset();
    ASSERT_OK((*Connection::Open(DbPath(), {}))->Checkpoint(true));
    std::string bytes = *PosixFileSystem().Read(DbPath());
    for (std::size_t page = 4096; page < bytes.size(); page += 4096) {
      constexpr char kTableLeaf = 13;
      if (bytes[page] == kTableLeaf && std::string_view(bytes).substr(page, 4096).find(text) != std::string::npos) {
        bytes.replace(page, 4096, std::string(4096, '\x7f'));
        ASSERT_OK(PosixFileSystem().AtomicWrite(DbPath(), bytes));
        Reopen();
        return;
      }
    }
    FAIL() << "no page holds " << text;
  }

  std::string DamageOf(JobId job) { return store_->GetJob(job)->facts["damage"]; }
  absl::Status Append(std::uint64_t first, std::size_t n) {
    return store_->AppendPoints(attempt_, {Ramp("loss", first, n)}).status();
  }
  std::vector<std::uint64_t> WholeSteps(JobId job) {
    const auto curve = store_->ReadCurve(job, "loss", kSkipDamaged);
    EXPECT_OK(curve.status());
    return curve.ok() ? curve->steps : std::vector<std::uint64_t>();
  }

  const AttemptId attempt_;
};

constexpr const char* kDamageSecondRow =
    "UPDATE tail SET data = zeroblob(length(data)) WHERE last_step = (SELECT max(last_step) FROM tail WHERE last_step "
    "< "
    "(SELECT max(last_step) FROM tail))";

// How a job with a damaged tail may be ended.
enum class End { kSucceeded, kFailed, kReleased, kDifferent };

class DamagedTailTest : public DamageTest, public testing::WithParamInterface<End> {
 protected:
  absl::Status EndJob() {
    switch (GetParam()) {
      case End::kSucceeded:
        return FinishAs(attempt_, JobState::kSucceeded).status();
      case End::kFailed:
        return FinishAs(attempt_, JobState::kFailed).status();
      case End::kReleased:
        NORMLAB_RETURN_IF_ERROR(store_->Cancel({}, attempt_.job).status());
        return store_->Release(attempt_, "the worker is gone");
      case End::kDifferent: {
        const absl::Status status = store_->AppendPoints(attempt_, {Column("loss", {5}, {-1.0})}).status();
        return absl::IsDataLoss(status) ? absl::OkStatus() : status;
      }
    }
    return absl::OkStatus();
  }
};

TEST_P(DamagedTailTest, TheJobEndsKeepsWhatIsWholeAndSaysWhatIsLost) {
  for (std::uint64_t first : {1, 101, 201}) {
    ASSERT_OK(Append(first, 100));
  }
  DamageRows(kDamageSecondRow);
  ASSERT_OK(EndJob());
  EXPECT_TRUE(IsTerminal(StateOf(attempt_.job)));
  EXPECT_THAT(DamageOf(attempt_.job),
              HasSubstr("series \"loss\": 100 of its newest 300 points up to step 300 are lost (checksum mismatch"));
  const auto curve = store_->ReadCurve(attempt_.job, "loss", {});
  ASSERT_OK(curve.status());
  EXPECT_EQ(curve->points_total, 200u);
  EXPECT_EQ(store_->ListSeries(attempt_.job)->front().points, 200u);
  EXPECT_OK(store_->Delete({}, attempt_.job));
  EXPECT_THAT(store_->GetJob(attempt_.job).status(), HasCode(absl::StatusCode::kNotFound));
}

INSTANTIATE_TEST_SUITE_P(Ends, DamagedTailTest,
                         testing::Values(End::kSucceeded, End::kFailed, End::kReleased, End::kDifferent));

TEST_F(DamageTest, ADamagedNewestRowIsLostAndStoredAgainIfItIsSentAgain) {
  ASSERT_OK(Append(1, 100));
  ASSERT_OK(Append(101, 100));
  DamageRows("UPDATE tail SET data = zeroblob(length(data)) WHERE last_step = 200");
  ASSERT_OK(Append(201, 900)) << "the tail is full and packed: the damage is met";
  EXPECT_THAT(DamageOf(attempt_.job), HasSubstr("100 of its newest 200 points"));
  EXPECT_EQ(WholeSteps(attempt_.job).size(), 1000u);
  ASSERT_OK(FinishAs(attempt_, JobState::kSucceeded).status());
  EXPECT_THAT(DamageOf(attempt_.job), HasSubstr("100 of its newest 200 points")) << "outlives the worker's facts";
  const std::string said = DamageOf(attempt_.job);
  EXPECT_EQ(said.find("are lost"), said.rfind("are lost")) << "said once: " << said;
}

TEST_F(DamageTest, WhatFollowsTheJobGoesOnBehindALostTail) {
  ASSERT_OK(Append(1, 100));
  DamageRows("UPDATE tail SET data = zeroblob(length(data))");
  ASSERT_OK(FinishAs(attempt_, JobState::kFailed).status());
  EXPECT_EQ(store_->ReadCurve(attempt_.job, "loss", {})->points_total, 0u);
  EXPECT_OK(store_->PointsSince({attempt_.job}, 0, 10).status());
}

TEST_F(DamageTest, ADamagedChunkIsExportedAndResumedAsFarAsItIsWhole) {
  ASSERT_OK(Append(1, 3 * 1024 + 10));
  ASSERT_OK(PutCheckpoint(attempt_, 3000, "weights"));
  DamageRows("UPDATE chunk SET data = zeroblob(length(data)) WHERE id = 2");
  ASSERT_OK(FinishAs(attempt_, JobState::kFailed).status());
  const absl::Status strict = store_->ReadCurve(attempt_.job, "loss", {}).status();
  EXPECT_THAT(strict, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Message(strict), HasSubstr("steps 1025 to 2048"));
  EXPECT_THAT(Message(strict), HasSubstr("series \"loss\" of job j1"));

  const auto whole = store_->ReadCurve(attempt_.job, "loss", kSkipDamaged);
  ASSERT_OK(whole.status());
  EXPECT_THAT(whole->steps, SizeIs(2 * 1024 + 10));
  EXPECT_THAT(whole->damage, HasSubstr("steps 1025 to 2048"));
  EXPECT_EQ(whole->steps[1024], 2049u);
  EXPECT_EQ(whole->values[1024], 1.0 / 2050);

  const auto resumed = store_->ResumeAsNew({}, attempt_.job);
  ASSERT_OK(resumed.status());
  EXPECT_THAT(WholeSteps(resumed->id), SizeIs(3000 - 1024));
  EXPECT_THAT(DamageOf(resumed->id), HasSubstr("could not be taken over from job j1"));
  const AttemptId next = LeaseOne();
  EXPECT_OK(store_->AppendPoints(next, {Ramp("loss", 3001, 100)}).status());
  EXPECT_OK(FinishAs(next, JobState::kSucceeded).status());
  EXPECT_OK(store_->Delete({}, attempt_.job));
}

TEST_F(DamageTest, PointsThatCannotBeComparedFailTheJobAndNoOther) {
  ASSERT_OK(Append(1, 2000));
  const AttemptId other = CreateAndLease("other");
  DamageRows("UPDATE chunk SET data = zeroblob(length(data))");
  const absl::Status status = Append(1000, 2000);
  EXPECT_THAT(status, HasCode(absl::StatusCode::kDataLoss));
  const auto job = store_->GetJob(attempt_.job);
  EXPECT_EQ(job->state, JobState::kFailed);
  EXPECT_THAT(job->error, HasSubstr("cannot be read"));
  EXPECT_OK(store_->AppendPoints(other, {Ramp("loss", 1, 2000)}).status());
}

// Pages: SQLite itself says that they are damaged.
class DamagedPageTest : public DamageTest, public testing::WithParamInterface<const char*> {};

TEST_P(DamagedPageTest, OtherJobsGoOnAndTheDamagedOneEnds) {
  ASSERT_OK(Append(1, 5000));
  ASSERT_OK(Append(5001, 300));
  ASSERT_OK(PutCheckpoint(attempt_, 4000, "weights"));
  DamagePage(GetParam());
  EXPECT_OK(store_->ReportProgress(attempt_, {.steps_done = 5, .steps_total = 10}).status());
  const auto finished = FinishAs(attempt_, JobState::kFailed);
  ASSERT_OK(finished.status());
  EXPECT_EQ(finished->state, JobState::kFailed);
  EXPECT_EQ(StateOf(attempt_.job), JobState::kFailed);
  EXPECT_OK(store_->CreateJobs({}, {MakeJob("other")}).status());
  const AttemptId other = LeaseOne();
  EXPECT_OK(store_->ReportProgress(other, {}).status());
  EXPECT_OK(FinishAs(other, JobState::kSucceeded).status());
  Reopen();
  EXPECT_EQ(StateOf(other.job), JobState::kSucceeded);
}

INSTANTIATE_TEST_SUITE_P(Tables, DamagedPageTest, testing::Values("tail", "chunk", "overview"));

// A worker that hears of an error does not know that the job is its own, and nobody would wait for it.
TEST_F(DamageTest, AJobWhoseLeaseCannotBeReadIsGivenBack) {
  NewJob job = MakeJob("labelled");
  for (int i = 0; i < 5'000; ++i) {
    job.labels.emplace(fmt::format("label{}", i), "x");
  }
  const JobId id = store_->CreateJobs({}, {job})->front().job.id;
  const StoreOptions before = options_;
  options_.readers = 1;
  options_.read_deadline = std::chrono::milliseconds(0);
  DamagePage("fact");  // so that the writer cannot read it either
  EXPECT_THAT(store_->LeaseNext({}, {"host:1"}).status(), HasCode(absl::StatusCode::kDeadlineExceeded));
  options_ = before;
  Reopen();
  EXPECT_EQ(StateOf(id), JobState::kQueued);
  const std::vector<AttemptInfo> attempts = *store_->ListAttempts(id);
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_FALSE(attempts[0].died);
}

// What goes with a job, beside its row: facts, labels, attempts, and the answers to requests.
class DamagedDetailTest : public DamagedPageTest {};

TEST_P(DamagedDetailTest, JobsAreMadeLeasedEndedShownAndDeletedAllTheSame) {
  NewJob labelled = MakeJob("labelled");
  labelled.labels = {{"who", "ana"}};
  ASSERT_OK(store_->CreateJobs({"create", "hash"}, {labelled}).status());
  const auto lease = store_->LeaseNext({"lease", "hash"}, {"host:2"});
  ASSERT_OK(lease.status());
  const AttemptId second{(*lease)->job.id, (*lease)->job.attempt};
  ASSERT_OK(store_->StartAttempt(second, {"labelled", {{"arithmetic", "AVX3"}}}).status());
  ASSERT_OK(store_->StartAttempt(attempt_, {"a", {{"arithmetic", "AVX3"}}}).status());
  ASSERT_OK(Append(1, 300));
  DamagePage(GetParam());

  EXPECT_EQ(store_->ListJobs({}, std::nullopt, 10)->jobs.size(), 2u);
  EXPECT_EQ(store_->ActiveJobs()->size(), 2u);
  EXPECT_EQ(store_->ChangedSince(0, 10)->size(), 2u);
  EXPECT_OK(store_->ReportProgress(attempt_, {.steps_done = 5, .steps_total = 10}).status());
  EXPECT_OK(Append(301, 300));
  FinishInfo info;
  info.state = JobState::kSucceeded;
  info.fingerprint = "f";
  info.facts = {{"isa", "avx3"}};
  const auto finished = store_->Finish(attempt_, info);
  ASSERT_OK(finished.status());
  EXPECT_EQ(finished->state, JobState::kSucceeded);
  EXPECT_EQ(finished->fingerprint, "f");
  EXPECT_EQ(store_->ReadCurve(attempt_.job, "loss", {})->points_total, 600u);
  EXPECT_OK(store_->ListArtifacts(attempt_.job).status());

  EXPECT_EQ(store_->Cancel({"cancel", "hash"}, second.job)->state, JobState::kCancelling);
  ASSERT_OK(store_->Died(second, "the worker is gone", 5));
  EXPECT_TRUE(IsTerminal(StateOf(second.job)));

  const auto other = store_->CreateJobs({"other", "hash"}, {MakeJob("other")});
  ASSERT_OK(other.status());
  const auto next = store_->LeaseNext({"next", "hash"}, {"host:3"});
  ASSERT_OK(next.status());
  ASSERT_TRUE(next->has_value());
  EXPECT_EQ((*next)->job.id, other->front().job.id);
  EXPECT_OK(
      store_->StartAttempt({(*next)->job.id, (*next)->job.attempt}, {"other", {{"arithmetic", "AVX3"}}}).status());
  EXPECT_OK(store_->Release({(*next)->job.id, (*next)->job.attempt}, "the server stops"));
  EXPECT_EQ(StateOf(other->front().job.id), JobState::kQueued);

  const auto resumed = store_->ResumeAsNew({"resume", "hash"}, second.job);
  ASSERT_OK(resumed.status());
  EXPECT_EQ(DamageOf(resumed->id), GetParam() == std::string("label")
                                       ? "the labels of job j2 could not be taken over; its labels cannot be read"
                                   : GetParam() == std::string("fact") ? "its facts cannot be read"
                                                                       : "");
  EXPECT_EQ(store_->Cancel({"cancel again", "hash"}, resumed->id)->state, JobState::kCancelled);

  for (const JobId id : {attempt_.job, second.job, resumed->id}) {
    EXPECT_OK(store_->Delete({"delete" + std::to_string(id), "hash"}, id));
    EXPECT_THAT(store_->GetJob(id).status(), HasCode(absl::StatusCode::kNotFound));
  }
  Reopen();
  EXPECT_EQ(store_->ListJobs({}, std::nullopt, 10)->jobs.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Tables, DamagedDetailTest, testing::Values("fact", "label", "attempt", "request", "answer"));

TEST_F(DamageTest, ResultsOfFactsThatCannotBeReadAreComputedAgain) {
  const Computation computation{"a", {{"arithmetic", "AVX3"}}};
  ASSERT_OK(store_->StartAttempt(attempt_, computation).status());
  ASSERT_OK(Append(1, 300));
  ASSERT_OK(PutCheckpoint(attempt_, 200, "weights"));
  ASSERT_OK(FinishAs(attempt_, JobState::kFailed).status());
  DamagePage("fact");
  const auto resumed = store_->ResumeAsNew({}, attempt_.job);
  ASSERT_OK(resumed.status());
  EXPECT_EQ(resumed->steps_done, 200u);
  EXPECT_THAT(DamageOf(resumed->id), HasSubstr("its facts cannot be read"));
  const AttemptId next = LeaseOne();
  ASSERT_EQ(next.job, resumed->id);
  const auto restarted = store_->StartAttempt(next, computation);
  ASSERT_OK(restarted.status());
  EXPECT_TRUE(*restarted);
  EXPECT_THAT(*store_->ListSeries(next.job), IsEmpty());
  EXPECT_EQ(store_->GetJob(next.job)->steps_done, 0u);
  EXPECT_OK(FinishAs(next, JobState::kSucceeded).status());
}

TEST_F(DamageTest, DamageIsFoundWhenTheStoreOpens) {
  EXPECT_EQ(store_->damage(), "");
  DamagePage("fact");
  EXPECT_THAT(store_->damage(), HasSubstr("fact: "));
  EXPECT_THAT(store_->damage(), testing::Not(HasSubstr("job: ")));
}

TEST_F(DamageTest, LookingForDamageEndsInTime) {
  for (int i = 0; i < 300; ++i) {
    Create(fmt::format("job {}", i));
  }
  DamagePage("chunk");
  EXPECT_NE(store_->damage(), "");
  options_.check = std::chrono::milliseconds(0);
  Reopen();
  EXPECT_EQ(store_->damage(), "") << "no time to find it";
  EXPECT_OK(store_->CreateJobs({}, {MakeJob("other")}).status());
}

TEST_F(DamageTest, FactsThatCannotBeReadAreSaidWithTheJob) {
  DamagePage("fact");
  EXPECT_THAT(DamageOf(attempt_.job), HasSubstr("its facts cannot be read"));
}

TEST_F(DamageTest, DeathsThatCannotBeCountedFailTheJob) {
  DamagePage("attempt");
  ASSERT_OK(store_->Died(attempt_, "worker host:1 is gone", 5));
  const Job job = *store_->GetJob(attempt_.job);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_THAT(job.error, HasSubstr("worker host:1 is gone; how often before cannot be read"));
}

// A page of the rows of jobs themselves: those jobs are lost, and nobody else.
TEST_F(DamageTest, JobsWhoseRowsCannotBeReadStopNoOthers) {
  constexpr int kJobs = 300;
  for (int i = 0; i < kJobs; ++i) {
    Create(fmt::format("job {}", i));
  }
  ASSERT_OK(PutCheckpoint(attempt_, 200, "weights"));
  ASSERT_OK(Append(1, 10));
  DamagePageWith("spec of a");
  const absl::Status lost = store_->GetJob(attempt_.job).status();
  EXPECT_THAT(lost, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Message(lost), HasSubstr("the row of job j1 cannot be read"));
  EXPECT_THAT(store_->Cancel({}, attempt_.job).status(), HasCode(absl::StatusCode::kDataLoss));

  const std::size_t readable = store_->ListJobs({}, std::nullopt, kJobs + 1)->jobs.size();
  EXPECT_GT(readable, kJobs / 2u);
  EXPECT_LT(readable, kJobs + 1u);
  EXPECT_EQ(store_->ChangedSince(0, kJobs + 1)->size(), readable);
  EXPECT_TRUE(store_->ActiveJobs()->empty());
  const auto lease = store_->LeaseNext({"lease", "hash"}, {"host:2"});
  ASSERT_OK(lease.status());
  ASSERT_TRUE(lease->has_value()) << "the first of the queue are lost, and the others wait behind them";
  const AttemptId attempt{(*lease)->job.id, (*lease)->job.attempt};
  EXPECT_EQ((*store_->LeaseNext({"lease", "hash"}, {"host:2"}))->job.id, attempt.job)
      << "the same, for the same request";
  EXPECT_OK(store_->AppendPoints(attempt, {Ramp("loss", 1, 10)}).status());
  EXPECT_OK(FinishAs(attempt, JobState::kSucceeded).status());
  EXPECT_OK(store_->Delete({}, attempt.job));
  EXPECT_OK(store_->CreateJobs({"new", "hash"}, {MakeJob("new")}).status());

  EXPECT_OK(store_->Delete({}, attempt_.job)) << "what it left is removed; the row stays where it is, out of sight";
  Damage([&](Connection& db) { EXPECT_EQ(*db.Int("SELECT count(*) FROM series WHERE job = ?1", attempt_.job), 0); });
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/checkpoints"));
}

TEST_F(DamageTest, AJobWithADamagedPageOfPointsIsDeletedAndTheStoreOpensAgain) {
  ASSERT_OK(Append(1, 5300));
  DamagePage("chunk");
  ASSERT_OK(FinishAs(attempt_, JobState::kFailed).status());
  EXPECT_OK(store_->Delete({}, attempt_.job));
  EXPECT_THAT(store_->GetJob(attempt_.job).status(), HasCode(absl::StatusCode::kNotFound));
  Reopen();
  const AttemptId other = CreateAndLease("other");
  EXPECT_OK(store_->AppendPoints(other, {Ramp("loss", 1, 10)}).status());
}

TEST_F(DamageTest, AStatementThatMeetsADamagedPageStopsNoOther) {
  DamagePage("artifact");
  EXPECT_THAT(PutArtifact(attempt_, {"a", "t", 1}, "x"), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_OK(Append(1, 10));
  EXPECT_OK(store_->CreateJobs({}, {MakeJob("other")}).status());
}

}  // namespace
}  // namespace normlab::store
