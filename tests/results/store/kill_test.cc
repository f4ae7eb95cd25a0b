// kill -9 at random moments: no acknowledged point or job is lost, no point is there twice, sequences never go back.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <set>

#include "base/paths.h"
#include "base/process.h"
#include "base/rng.h"
#include "tests/reliability.h"
#include "tests/results/store/crash_record.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

class KillTest : public testing::Test {
 protected:
  // Runs a child until it has acknowledged `records` calls, kills it, and takes note of all it said.
  void RunAndKill(std::uint64_t seed, std::uint64_t records) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    SpawnOptions options;
    options.argv = {ExecutableDirectory() + "/crash_child", folder_.path(), std::to_string(seed)};
    options.stdout_fd = ends[1];
    const auto child = Spawn(options);
    ASSERT_OK(child.status());
    ::close(ends[1]);
    CrashRecord record;
    for (std::uint64_t n = 1; ::read(ends[0], &record, sizeof record) == sizeof record; ++n) {
      if (record.kind == CrashRecord::kPoints) {
        last_step_[record.thread] = record.value;
        ++acknowledged_;
      } else {
        jobs_.insert(static_cast<JobId>(record.value));
      }
      if (n == records) {
        ::kill(*child, SIGKILL);  // what it has said before, and we have not read, still counts
      }
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(*child, &status, 0), *child);
    ASSERT_TRUE(WIFSIGNALED(status)) << DescribeExit(status);
  }

  void Check() {
    const auto store = Store::Open(folder_.path());
    ASSERT_OK(store.status());
    std::map<std::string, std::uint64_t> points;
    for (int thread = 0; thread < kCrashProducers; ++thread) {
      const auto curve = (*store)->ReadCurve(kCrashAttempt.job, CrashSeries(thread), {});
      const std::vector<std::uint64_t> steps = curve.ok() ? curve->steps : std::vector<std::uint64_t>();
      ASSERT_GE(steps.size(), last_step_[thread]) << "acknowledged points of series " << thread << " are lost";
      for (std::size_t i = 0; i < steps.size(); ++i) {
        ASSERT_EQ(steps[i], i + 1);
        ASSERT_EQ(curve->values[i], CrashValue(thread, i + 1));
      }
      points[CrashSeries(thread)] = steps.size();
    }
    for (const JobId job : jobs_) {
      ASSERT_OK((*store)->GetJob(job).status());
    }
    CheckNews(**store, points);
  }

  // What is new since the last look comes after it, and nothing comes twice.
  void CheckNews(Store& store, const std::map<std::string, std::uint64_t>& points) {
    const auto news = store.PointsSince({kCrashAttempt.job}, sequence_, 100'000'000);
    ASSERT_OK(news.status());
    for (const PointBatch::Columns& column : news->columns) {
      for (const std::uint64_t step : column.steps) {
        ASSERT_EQ(step, ++seen_[column.series]);
      }
    }
    for (const auto& [series, n] : points) {
      EXPECT_EQ(seen_[series], n);
    }
    EXPECT_GE(news->sequence, sequence_);
    sequence_ = news->sequence;
  }

  ScratchFolder folder_;
  std::map<int, std::uint64_t> last_step_;
  std::set<JobId> jobs_;
  std::uint64_t acknowledged_ = 0;  // calls that appended points
  std::uint64_t sequence_ = 0;
  std::map<std::string, std::uint64_t> seen_;
};

TEST_F(KillTest, NothingAcknowledgedIsLost) {
  {
    const auto store = Store::Open(folder_.path());
    ASSERT_OK(store.status());
    ASSERT_OK((*store)->CreateJobs({}, {MakeJob("curves")}).status());
    ASSERT_OK((*store)->LeaseNext({}, {"w"}).status());
  }
  Rng rng(1, "test/kill");
  const Rounds rounds(300, 5'000);
  int kill = 0;
  for (; rounds.More(kill) && !HasFailure(); ++kill) {
    SCOPED_TRACE(fmt::format("kill {}", kill));
    ASSERT_NO_FATAL_FAILURE(RunAndKill(rng.Next64(), 1 + rng.Below(150)));
    ASSERT_NO_FATAL_FAILURE(Check());
  }
  RecordReliability(1, fmt::format("{} kills, {} batches acknowledged: 0 lost, 0 twice, 0 gaps", kill, acknowledged_));
}

}  // namespace
}  // namespace normlab::store
