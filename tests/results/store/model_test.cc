// The store against a model too simple to be wrong: the same random operations, the same answers.
#include <algorithm>
#include <map>

#include "base/rng.h"
#include "tests/reliability.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

// What the store promises, in maps.
struct ModelJob {
  std::string identity;
  int priority = 0;
  JobState state = JobState::kQueued;
  int attempt = 0;
  std::map<std::string, std::map<std::uint64_t, double>> series;
};

class Model {
 public:
  std::pair<JobId, bool> Create(const std::string& identity, int priority, bool rerun) {
    const JobId best = Best(identity);
    if (!rerun && best != 0) {
      const JobState state = jobs.at(best).state;
      if (state == JobState::kQueued || state == JobState::kRunning || state == JobState::kSucceeded ||
          state == JobState::kDiverged) {
        return {best, true};
      }
    }
    jobs[++last_id] = {identity, priority, JobState::kQueued, 0, {}};
    return {last_id, false};
  }

  JobId Best(const std::string& identity) const {
    const auto rank = [](JobState state) {
      switch (state) {
        case JobState::kSucceeded:
          return 0;
        case JobState::kDiverged:
          return 1;
        case JobState::kRunning:
          return 2;
        case JobState::kQueued:
          return 3;
        default:
          return 4;
      }
    };
    JobId best = 0;
    for (const auto& [id, job] : jobs) {
      if (job.identity == identity && (best == 0 || rank(job.state) <= rank(jobs.at(best).state))) {
        best = id;
      }
    }
    return best;
  }

  JobId Lease() {
    JobId next = 0;
    for (const auto& [id, job] : jobs) {
      if (job.state == JobState::kQueued && (next == 0 || job.priority > jobs.at(next).priority)) {
        next = id;
      }
    }
    if (next != 0) {
      jobs[next].state = JobState::kRunning;
      ++jobs[next].attempt;
    }
    return next;
  }

  bool Current(AttemptId attempt) const {
    const auto it = jobs.find(attempt.job);
    return it != jobs.end() && it->second.attempt == attempt.number &&
           (it->second.state == JobState::kRunning || it->second.state == JobState::kCancelling);
  }

  void Release(AttemptId attempt) {
    if (Current(attempt)) {
      ModelJob& job = jobs[attempt.job];
      job.state = job.state == JobState::kRunning ? JobState::kQueued : JobState::kCancelled;
    }
  }

  void Cancel(JobId id) {
    ModelJob& job = jobs[id];
    if (job.state == JobState::kQueued) {
      job.state = JobState::kCancelled;
    } else if (job.state == JobState::kRunning) {
      job.state = JobState::kCancelling;
    }
  }

  absl::StatusCode Finish(AttemptId attempt, JobState state) {
    if (!Current(attempt)) {
      return absl::StatusCode::kFailedPrecondition;
    }
    ModelJob& job = jobs[attempt.job];
    if (state == JobState::kCancelled && job.state == JobState::kRunning) {
      return absl::StatusCode::kFailedPrecondition;
    }
    job.state = state;
    return absl::StatusCode::kOk;
  }

  absl::StatusCode Append(AttemptId attempt, const PointColumns& column, AppendResult& result) {
    if (!Current(attempt)) {
      return absl::StatusCode::kFailedPrecondition;
    }
    ModelJob& job = jobs[attempt.job];
    std::map<std::uint64_t, double>& stored = job.series[column.series];
    const bool any = !stored.empty();
    const std::uint64_t last = any ? stored.rbegin()->first : 0;
    result = {};
    for (std::size_t i = 0; i < column.steps.size() && any && column.steps[i] <= last; ++i) {
      const auto it = stored.find(column.steps[i]);
      if (it == stored.end()) {
        return absl::StatusCode::kInvalidArgument;
      }
      if (it->second != column.values[i]) {
        job.state = JobState::kFailed;
        return absl::StatusCode::kDataLoss;
      }
      ++result.repeated;
    }
    for (std::size_t i = result.repeated; i < column.steps.size(); ++i) {
      stored[column.steps[i]] = column.values[i];
      ++result.stored;
    }
    return absl::StatusCode::kOk;
  }

  std::map<JobId, ModelJob> jobs;
  JobId last_id = 0;
};

class ModelTest : public StoreTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  ModelTest() : rng_(GetParam(), "test/model") {}

  AttemptId SomeAttempt() {
    if (attempts_.empty()) {
      return {1, 1};
    }
    // Mostly a recent one, sometimes an old one, which is likely to be stale.
    const std::size_t back =
        rng_.Below(rng_.Below(4) == 0 ? attempts_.size() : std::min<std::size_t>(6, attempts_.size()));
    return attempts_[attempts_.size() - 1 - back];
  }

  JobId SomeJob() { return 1 + static_cast<JobId>(rng_.Below(static_cast<std::uint64_t>(model_.last_id))); }

  void CreateSome() {
    NewJob job = MakeJob(fmt::format("i{}", rng_.Below(40)), static_cast<int>(rng_.Below(3)));
    job.rerun = rng_.Below(4) == 0;
    const auto created = store_->CreateJobs({}, {job});
    ASSERT_OK(created.status());
    const auto [id, reused] = model_.Create(job.identity, job.priority, job.rerun);
    EXPECT_EQ(created->front().job.id, id);
    EXPECT_EQ(created->front().reused, reused);
  }

  void LeaseSome() {
    const auto lease = store_->LeaseNext({}, {"w"});
    ASSERT_OK(lease.status());
    const JobId id = model_.Lease();
    ASSERT_EQ(lease->has_value(), id != 0);
    if (id != 0) {
      EXPECT_EQ((*lease)->job.id, id);
      EXPECT_EQ((*lease)->job.attempt, model_.jobs[id].attempt);
      attempts_.push_back({id, (*lease)->job.attempt});
    }
  }

  void AppendSome() {
    const AttemptId attempt = SomeAttempt();
    const std::string series = rng_.Below(2) == 0 ? "loss" : "error";
    const auto& stored = model_.jobs[attempt.job].series[series];
    std::uint64_t step = stored.empty() ? 1 : stored.rbegin()->first + 1;
    const std::uint64_t n = 1 + rng_.Below(rng_.Below(5) == 0 ? 1500 : 40);
    if (rng_.Below(3) == 0) {
      step -= std::min(step - 1, rng_.Below(60));  // an attempt that repeats its predecessor
    } else if (rng_.Below(8) == 0) {
      step += 2;  // leaves a hole, into which a later repetition may fall
    }
    PointColumns column = Ramp(series, step, n);
    if (rng_.Below(40) == 0) {
      column.values[rng_.Below(n)] += 1;  // a program that is not deterministic
    }
    const auto result = store_->AppendPoints(attempt, {column});
    AppendResult expected;
    const absl::StatusCode code = model_.Append(attempt, column, expected);
    ASSERT_THAT(result.status(), HasCode(code));
    if (result.ok()) {
      EXPECT_EQ(result->stored, expected.stored);
      EXPECT_EQ(result->repeated, expected.repeated);
    }
  }

  void FinishSome() {
    const AttemptId attempt = SomeAttempt();
    const JobState states[] = {JobState::kSucceeded, JobState::kFailed, JobState::kCancelled, JobState::kDiverged};
    const JobState state = states[rng_.Below(4)];
    const bool repeated = !model_.Current(attempt) && model_.jobs[attempt.job].attempt == attempt.number &&
                          finished_.contains({attempt.job, state});
    const absl::StatusCode code = FinishAs(attempt, state).status().code();
    if (repeated) {
      EXPECT_EQ(code, absl::StatusCode::kOk);
      return;
    }
    const absl::StatusCode expected = model_.Finish(attempt, state);
    EXPECT_EQ(code, expected);
    if (expected == absl::StatusCode::kOk) {
      finished_[{attempt.job, state}] = true;
    }
  }

  void Step() {
    const std::uint64_t dice = rng_.Below(100);
    if (dice < 15 || model_.last_id == 0) {
      CreateSome();
    } else if (dice < 35) {
      LeaseSome();
    } else if (dice < 75) {
      AppendSome();
    } else if (dice < 83) {
      const AttemptId attempt = SomeAttempt();
      model_.Release(attempt);
      EXPECT_OK(store_->Release(attempt, "test"));
    } else if (dice < 88) {
      const JobId id = SomeJob();
      model_.Cancel(id);
      EXPECT_EQ(store_->Cancel({}, id)->state, model_.jobs[id].state);
    } else if (dice < 97) {
      FinishSome();
    } else {
      Reopen();
    }
  }

  void CompareAll() {
    for (const auto& [id, expected] : model_.jobs) {
      SCOPED_TRACE(fmt::format("job {}", id));
      const auto job = store_->GetJob(id);
      ASSERT_OK(job.status());
      EXPECT_EQ(job->state, expected.state);
      EXPECT_EQ(job->attempt, expected.attempt);
      for (const auto& [name, points] : expected.series) {
        if (points.empty()) {
          continue;
        }
        const auto curve = store_->ReadCurve(id, name, {});
        ASSERT_OK(curve.status());
        std::map<std::uint64_t, double> found;
        for (std::size_t i = 0; i < curve->steps.size(); ++i) {
          found[curve->steps[i]] = curve->values[i];
        }
        EXPECT_EQ(curve->steps.size(), found.size());
        EXPECT_EQ(found, points);
      }
    }
  }

  Rng rng_;
  Model model_;
  std::vector<AttemptId> attempts_;
  std::map<std::pair<JobId, JobState>, bool> finished_;
};

TEST_P(ModelTest, RandomOperationsAgree) {
  const Rounds rounds(700, 12'500);
  int step = 0;
  for (; rounds.More(step); ++step) {
    SCOPED_TRACE(fmt::format("seed {}, operation {}", GetParam(), step));
    Step();
    if (HasFatalFailure() || HasNonfatalFailure()) {
      return;
    }
  }
  CompareAll();
  RecordReliability(44, fmt::format("{} random operations of each of 8 seeds: no disagreement", step));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace normlab::store
