// Reading everything back: each kind of damage is found and named, and nothing else is called damage.
#include <filesystem>

#include "tests/results/store/damaged_store.h"

namespace normlab::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kPoints = 1'500;  // a full chunk and a tail

bool GoOn(const UpkeepProgress&) { return true; }

class ScrubTest : public DamagedStoreTest {
 protected:
  ScrubTest() : attempt_(CreateAndLease("a")) {
    EXPECT_OK(store_->AppendPoints(attempt_, {Ramp("test/error", 1, kPoints)}).status());
    EXPECT_OK(PutCheckpoint(attempt_, 7, "checkpoint"));
    EXPECT_OK(PutArtifact(attempt_, {.name = "weights", .media_type = "text/plain"}, "artifact"));
  }

  ScrubReport Scrub() {
    const auto report = store_->Scrub(GoOn);
    EXPECT_OK(report.status());
    return report.ok() ? *report : ScrubReport();
  }
  const AttemptId attempt_;
};

TEST_F(ScrubTest, FindsNothingWhereEverythingIsWhole) {
  const ScrubReport report = Scrub();
  EXPECT_EQ(report.damaged, 0u);
  EXPECT_THAT(report.damage, IsEmpty());
  EXPECT_EQ(report.series, 1u);
  EXPECT_EQ(report.files, 2u);
  EXPECT_GT(report.bytes, kPoints * sizeof(double));
}

TEST_F(ScrubTest, FindsADamagedChunk) {
  DamageRows("UPDATE chunk SET data = zeroblob(length(data))");
  const ScrubReport report = Scrub();
  EXPECT_EQ(report.damaged, 1u);
  EXPECT_THAT(report.damage, ElementsAre(HasSubstr("j1 test/error: 1 damaged; checksum mismatch")));
}

TEST_F(ScrubTest, FindsADamagedTail) {
  DamageRows("UPDATE tail SET crc32c = crc32c + 1");
  EXPECT_THAT(Scrub().damage, ElementsAre(HasSubstr("j1 test/error: 1 damaged; checksum mismatch")));
}

TEST_F(ScrubTest, FindsADamagedOverview) {
  DamageRows("UPDATE overview SET points = points + 1");
  EXPECT_THAT(Scrub().damage, ElementsAre(HasSubstr("checksum mismatch of an overview")));
}

TEST_F(ScrubTest, FindsOneFlippedBitOfAFile) {
  Flip(OnlyFileIn("checkpoints"), 3);
  EXPECT_THAT(Scrub().damage, ElementsAre(HasSubstr("j1 checkpoint of step 7")));
}

TEST_F(ScrubTest, FindsAFileThatIsGone) {
  std::filesystem::remove(OnlyFileIn("artifacts"));
  EXPECT_THAT(Scrub().damage, ElementsAre(testing::AllOf(HasSubstr("j1 weights"), HasSubstr("is gone"))));
}

TEST_F(ScrubTest, FindsADamagedPageAndGoesOn) {
  std::filesystem::remove(OnlyFileIn("artifacts"));
  DamagePage("overview");
  const ScrubReport report = Scrub();
  EXPECT_THAT(report.damage, testing::Contains(HasSubstr("overview")));
  EXPECT_THAT(report.damage, testing::Contains(HasSubstr("j1 weights")));
}

// Of no curve and no file: only the database itself is looked at for it.
TEST_F(ScrubTest, FindsADamagedPageOfAnIndex) {
  DamagePage("label_by_value");
  EXPECT_THAT(Scrub().damage, ElementsAre(HasSubstr("label")));
}

TEST_F(ScrubTest, WhatIsRemovedMeanwhileIsNoDamage) {
  for (int when = 0, pieces = 1; when < pieces; ++when) {
    const AttemptId attempt = CreateAndLease(fmt::format("removed {}", when));
    EXPECT_OK(store_->AppendPoints(attempt, {Ramp("test/error", 1, kPoints)}).status());
    for (const char* name : {"a", "b", "c"}) {
      EXPECT_OK(PutArtifact(attempt, {.name = name, .media_type = "text/plain"}, name));
    }
    ASSERT_OK(FinishAs(attempt, JobState::kFailed).status());
    pieces = 0;
    const auto report = store_->Scrub([&](const UpkeepProgress&) {
      if (pieces++ == when) {
        EXPECT_OK(store_->Delete({}, attempt.job));
      }
      return true;
    });
    ASSERT_OK(report.status());
    EXPECT_THAT(report->damage, IsEmpty()) << "removed after piece " << when;
  }
}

TEST_F(ScrubTest, LooksAtEveryPieceOfALongCurve) {
  constexpr std::uint64_t kChunk = 1024;
  constexpr std::uint64_t kChunks = 600;  // more than are read at a time
  const AttemptId attempt = CreateAndLease("long");
  for (std::uint64_t i = 0; i < kChunks; i += 10) {
    ASSERT_OK(store_->AppendPoints(attempt, {Ramp("x", 1 + i * kChunk, 10 * kChunk)}).status());
  }
  ASSERT_EQ(Scrub().damaged, 0u);
  DamageRows(
      "UPDATE chunk SET crc32c = crc32c + 1 WHERE series = 2 AND last_step IN (1024, 262144, 262145, 263168, 614400)");
  EXPECT_THAT(Scrub().damage, ElementsAre(HasSubstr("j2 x: 4 damaged")));
}

TEST_F(ScrubTest, StopsWhenItIsTold) {
  const auto report = store_->Scrub([](const UpkeepProgress&) { return false; });
  EXPECT_THAT(report.status(), HasCode(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace normlab::store
