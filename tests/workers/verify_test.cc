// A stored job against its repetition: equal, and every way in which it can differ.
#include "workers/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "proto/spec.h"
#include "tests/memory_file.h"
#include "tests/workers/toy_experiment.h"

namespace normlab::workers {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kCheckpoint = 13;  // of 20 updates

// Keeps what a run produces, as a server would.
class Keeper : public RunHost {
 public:
  explicit Keeper(StoredResult& stored) : stored_(stored) {}
  Order NextOrder() override { return Order::kGoOn; }
  void Progress(std::uint64_t, std::uint64_t) override {}
  bool CanTakeCheckpoint() override { return true; }
  absl::Status Checkpoint(std::uint64_t step, const FileWriter& write) override {
    if (step == kCheckpoint) {
      stored_.checkpoint = std::make_shared<MemoryFile>(Written(write));
    }
    return absl::OkStatus();
  }
  void Point(std::string_view series, std::uint64_t step, double value) override {
    for (auto& column : stored_.curve) {
      if (column.series() == series) {
        column.add_steps(step);
        column.add_values(value);
        return;
      }
    }
    stored_.curve.emplace_back().set_series(std::string(series));
    Point(series, step, value);
  }
  absl::Status Artifact(std::string_view, std::string_view, std::uint64_t, const FileWriter& write) override {
    stored_.weights = std::make_shared<MemoryFile>(Written(write));
    return absl::OkStatus();
  }

 private:
  StoredResult& stored_;
};

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    options_.spool_directory = testing::TempDir();
    options_.arithmetic = "AVX3/libm.1";
    options_.make_experiment = [this](const v1::JobSpec&, const ExperimentContext& context) {
      (*context.facts)["data.mnist"] = data_;
      return std::make_unique<ToyExperiment>(toy_);
    };
    std::vector<FieldViolation> violations;
    v1::JobSpec spec;
    spec.mutable_mnist_mlp();
    *stored_.job.mutable_spec() = ResolveSpec(spec, violations);
    stored_.job.set_job_id("j17");
    const Revisions revisions = RevisionsOf(stored_.job.spec());
    std::map<std::string, std::string> facts = {{"data.mnist", data_},
                                                {"arithmetic", options_.arithmetic},
                                                {"numerics_revision", std::to_string(revisions.numerics)},
                                                {"model_revision", std::to_string(revisions.model)}};
    stored_.job.mutable_facts()->insert(facts.begin(), facts.end());
  }

  void Store() {
    Keeper keeper(stored_);
    const RunResult result = RunExperiment(
        [this] {
          return PreparedRun{std::make_unique<ToyExperiment>(toy_),
                             {"mnist_mlp",
                              Identity(stored_.job.spec(), data_),
                              stored_.job.spec().seed(),
                              {RevisionsOf(stored_.job.spec()), options_.arithmetic}}};
        },
        nullptr, keeper, {.checkpoint_interval = {}});
    if (!from_checkpoint_) {
      stored_.checkpoint.reset();
    }
    stored_.job.set_state(result.end == RunEnd::kDiverged ? v1::JOB_STATE_DIVERGED : v1::JOB_STATE_SUCCEEDED);
    stored_.job.set_fingerprint(result.fingerprint);
  }

  std::string Difference() {
    const auto report = VerifyJob(stored_, options_);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? report->difference : "";
  }

  bool from_checkpoint_ = false;
  std::string data_ = "abcd";
  ToyOptions toy_;
  StoredResult stored_;
  VerifyOptions options_;
};

TEST_F(VerifyTest, AJobOfAnotherRevisionOrInstructionSetIsNotHeldAgainstBits) {
  Store();
  stored_.curve[0].set_values(0, 0.25);  // would differ
  for (const auto& [fact, value] : std::map<std::string, std::string>{
           {"arithmetic", "AVX2/libm.1"}, {"numerics_revision", "77"}, {"model_revision", "78"}}) {
    const StoredResult here = stored_;
    (*stored_.job.mutable_facts())[fact] = value;
    const absl::Status status = VerifyJob(stored_, options_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(Message(status), HasSubstr("j17 was computed with " + fact + " " + value + ", here it is"));
    stored_.job.mutable_facts()->erase(fact);
    EXPECT_THAT(Message(VerifyJob(stored_, options_).status()), HasSubstr(fact + " unknown, here it is"));
    stored_ = here;
  }
}

TEST_F(VerifyTest, TheSameBits) {
  Store();
  const auto report = VerifyJob(stored_, options_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->difference, "");
  EXPECT_EQ(report->weights, 7u);
  std::uint64_t points = 0;
  for (const auto& column : stored_.curve) {
    points += static_cast<std::uint64_t>(column.steps_size());
  }
  EXPECT_EQ(report->points, points);
}

TEST_F(VerifyTest, ADivergedRunDivergesAgain) {
  toy_.diverges_at = 3;
  Store();
  ASSERT_EQ(stored_.job.state(), v1::JOB_STATE_DIVERGED);
  EXPECT_EQ(Difference(), "");
  toy_.diverges_at.reset();
  EXPECT_THAT(Difference(), HasSubstr("train/loss at step 4: stored is nan"));
}

TEST_F(VerifyTest, TheLastBitOfAPoint) {
  Store();
  const double value = stored_.curve[1].values(6);
  stored_.curve[1].set_values(6, std::nextafter(value, 1e9));
  EXPECT_THAT(Difference(), HasSubstr("train/loss at step 7: stored is"));
}

TEST_F(VerifyTest, PointsThatAreMissingOrTooMany) {
  Store();
  stored_.curve[1].mutable_steps()->RemoveLast();
  stored_.curve[1].mutable_values()->RemoveLast();
  EXPECT_THAT(Difference(), HasSubstr("nothing is stored"));
  stored_.curve.clear();
  Store();
  stored_.curve[0].add_steps(1000);
  stored_.curve[0].add_values(1);
  EXPECT_THAT(Difference(), HasSubstr("test/error at step"));
  stored_.curve.clear();
  stored_.curve.emplace_back().set_series("other");
  EXPECT_THAT(Difference(), HasSubstr("test/error at step 0: nothing is stored"));
}

// From update 13 on: seven updates are repeated, what was before is held against the checkpoint's hash.
TEST_F(VerifyTest, FromACheckpoint) {
  from_checkpoint_ = true;
  Store();
  ASSERT_TRUE(stored_.checkpoint);
  std::uint64_t first_repeated = 20;
  options_.progress = [&](std::uint64_t done, std::uint64_t) { first_repeated = std::min(first_repeated, done); };
  const auto report = VerifyJob(stored_, options_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->difference, "");
  EXPECT_EQ(report->points, 20u + 5u) << "a loss an update, an error at the start and every fifth";
  EXPECT_EQ(first_repeated, kCheckpoint);

  stored_.curve[1].set_values(16, stored_.curve[1].values(16) + 1);
  EXPECT_THAT(Difference(), HasSubstr("train/loss at step 17: stored is"));
}

TEST_F(VerifyTest, PointsBeforeACheckpointAreHeldAgainstItsHash) {
  from_checkpoint_ = true;
  Store();
  const StoredResult whole = stored_;
  const double value = stored_.curve[1].values(3);
  stored_.curve[1].set_values(3, std::nextafter(value, 1e9));
  EXPECT_THAT(Difference(), HasSubstr("train/loss: the 13 stored points up to step 13 are not the 13"));
  stored_ = whole;
  stored_.curve.erase(stored_.curve.begin());
  EXPECT_THAT(Difference(), HasSubstr("test/error: the 0 stored points up to step 10 are not the 3"));
  stored_ = whole;
  std::string half(stored_.checkpoint->size() / 2, '\0');
  ASSERT_TRUE(stored_.checkpoint->Read(0, half).ok());
  stored_.checkpoint = std::make_shared<MemoryFile>(half);
  EXPECT_EQ(VerifyJob(stored_, options_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(VerifyTest, TheLastBitOfAWeight) {
  Store();
  std::string bytes(stored_.weights->size(), '\0');
  ASSERT_TRUE(stored_.weights->Read(0, bytes).ok());
  bytes.back() ^= 1;
  stored_.weights = std::make_shared<MemoryFile>(bytes);
  EXPECT_THAT(Difference(), HasSubstr("weights: linear.bias at index 0"));
}

TEST_F(VerifyTest, OtherDataAndUnfinishedJobsAreRefused) {
  Store();
  data_ = "ef01";
  EXPECT_THAT(std::string(VerifyJob(stored_, options_).status().message()), HasSubstr("fed mnist with sha256 abcd"));
  data_ = "abcd";
  stored_.job.set_state(v1::JOB_STATE_FAILED);
  EXPECT_EQ(VerifyJob(stored_, options_).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace normlab::workers
