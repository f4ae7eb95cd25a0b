#include "workers/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/memory_file.h"
#include "tests/workers/toy_experiment.h"

namespace normlab::workers {
namespace {

using testing::HasSubstr;

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    KeepingHost host;
    for (std::uint64_t step = 0; step < 5; ++step) {
      experiment_.Step(step, recorder_);
    }
  }

  struct ChainRecorder : Recorder {
    void Point(std::string_view series, std::uint64_t step, double value) override { curve.Add(series, step, value); }
    void Artifact(std::string_view, std::string_view, std::uint64_t, std::string) override {}
    CurveChains curve;
  };

  // A checkpoint whose metadata `key` was changed to `value`.
  std::string With(const std::string& key, const std::string& value) {
    TextMap metadata = ReadSafetensors(MemoryFile(Good()))->metadata;
    metadata[key] = value;
    return Written([&](const ByteSink& sink) { return WriteSafetensors(experiment_.State(), metadata, sink); });
  }
  std::string Good() { return Of(recorder_.curve, experiment_); }
  static std::string Of(const CurveChains& curve, Experiment& experiment) {
    return Written([&](const ByteSink& sink) { return WriteCheckpoint(ToyLabel(), 5, curve, experiment, sink); });
  }

  ToyExperiment experiment_{ToyOptions{}};
  ChainRecorder recorder_;
};

TEST_F(CheckpointTest, RestoresStateStepAndCurve) {
  ToyExperiment other{ToyOptions{}};
  const auto resumed = RestoreCheckpoint(MemoryFile(Good()), ToyLabel(), other);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->steps_done, 5);
  EXPECT_EQ(resumed->curve.series(), recorder_.curve.series());
  EXPECT_EQ(Of(resumed->curve, other), Good());
}

TEST_F(CheckpointTest, RefusesWhatBelongsToAnotherRun) {
  ToyExperiment other{ToyOptions{}};
  const auto error = [&](const std::string& file) {
    const absl::Status status = RestoreCheckpoint(MemoryFile(file), ToyLabel(), other).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    return Message(status);
  };
  EXPECT_THAT(error(With("identity", "zz")), HasSubstr("identity zz"));
  EXPECT_THAT(error(With("seed", "2")), HasSubstr("seed 2"));
  EXPECT_THAT(error(With("experiment", "draw")), HasSubstr("belongs to draw"));
  EXPECT_THAT(error(With("format", "normlab-checkpoint-1")), HasSubstr("this worker reads \"normlab-checkpoint-2\""));
  EXPECT_THAT(error(Written([&](const ByteSink& sink) { return WriteWeights(ToyLabel(), 5, experiment_, sink); })),
              HasSubstr("format is \"\""));
}

TEST_F(CheckpointTest, IsNotContinuedByAnotherRevisionOrInstructionSet) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
           {"arithmetic", "AVX2/libm.1"}, {"numerics_revision", "2"}, {"model_revision", "2"}, {"arithmetic", ""}}) {
    ToyExperiment other{ToyOptions{}};
    const std::string untouched = Of({}, other);
    const absl::Status status = RestoreCheckpoint(MemoryFile(With(key, value)), ToyLabel(), other).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
    EXPECT_THAT(Message(status), HasSubstr("here computes numerics revision 1, model revision 1, AVX3/libm.1"));
    EXPECT_EQ(Of({}, other), untouched);
  }
}

TEST_F(CheckpointTest, RefusesDamagedMetadata) {
  ToyExperiment other{ToyOptions{}};
  const auto error = [&](const std::string& file) {
    const absl::Status status = RestoreCheckpoint(MemoryFile(file), ToyLabel(), other).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    return Message(status);
  };
  EXPECT_THAT(error(With("step", "21")), HasSubstr("step is \"21\"; expected a number up to 20"));
  EXPECT_THAT(error(With("step", "-1")), HasSubstr("step is \"-1\""));
  EXPECT_THAT(error(With("step", "")), HasSubstr("step is \"\""));
  EXPECT_THAT(error(With("curve", "[]")), HasSubstr("not a JSON object"));
  EXPECT_THAT(error(With("curve", "{")), HasSubstr("not a JSON object"));
  EXPECT_THAT(error(With("curve", R"({"a":[1,2,"short"]})")), HasSubstr("series \"a\""));
  EXPECT_THAT(error(With("curve", R"({"a":[-1,2,3]})")), HasSubstr("series \"a\""));
  EXPECT_EQ(other.State()[0].data[0], 0.0F) << "nothing was overwritten";
}

}  // namespace
}  // namespace normlab::workers
