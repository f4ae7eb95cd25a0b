// One damaged row, chunk or page: the job it belongs to can still be ended, resumed, exported and deleted, what is whole
// is kept, what is lost is said once, and other jobs notice nothing.
#include <fstream>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const CurveRange kSkipDamaged = [] {
  CurveRange range;
  range.skip_damaged = true;
  return range;
}();

class DamageTest : public StoreTest {
 protected:
  DamageTest() : attempt_(CreateAndLease("a")) {}

  // Damages the store while it is closed.
  void Damage(const std::function<void(Connection&)>& damage) {
    store_.reset();
    auto db = Connection::Open(DbPath(), {});
    damage(**db);
    db->reset();
    Reopen();
  }
  void DamageRows(const std::string& update) {
    Damage([&](Connection& db) { ASSERT_OK(db.Script(update)); });
  }
  // Overwrites the root page of a table, which in these small stores holds all of it or leads to it.
  void DamagePage(std::string_view table) {
    store_.reset();
    std::int64_t page = 0;
    {
      const auto db = Connection::Open(DbPath(), {});
      ASSERT_OK((*db)->Checkpoint(true));
      page = *(*db)->Int("SELECT rootpage FROM sqlite_schema WHERE name = ?1", table);
    }
    ASSERT_GT(page, 1);
    std::fstream file(DbPath(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((page - 1) * 4096);
    file.write(std::string(4096, '\x7f').data(), 4096);
    file.close();
    Reopen();
  }

  std::string DbPath() const { return folder_.path() + "/normlab.db"; }
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
