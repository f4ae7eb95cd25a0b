// `normlab admin`: what a person sees, what a script gets, and what is asked of the server.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class AdminCommandTest : public CommandTest {
 protected:
  void SetUp() override {
    v1::GetStatusResponse& status = server_.admin.status;
    status.set_version("normlabd 0.1.0 (commit 0123456789ab)");
    status.set_home("/srv/normlab");
    status.mutable_started()->set_seconds(1'000'000'000 - 3'600);
    const auto count = [&status](v1::JobState state, std::uint64_t n) {
      auto* counted = status.add_jobs();
      counted->set_state(state);
      counted->set_count(n);
    };
    count(v1::JOB_STATE_RUNNING, 2);
    count(v1::JOB_STATE_SUCCEEDED, 13'750);
    status.set_slots(2);
    status.set_working(2);
    status.set_database_bytes(482'000'000);
    status.set_unused_bytes(1'000'000);
    status.set_log_bytes(3'000'000);
    status.set_checkpoint_bytes(9'000'000'000);
    status.set_artifact_bytes(70'000'000);
    status.set_free_bytes(50'000'000'000);
    status.set_memory_bytes(80'000'000);
    status.mutable_scrub()->mutable_ended()->set_seconds(1'000'000'000 - 86'400);
    status.mutable_scrub()->mutable_next()->set_seconds(1'000'000'000 + 6 * 86'400);
    v1::Backup* backup = server_.admin.backups.add_backups();
    backup->set_name("2001-09-09T000000Z");
    backup->mutable_taken()->set_seconds(1'000'000'000 - 6'400);
    backup->set_jobs(13'752);
    backup->set_bytes(9'500'000'000);
    backup->set_folder("/srv/normlab/backups/2001-09-09T000000Z");
    *status.mutable_last_backup() = *backup;
  }
};

TEST_F(AdminCommandTest, StatusFitsAScreen) { ExpectGolden("admin_status", {"admin", "status"}); }

TEST_F(AdminCommandTest, StatusIsJsonToo) {
  const auto json = nlohmann::json::parse(Run({"admin", "status", "--json"}).out);
  EXPECT_EQ(json["jobs"]["SUCCEEDED"], 13'750);
  EXPECT_EQ(json["workers"]["working"], 2);
  EXPECT_EQ(json["free_bytes"], 50'000'000'000);
  EXPECT_EQ(json["scrub"]["damaged"], 0);
  EXPECT_EQ(json["last_backup"]["name"], "2001-09-09T000000Z");
}

TEST_F(AdminCommandTest, DamageIsNamedAndAnExitCode) {
  server_.admin.status.mutable_scrub()->set_damaged(1);
  server_.admin.status.mutable_scrub()->add_damage("j7 weights: is gone");
  const Outcome outcome = Run({"admin", "status"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("j7 weights: is gone"));
  EXPECT_EQ(Run({"admin", "status", "--json"}).code, 1);
}

TEST_F(AdminCommandTest, DrainWaitsUntilNothingIsUnderWay) {
  server_.admin.working = {2, 1, 0};
  const Outcome outcome = Run({"admin", "drain", "--wait"});
  EXPECT_EQ(outcome.out, "no job begins; 0 jobs under way\n");
  EXPECT_EQ(outcome.err, "2 jobs under way\n1 job under way\n");
  EXPECT_EQ(server_.admin.drains.size(), 3u);
  EXPECT_EQ(Run({"admin", "drain", "--off"}).out, "jobs begin again\n");
  EXPECT_TRUE(server_.admin.drains.back().off());
}

TEST_F(AdminCommandTest, BackupPrintsItsFolder) {
  server_.admin.removed = {"2001-09-01T000000Z"};
  const Outcome outcome = Run({"admin", "backup", "--keep", "7"});
  EXPECT_EQ(outcome.out, "/srv/normlab/backups/2001-09-09T000000Z\n");
  EXPECT_THAT(outcome.err, HasSubstr("13,752 jobs, 9.5 GB; copied and read back.\n2001-09-01T000000Z removed.\n"));
  EXPECT_EQ(server_.admin.keep, 7u);
  ExpectGolden("admin_backups", {"admin", "backups"});
}

TEST_F(AdminCommandTest, CheckSaysWhatIsDamaged) {
  server_.admin.report.set_series(3);
  server_.admin.report.set_files(1);
  server_.admin.report.set_bytes(2'000'000);
  EXPECT_EQ(Run({"admin", "check"}).out, "everything is whole: 3 curves, 1 file, 2.0 MB read\n");
  EXPECT_EQ(server_.admin.checked, "");
  server_.admin.report.set_damaged(1);
  server_.admin.report.add_damage("j7 test/error: 1 damaged");
  const Outcome outcome = Run({"admin", "check", "--backup", "2001-09-09T000000Z"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "j7 test/error: 1 damaged\n1 damaged piece: 3 curves, 1 file, 2.0 MB read\n");
  EXPECT_EQ(server_.admin.checked, "2001-09-09T000000Z");
  EXPECT_EQ(Run({"admin", "scrub"}).code, 0);
  EXPECT_EQ(server_.admin.scrubs, 1);
}

TEST_F(AdminCommandTest, GarbageIsLookedAtBeforeItGoes) {
  server_.admin.garbage.add_job_ids("j2");
  server_.admin.garbage.add_job_ids("j1");
  server_.admin.garbage.set_bytes(5'000'000);
  std::string answer = "n";
  ask_ = [&answer] { return answer; };
  const std::vector<std::string> words = {"admin", "gc", "--older-than", "90d", "--label", "who=ana", "--keep", "100"};
  const Outcome refused = Run(words);
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("delete 2 jobs with 5.0 MB of artifacts? [y/N] Nothing was done."));
  ASSERT_EQ(server_.admin.collected.size(), 1u);
  EXPECT_TRUE(server_.admin.collected[0].validate_only());
  answer = "Y";
  EXPECT_EQ(Run(words).out, "j2\nj1\n");
  const v1::CollectGarbageRequest& request = server_.admin.collected.back();
  EXPECT_FALSE(request.validate_only());
  EXPECT_EQ(request.older_than_seconds(), 90u * 86'400);
  EXPECT_EQ(request.keep_newest(), 100u);
  EXPECT_EQ(request.filter().labels().at("who"), "ana");
  EXPECT_THAT(Run({"admin", "gc", "--keep", "1", "--dry-run"}).err, HasSubstr("This would delete 2 jobs"));
}

TEST_F(AdminCommandTest, AgesAreNumbersWithAUnit) {
  for (const char* age : {"90", "d", "-3d", "9w", "1e3d", "99999999999999999999d", "3d4h"}) {
    const Outcome outcome = Run({"admin", "gc", "--older-than", age});
    EXPECT_EQ(outcome.code, 2) << age;
  }
  EXPECT_TRUE(server_.admin.collected.empty());
  EXPECT_EQ(Run({"admin", "gc", "--older-than", "30m", "--dry-run"}).code, 0);
  EXPECT_EQ(server_.admin.collected.back().older_than_seconds(), 1'800u);
  EXPECT_FALSE(server_.admin.collected.back().has_filter());
}

TEST_F(AdminCommandTest, RestoreSaysWhenItsProgramIsMissing) {
  EXPECT_EQ(Run({"admin", "restore", "/nowhere"}).code, 2);
}

}  // namespace
}  // namespace normlab::client
