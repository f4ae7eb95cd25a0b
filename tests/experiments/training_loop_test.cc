// The training loop with a task that is a table: which examples an update sees, what stops a run, when is evaluated.
#include "experiments/training/training_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "experiments/training/optimization.h"
#include "nn/ops/cross_entropy.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "proto/spec.h"
#include "testing.h"

namespace normlab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// What the task saw and is to do.
struct Script {
  std::vector<std::vector<std::uint32_t>> batches;
  std::vector<nn::RandomKey> keys;
  std::vector<std::uint64_t> evaluated;
  std::vector<float> means;  // of the losses since the last evaluation
  float input = 1.0f;        // of every example from now on
  StepResult evaluation = StepResult::kContinue;
};

class ScriptedTask final : public Task {
 public:
  explicit ScriptedTask(Script& script)
      : script_(script), weight_(nn::Scope(store_).matrix("weight", 3, 1, nn::init::constant(1.0))) {
    nn::Scope(store_).buffer("kept", 1, 0.5f);
  }

  nn::ParameterStore& Parameters() override { return store_; }
  void Begin(Recorder& recorder) override { recorder.Point("data/begun", 0, 1.0); }
  BatchLoss Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) override {
    script_.batches.emplace_back(examples.begin(), examples.end());
    script_.keys.push_back(step.key);
    EXPECT_EQ(step.mode, nn::Mode::kTrain);
    const nn::Var x = tape.input("x", &script_.input, 1, 1);
    const std::int32_t label = 0;
    const nn::Var loss = nn::softmax_cross_entropy(nn::linear(tape.parameter(weight_), x), std::span(&label, 1));
    return {.loss = loss + loss, .weight = static_cast<float>(examples.size()), .units = 10.0f};
  }
  StepResult Evaluate(const Evaluation& moment, Recorder&) override {
    script_.evaluated.push_back(moment.updates);
    script_.means.push_back(moment.train.loss() / moment.train.weight());
    units = moment.train.units();
    updates_per_pass = moment.updates_per_pass;
    return script_.evaluation;
  }
  std::vector<NamedTensor> Constants() override { return {{"constant", {1}, &constant_}}; }

  static inline float units = 0.0f;
  static inline std::uint64_t updates_per_pass = 0;

 private:
  Script& script_;
  nn::ParameterStore store_{1};
  nn::Parameter& weight_;
  float constant_ = 7.0f;
};

v1::OptimizerConfig Optimization(double clip_norm = 0.0) {
  v1::JobSpec spec;
  spec.mutable_mnist_mlp()->mutable_optimization()->set_clip_norm(clip_norm);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).mnist_mlp().optimization();
}

TrainingPlan Plan() { return {.seed = 9, .passes = 2, .running_mean = "since", .running_units = true}; }

// Ten examples in batches of four.
std::unique_ptr<data::BatchOrder> Order() { return std::make_unique<data::ShuffledOrder>(9, 10, 4); }

TrainingLoop Make(Script& script, const TrainingPlan& plan, double clip_norm = 0.0) {
  return TrainingLoop(plan, Optimization(clip_norm), Order(), std::make_unique<ScriptedTask>(script));
}

void Train(TrainingLoop& loop, Recorder& recorder) {
  for (std::uint64_t step = 0; step < loop.TotalSteps(); ++step) {
    EXPECT_EQ(loop.Step(step, recorder), StepResult::kContinue);
  }
}

TEST(TrainingLoop, ShowsEveryExampleOnceAPassAndKeysEachUpdate) {
  Script script;
  TrainingLoop loop = Make(script, Plan());
  MemoryRecorder recorder;
  ASSERT_EQ(loop.TotalSteps(), 6u);
  Train(loop, recorder);
  for (const std::size_t first : {0u, 3u}) {
    std::multiset<std::uint32_t> seen;
    for (std::size_t i = first; i < first + 3; ++i) {
      seen.insert(script.batches[i].begin(), script.batches[i].end());
    }
    EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  }
  EXPECT_EQ(script.keys[4].seed, 9u);
  EXPECT_EQ(script.keys[4].update, 4u);
  EXPECT_THAT(recorder.Steps("train/batch_nll"), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(recorder.Values("train/gradient_norm"), IsEmpty());
}

TEST(TrainingLoop, ShowsTheExamplesOfItsOrder) {
  Script script;
  TrainingLoop loop(Plan(), Optimization(), std::make_unique<data::FileOrder>(10, 4),
                    std::make_unique<ScriptedTask>(script));
  MemoryRecorder recorder;
  ASSERT_EQ(loop.TotalSteps(), 4u);
  Train(loop, recorder);
  EXPECT_THAT(script.batches, ElementsAre(ElementsAre(0, 1, 2, 3), ElementsAre(4, 5, 6, 7), ElementsAre(0, 1, 2, 3),
                                          ElementsAre(4, 5, 6, 7)));
}

TEST(TrainingLoop, EvaluatesAfterEachPassOrIntervalAndTheLastUpdate) {
  Script passes, interval, before;
  MemoryRecorder recorder;
  TrainingLoop a = Make(passes, Plan());
  Train(a, recorder);
  EXPECT_THAT(passes.evaluated, ElementsAre(3, 6));
  EXPECT_EQ(ScriptedTask::updates_per_pass, 3u);
  TrainingPlan plan = Plan();
  plan.updates = 7;
  plan.evaluation_interval = 3;
  TrainingLoop b = Make(interval, plan);
  Train(b, recorder);
  EXPECT_THAT(interval.evaluated, ElementsAre(3, 6, 7));
  plan.evaluate_before = true;
  TrainingLoop c = Make(before, plan);
  c.Begin(recorder);
  EXPECT_THAT(before.evaluated, ElementsAre(0));
  EXPECT_THAT(recorder.Values("data/begun"), ElementsAre(1.0));
}

// Weighted by what each batch's loss is the mean of, and begun again after each evaluation.
TEST(TrainingLoop, GivesTheMeanLossSinceTheLastEvaluation) {
  Script script;
  TrainingLoop loop = Make(script, Plan());
  MemoryRecorder recorder;
  Train(loop, recorder);
  const std::vector<double> loss = recorder.Values("train/batch_nll");
  EXPECT_NEAR(script.means[0], (4 * loss[0] + 4 * loss[1] + 2 * loss[2]) / 10, 1e-6);
  EXPECT_NEAR(script.means[1], (4 * loss[3] + 4 * loss[4] + 2 * loss[5]) / 10, 1e-6);
  EXPECT_EQ(ScriptedTask::units, 30.0f);
  EXPECT_LT(loss.back(), loss.front());
}

TEST(TrainingLoop, ALossThatIsNotFiniteIsRecordedAndEndsTheRun) {
  Script script;
  TrainingLoop loop = Make(script, Plan());
  MemoryRecorder recorder;
  loop.Step(0, recorder);
  const std::string before = StateSha256(loop);
  script.input = kNan;
  EXPECT_EQ(loop.Step(1, recorder), StepResult::kDiverged);
  EXPECT_TRUE(std::isnan(recorder.Values("train/batch_nll")[1]));
  EXPECT_EQ(StateSha256(loop), before);
}

// Of equal logits the loss is finite whatever the input; its gradient is twice two thirds of the input, more than a float holds.
TEST(TrainingLoop, AGradientThatIsNotFiniteEndsTheRunWhereItsNormIsKnown) {
  Script script;
  TrainingPlan plan = Plan();
  plan.record_gradient_norm = true;
  TrainingLoop loop = Make(script, plan);
  std::fill_n(loop.Weights()[0].data, 3, 0.0f);
  script.input = 3e38f;
  MemoryRecorder recorder;
  EXPECT_EQ(loop.Step(0, recorder), StepResult::kDiverged);
  EXPECT_NEAR(recorder.Values("train/batch_nll")[0], 2 * std::log(3.0), 1e-6);
  EXPECT_TRUE(std::isinf(recorder.Values("train/gradient_norm")[0]));
}

TEST(TrainingLoop, AnEvaluationCanEndTheRun) {
  Script script;
  script.evaluation = StepResult::kDiverged;
  TrainingPlan plan = Plan();
  plan.evaluation_interval = 1;
  TrainingLoop loop = Make(script, plan);
  MemoryRecorder recorder;
  EXPECT_EQ(loop.Step(0, recorder), StepResult::kDiverged);
}

TEST(TrainingLoop, ClipsTheGradientsThatItRecords) {
  const auto moved = [](double clip) {
    Script script;
    TrainingPlan plan = Plan();
    plan.record_gradient_norm = true;
    v1::OptimizerConfig optimization = Optimization(clip);
    optimization.set_optimizer(v1::OPTIMIZER_KIND_SGD);
    TrainingLoop loop(plan, optimization, Order(), std::make_unique<ScriptedTask>(script));
    MemoryRecorder recorder;
    loop.Step(0, recorder);
    return std::pair(std::abs(loop.Weights()[0].data[0] - 1.0f), recorder.Values("train/gradient_norm")[0]);
  };
  const auto [free, norm] = moved(0.0);
  const auto [clipped, same_norm] = moved(norm / 4);
  EXPECT_EQ(norm, same_norm);
  EXPECT_NEAR(clipped, free / 4, 1e-7);
}

TEST(TrainingLoop, ListsAllThatChangesAndWhatIsPublished) {
  Script script;
  TrainingLoop loop = Make(script, Plan());
  const auto names = [](const std::vector<NamedTensor>& tensors) {
    std::vector<std::string> all;
    for (const NamedTensor& tensor : tensors) {
      all.push_back(tensor.name);
    }
    return all;
  };
  EXPECT_THAT(names(loop.Weights()), ElementsAre("weight", "constant"));
  EXPECT_THAT(names(loop.State()),
              ElementsAre("weight", "constant", "kept", "adam.m.weight", "adam.v.weight", "since"));
}

// --- The configuration ---

TEST(Optimization, ReadsEveryKindOfIt) {
  v1::OptimizerConfig config = Optimization(2.0);
  config.set_optimizer(v1::OPTIMIZER_KIND_RMSPROP_GRAVES);
  EXPECT_EQ(OptimizerOf(config).kind, nn::OptimizerKind::kRmspropGraves);
  EXPECT_EQ(OptimizerOf(config).eps, 1e-4);
  EXPECT_EQ(OptimizerOf(config).alpha, 0.95);
  config.set_optimizer(v1::OPTIMIZER_KIND_ADAMW);
  config.set_weight_decay(0.1);
  EXPECT_EQ(OptimizerOf(config).kind, nn::OptimizerKind::kAdamW);
  EXPECT_EQ(OptimizerOf(config).eps, 1e-8);
  EXPECT_EQ(OptimizerOf(config).weight_decay, 0.1);
  EXPECT_EQ(ClipOf(config).kind, nn::ClipKind::kGlobalNorm);
  EXPECT_EQ(ClipOf(config).limit, 2.0);
  config.set_clip(v1::CLIP_KIND_TENSOR_NORM);
  EXPECT_EQ(ClipOf(config).kind, nn::ClipKind::kPerTensor);
  config.set_clip_norm(0.0);
  EXPECT_EQ(ClipOf(config).kind, nn::ClipKind::kOff);
}

TEST(Optimization, SchedulesAreOfTheWholeRun) {
  v1::OptimizerConfig config = Optimization();
  config.set_rate_schedule(v1::RATE_SCHEDULE_COSINE);
  config.set_rate_floor(0.25);
  config.set_warmup_updates(10);
  const nn::Schedule cosine = ScheduleOf(config, 110);
  EXPECT_NEAR(nn::schedule_factor(cosine, 4), 0.5, 1e-12);
  EXPECT_NEAR(nn::schedule_factor(cosine, 110), 0.25, 1e-12);
  config.set_rate_schedule(v1::RATE_SCHEDULE_STEP);
  config.set_warmup_updates(0);
  config.set_rate_interval(50);
  config.set_rate_factor(0.5);
  EXPECT_EQ(nn::schedule_factor(ScheduleOf(config, 110), 99), 0.5);
  EXPECT_EQ(nn::schedule_factor(ScheduleOf(config, 110), 100), 0.25);
  config.set_rate_schedule(v1::RATE_SCHEDULE_INVERSE_SQRT);
  EXPECT_NEAR(nn::schedule_factor(ScheduleOf(config, 110), 99), 0.1, 1e-12);
}

}  // namespace
}  // namespace normlab
