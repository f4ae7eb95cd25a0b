#include "workers/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/memory_file.h"
#include "tests/reliability.h"
#include "tests/workers/toy_experiment.h"

namespace normlab::workers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;

constexpr std::chrono::hours kNever{1000};

RunResult RunToy(ToyOptions toy, RunHost& host, std::optional<std::string> checkpoint = std::nullopt,
                 RunnerOptions options = {.checkpoint_interval = kNever}) {
  return RunExperiment(PrepareToy(toy), checkpoint ? std::make_shared<MemoryFile>(*checkpoint) : nullptr, host,
                       options);
}

TEST(RunnerTest, RunsToTheEndWithCurveWeightsAndFingerprint) {
  KeepingHost host;
  const RunResult result = RunToy({}, host);
  EXPECT_EQ(result.end, RunEnd::kSucceeded);
  EXPECT_EQ(result.steps_done, 20);
  EXPECT_EQ(result.fingerprint.size(), 64);
  EXPECT_EQ(host.points.size(), 20 + 1 + 4);
  EXPECT_THAT(host.artifacts, ElementsAre(Key("weights.safetensors")));
  EXPECT_THAT(host.checkpoints, ElementsAre(Key(20)));
}

TEST(RunnerTest, ResumedAtAnyStepGivesTheBitsOfAnUninterruptedRun) {
  KeepingHost whole;
  const RunResult expected = RunToy({}, whole);
  for (std::uint64_t at = 0; at <= 20; ++at) {
    KeepingHost first;
    first.order = Order::kYield;
    first.order_at = at;
    const RunResult left = RunToy({}, first);
    EXPECT_EQ(left.end, at < 20 ? RunEnd::kYielded : RunEnd::kSucceeded);
    KeepingHost second;
    const RunResult result = RunToy({}, second, first.checkpoints.at(at));
    EXPECT_EQ(result.fingerprint, expected.fingerprint) << "resumed at step " << at;
    EXPECT_EQ(second.artifacts, whole.artifacts);
    first.points.merge(second.points);
    EXPECT_EQ(first.points, whole.points);
    EXPECT_TRUE(second.points.empty()) << "points before the checkpoint were measured again";
  }
}

TEST(RunnerTest, InterruptedAtEveryStepGivesTheSameBits) {
  KeepingHost whole;
  const RunResult expected = RunToy({}, whole);
  std::optional<std::string> checkpoint;
  for (std::uint64_t at = 1; at < 20; ++at) {
    KeepingHost host;
    host.order = Order::kYield;
    host.order_at = at;
    RunToy({}, host, checkpoint);
    checkpoint = host.checkpoints.at(at);
  }
  KeepingHost last;
  EXPECT_EQ(RunToy({}, last, checkpoint).fingerprint, expected.fingerprint);
}

TEST(RunnerTest, CheckpointTimesDoNotChangeABit) {
  KeepingHost rare;
  KeepingHost always;
  KeepingHost clogged;
  clogged.can_take = false;
  const std::string expected = RunToy({}, rare).fingerprint;
  EXPECT_EQ(RunToy({}, always, std::nullopt, {.checkpoint_interval = std::chrono::milliseconds(0)}).fingerprint,
            expected);
  EXPECT_EQ(RunToy({}, clogged, std::nullopt, {.checkpoint_interval = std::chrono::milliseconds(0)}).fingerprint,
            expected);
  EXPECT_EQ(always.checkpoints.size(), 20);
  EXPECT_EQ(clogged.checkpoints.size(), 1) << "the last one waits for room, the ones on the way are left out";
}

TEST(RunnerTest, CheckpointsFallDueByTheClock) {
  KeepingHost host;
  std::chrono::steady_clock::time_point now{};
  RunnerOptions options{.checkpoint_interval = std::chrono::seconds(30),
                        .now = [&] { return now += std::chrono::seconds(5); }};
  RunToy({}, host, std::nullopt, options);
  // The clock is read once a step, and once more when a checkpoint is taken.
  EXPECT_THAT(host.checkpoints, ElementsAre(Key(6), Key(12), Key(18), Key(20)));
}

TEST(RunnerTest, StopCheckpointsAndIsCancelled) {
  KeepingHost host;
  host.order = Order::kStop;
  host.order_at = 7;
  const RunResult result = RunToy({}, host);
  EXPECT_EQ(result.end, RunEnd::kCancelled);
  EXPECT_EQ(result.steps_done, 7);
  EXPECT_THAT(host.checkpoints, ElementsAre(Key(7)));
  EXPECT_TRUE(host.artifacts.empty());
}

TEST(RunnerTest, DropWritesNothingMore) {
  KeepingHost host;
  host.order = Order::kDrop;
  host.order_at = 3;
  EXPECT_EQ(RunToy({}, host).end, RunEnd::kDropped);
  EXPECT_TRUE(host.checkpoints.empty());
}

TEST(RunnerTest, DivergenceNamesSeriesAndStep) {
  KeepingHost host;
  const RunResult result = RunToy({.diverges_at = 11}, host);
  EXPECT_EQ(result.end, RunEnd::kDiverged);
  EXPECT_EQ(result.error, "train/loss became nan at step 12");
  EXPECT_EQ(result.steps_done, 12);
  EXPECT_TRUE(std::isnan(host.points.at({"train/loss", 12})));
}

TEST(RunnerTest, AnExceptionBecomesAFailureWithItsText) {
  KeepingHost host;
  const RunResult result = RunToy({.throws_at = 4}, host);
  EXPECT_EQ(result.end, RunEnd::kFailed);
  EXPECT_EQ(result.error, "linear2: shapes [3 x 4] and [5 x 6] do not fit");
  EXPECT_EQ(result.steps_done, 4);
}

TEST(RunnerTest, AllocationsThatFailSayWhatToDo) {
  KeepingHost host;
  const RunResult result = RunToy({.before_step =
                                       [](std::uint64_t step) {
                                         if (step == 2) {
                                           throw std::bad_alloc();
                                         }
                                       }},
                                  host);
  EXPECT_EQ(result.end, RunEnd::kFailed);
  EXPECT_THAT(result.error, HasSubstr("out of memory after 2 steps"));
  EXPECT_THAT(result.error, HasSubstr("--slots"));
  RecordReliability(41, "memory that is not there fails the job with what to do");
}

TEST(RunnerTest, ACheckpointThatIsLostCostsNothingButWeightsDo) {
  KeepingHost host;
  host.checkpoint_loss = absl::ResourceExhaustedError("No space left on device");
  EXPECT_EQ(RunToy({}, host).end, RunEnd::kSucceeded);
  host.artifact_loss = host.checkpoint_loss;
  const RunResult result = RunToy({}, host);
  EXPECT_EQ(result.end, RunEnd::kFailed);
  EXPECT_THAT(result.error, HasSubstr("the weights could not be kept: No space left on device"));
}

TEST(RunnerTest, AnExperimentThatCannotBeMadeFailsWithItsReason) {
  KeepingHost host;
  const RunResult result = RunExperiment(
      []() -> absl::StatusOr<PreparedRun> { return absl::NotFoundError("no data; run: normlab data fetch mnist"); },
      nullptr, host, {});
  EXPECT_EQ(result.end, RunEnd::kFailed);
  EXPECT_EQ(result.error, "no data; run: normlab data fetch mnist");
}

TEST(RunnerTest, ADamagedCheckpointIsLeftAndTheRunStartsAfresh) {
  KeepingHost whole;
  const std::string expected = RunToy({}, whole).fingerprint;
  std::string damaged = whole.checkpoints.at(20);
  damaged.resize(damaged.size() - 1);
  KeepingHost host;
  EXPECT_EQ(RunToy({}, host, damaged).fingerprint, expected);
  EXPECT_EQ(host.points, whole.points);
}

TEST(RunnerTest, ACheckpointOfAnotherInstructionSetIsLeftAndTheRunStartsAfresh) {
  KeepingHost whole;
  const std::string expected = RunToy({}, whole).fingerprint;
  KeepingHost host;
  const auto prepare = []() -> absl::StatusOr<PreparedRun> {
    RunLabel label = ToyLabel();
    label.computed_by.arithmetic = "AVX2/libm.1";
    return PreparedRun{std::make_unique<ToyExperiment>(ToyOptions{}), label};
  };
  EXPECT_EQ(RunExperiment(prepare, std::make_shared<MemoryFile>(whole.checkpoints.at(20)), host, {}).fingerprint,
            expected);
  EXPECT_EQ(host.points, whole.points) << "from step 0 on";
}

TEST(RunnerTest, ACheckpointOfAnotherRunFailsTheJob) {
  KeepingHost other;
  RunToy({}, other);
  KeepingHost host;
  const auto prepare = []() -> absl::StatusOr<PreparedRun> {
    RunLabel label = ToyLabel();
    label.identity = "cd34";
    return PreparedRun{std::make_unique<ToyExperiment>(ToyOptions{}), label};
  };
  const RunResult result = RunExperiment(prepare, std::make_shared<MemoryFile>(other.checkpoints.at(20)), host, {});
  EXPECT_EQ(result.end, RunEnd::kFailed);
  EXPECT_THAT(result.error, HasSubstr("identity ab12; this run is toy seed 1 identity cd34"));
}

// Records one step twice.
class RepeatingExperiment : public ToyExperiment {
 public:
  using ToyExperiment::ToyExperiment;
  StepResult Step(std::uint64_t step, Recorder& recorder) override {
    recorder.Point("train/loss", step / 2, 1.0);
    return StepResult::kContinue;
  }
};

TEST(RunnerTest, StepsThatDoNotRiseFailTheJob) {
  KeepingHost host;
  const auto prepare = []() -> absl::StatusOr<PreparedRun> {
    return PreparedRun{std::make_unique<RepeatingExperiment>(ToyOptions{}), ToyLabel()};
  };
  const RunResult result = RunExperiment(prepare, nullptr, host, {});
  EXPECT_EQ(result.end, RunEnd::kFailed);
  EXPECT_THAT(result.error, HasSubstr("train/loss: point at step 0 after one at step 0"));
}

TEST(FingerprintTest, OneBitOfAnyWeightChangesIt) {
  float values[6] = {0, 1, 2, 3, 4, 5};
  const std::vector<NamedTensor> weights = {{"a", {2, 2}, values}, {"b", {2}, values + 4}};
  const std::string expected = Fingerprint(weights, {});
  for (float& value : values) {
    const float before = value;
    value = std::nextafter(value, 9.0F);
    EXPECT_NE(Fingerprint(weights, {}), expected);
    value = before;
  }
  EXPECT_EQ(Fingerprint(weights, {}), expected);
  EXPECT_NE(Fingerprint({{"a", {4}, values}, {"b", {2}, values + 4}}, {}), expected) << "another shape";
  EXPECT_NE(Fingerprint({{"c", {2, 2}, values}, {"b", {2}, values + 4}}, {}), expected) << "another name";
}

TEST(FingerprintTest, OneBitOfAnyPointChangesIt) {
  const auto of = [](const std::vector<std::tuple<const char*, std::uint64_t, double>>& points) {
    CurveChains curve;
    for (const auto& [series, step, value] : points) {
      curve.Add(series, step, value);
    }
    return Fingerprint({}, curve);
  };
  const std::string expected = of({{"a", 1, 0.5}, {"a", 2, 0.25}, {"b", 1, 0.0}});
  EXPECT_EQ(of({{"b", 1, 0.0}, {"a", 1, 0.5}, {"a", 2, 0.25}}), expected) << "series may be recorded in any order";
  EXPECT_NE(of({{"a", 1, std::nextafter(0.5, 1)}, {"a", 2, 0.25}, {"b", 1, 0.0}}), expected);
  EXPECT_NE(of({{"a", 1, 0.5}, {"a", 2, 0.25}, {"b", 1, -0.0}}), expected);
  EXPECT_NE(of({{"a", 1, 0.5}, {"a", 3, 0.25}, {"b", 1, 0.0}}), expected);
  EXPECT_NE(of({{"a", 1, 0.5}, {"a", 2, 0.25}, {"c", 1, 0.0}}), expected);
  EXPECT_NE(of({{"a", 1, 0.5}, {"b", 1, 0.0}}), expected);
  EXPECT_NE(of({{"a", 1, 0.5}, {"a", 2, 0.25}, {"b", 1, 0.0}, {"b", 2, 0.0}}), expected);
}

}  // namespace
}  // namespace normlab::workers
