// Power cuts: with synchronous=FULL nothing that was acknowledged is lost; with NORMAL, the control, something is.
#include <map>
#include <mutex>
#include <thread>

#include "base/rng.h"
#include "tests/reliability.h"
#include "tests/results/store/fake_disk.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

double ValueAt(int thread, std::uint64_t step) { return static_cast<double>(step) * 1000 + thread; }

// What the store has acknowledged.
struct Acknowledged {
  std::mutex mutex;
  std::map<int, std::uint64_t> last_step;  // of each producer
  std::vector<std::pair<JobId, std::string>> jobs;
};

class PowerCutTest : public testing::Test {
 protected:
  static constexpr int kProducers = 3;

  // Opens a store on the fake disk and works until the power goes. What failed then was not acknowledged.
  void WorkUntilTheCut(const std::string& directory, bool sync, Rng& rng, Acknowledged& acknowledged) {
    disk_.Reset();
    disk_.CutAt(1 + rng.Below(150));
    const auto opened = OpenStore(directory, {}, {.vfs = FakeDisk::kName, .sync = sync, .checkpoint_pages = 20});
    if (!opened.ok()) {
      return;
    }
    Store& store = **opened;
    AttemptId attempt{1, 1};
    if (store.GetJob(1).status().code() == absl::StatusCode::kNotFound) {
      if (!store.CreateJobs({}, {MakeJob("curves", 100)}).ok()) {
        return;
      }
    }
    if (store.GetJob(1)->state == JobState::kQueued && !store.LeaseNext({}, {"w"}).ok()) {
      return;
    }
    std::vector<std::thread> threads;
    for (int t = 0; t < kProducers; ++t) {
      threads.emplace_back(
          [&, t, seed = rng.Next64()] { Produce(store, attempt, t, Rng(seed, "producer"), acknowledged); });
    }
    for (std::uint64_t n = 0; !disk_.cut(); ++n) {
      const std::string identity = fmt::format("{}-{}", rng.Next64(), n);
      const auto created = store.CreateJobs({identity, "h"}, {MakeJob(identity)});
      if (created.ok()) {
        const std::lock_guard lock(acknowledged.mutex);
        acknowledged.jobs.emplace_back(created->front().job.id, identity);
      }
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

  void Produce(Store& store, AttemptId attempt, int t, Rng rng, Acknowledged& acknowledged) {
    const std::string series = fmt::format("series{}", t);
    const auto all = store.ListSeries(attempt.job);
    std::uint64_t next = 1;
    for (const SeriesInfo& info : *all) {
      next = info.name == series ? info.last_step + 1 : next;
    }
    while (!disk_.cut()) {
      PointColumns column;
      column.series = series;
      for (std::uint64_t n = 1 + rng.Below(rng.Below(6) == 0 ? 600 : 20); n > 0; --n, ++next) {
        column.steps.push_back(next);
        column.values.push_back(ValueAt(t, next));
        column.wall_ms.push_back(0);
      }
      if (!store.AppendPoints(attempt, {column}).ok()) {
        return;
      }
      const std::lock_guard lock(acknowledged.mutex);
      acknowledged.last_step[t] = next - 1;
    }
  }

  // Opens the image as a restarted server would. Whether everything acknowledged is there; everything that is there
  // must be whole in any case.
  bool Check(const std::string& directory, Acknowledged& acknowledged) {
    bool complete = true;
    const auto opened = Store::Open(directory);
    EXPECT_OK(opened.status());
    if (!opened.ok()) {
      return false;
    }
    const auto db = Connection::Open(directory + "/normlab.db", {.read_only = true, .vfs = {}});
    Query integrity = (*db)->Ask("PRAGMA integrity_check");
    EXPECT_TRUE(integrity.Next());
    EXPECT_EQ(integrity.Text(0), "ok");
    for (int t = 0; t < kProducers; ++t) {
      const auto curve = (*opened)->ReadCurve(1, fmt::format("series{}", t), {});
      const std::vector<std::uint64_t> steps = curve.ok() ? curve->steps : std::vector<std::uint64_t>();
      for (std::size_t i = 0; i < steps.size(); ++i) {
        EXPECT_EQ(steps[i], i + 1);
        EXPECT_EQ(curve->values[i], ValueAt(t, i + 1));
      }
      complete = complete && steps.size() >= acknowledged.last_step[t];
      acknowledged.last_step[t] = steps.size();
    }
    for (const auto& [id, identity] : acknowledged.jobs) {
      const auto job = (*opened)->GetJob(id);
      complete = complete && job.ok() && job->identity == identity;
    }
    acknowledged.jobs.clear();
    return complete;
  }

  struct Outcome {
    int cuts = 0;
    int losses = 0;  // of something acknowledged
  };
  Outcome CutThePower(bool sync, const Rounds& rounds, std::uint64_t seed) {
    Rng rng(seed, "test/power_cut");
    auto folder = std::make_unique<ScratchFolder>();
    Acknowledged acknowledged;
    Outcome outcome;
    for (int cut = 0; rounds.More(cut) && !HasFailure(); ++cut) {
      SCOPED_TRACE(fmt::format("seed {}, cut {}", seed, cut));
      if (cut % 30 == 0) {
        folder = std::make_unique<ScratchFolder>();  // a new store, so that its making is cut as well
        acknowledged.last_step.clear();
        acknowledged.jobs.clear();
      }
      WorkUntilTheCut(folder->path(), sync, rng, acknowledged);
      auto image = std::make_unique<ScratchFolder>();
      disk_.WriteImage(image->path(), rng);
      folder = std::move(image);
      // Sometimes the power goes again while the store recovers, before anyone has looked.
      if (rng.Below(4) != 0) {
        outcome.losses += Check(folder->path(), acknowledged) ? 0 : 1;
      }
      ++outcome.cuts;
    }
    return outcome;
  }

  FakeDisk disk_;
};

TEST_F(PowerCutTest, NothingAcknowledgedIsLost) {
  const Outcome outcome = CutThePower(/*sync=*/true, Rounds(2'000, 100'000), 1);
  EXPECT_EQ(outcome.losses, 0);
  RecordReliability(2,
                    fmt::format("{} cuts: {} lost something acknowledged, none damaged", outcome.cuts, outcome.losses));
}

// Proves that the cuts bite: without a sync for each commit the same test finds losses, and still nothing broken.
TEST_F(PowerCutTest, ControlWithoutSyncLosesAcknowledgedData) {
  const Outcome outcome = CutThePower(/*sync=*/false, Rounds(60, 60), 2);
  EXPECT_GT(outcome.losses, 0);
  RecordReliability(2, fmt::format("without syncs {} of {} lost something", outcome.losses, outcome.cuts));
}

}  // namespace
}  // namespace normlab::store
