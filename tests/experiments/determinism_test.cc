// Same job, same bits: for any number of threads, and for a run resumed at any update.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/parallel.h"
#include "base/rng.h"
#include "experiments/mnist_mlp/mnist_training.h"
#include "testing.h"

namespace normlab {
namespace {

constexpr std::uint64_t kSeed = 5;

std::unique_ptr<Experiment> Make(const v1::MnistMlpConfig& config) {
  auto made = MakeMnistMlp(config, kSeed, SyntheticData(600, 300));
  EXPECT_TRUE(made.ok()) << made.status();
  return std::move(made).value();
}

v1::MnistMlpConfig Config(v1::NormKind norm) {
  v1::MnistMlpConfig config = DefaultConfig();
  config.set_norm(norm);
  config.set_train_images(600);
  config.set_test_images(300);
  return config;
}

class AllNormalisers : public testing::TestWithParam<v1::NormKind> {};

// The paper's width and batch, so that every operation is large enough to be cut for several threads.
TEST_P(AllNormalisers, ThreadsDoNotChangeABit) {
  std::vector<std::string> hashes;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    v1::MnistMlpConfig config = Config(GetParam());
    config.set_passes(1);
    config.set_batch_norm_statistics(v1::BATCH_STATISTICS_POPULATION);  // needs the most reductions
    const std::unique_ptr<Experiment> experiment = Make(config);
    MemoryRecorder recorder;
    experiment->Begin(recorder);
    for (std::uint64_t step = 0; step < experiment->TotalSteps(); ++step) {
      experiment->Step(step, recorder);
    }
    hashes.push_back(StateSha256(*experiment) + PointsSha256(recorder));
    EXPECT_EQ(recorder.Values("test/error").size(), 2u);
  }
  SetThreads(1);
  EXPECT_THAT(hashes, testing::Each(hashes[0]));
}

// A small network, two passes of 19 updates; the run is broken off at five random updates and at the edges of a pass.
TEST_P(AllNormalisers, ResumedRunsAreBitIdentical) {
  v1::MnistMlpConfig config = Config(GetParam());
  config.set_hidden_units(40);
  config.set_batch_size(32);
  config.set_passes(2);
  const std::unique_ptr<Experiment> straight = Make(config);
  MemoryRecorder whole;
  const std::uint64_t total = straight->TotalSteps();
  ASSERT_EQ(total, 38u);
  for (std::uint64_t step = 0; step < total; ++step) {
    straight->Step(step, whole);
  }
  Rng rng(1, "resume", static_cast<std::uint64_t>(GetParam()));
  std::vector<std::uint64_t> breaks = {1, 19, total - 1};
  for (int i = 0; i < 5; ++i) {
    breaks.push_back(1 + rng.Below(total - 1));
  }
  for (const std::uint64_t at : breaks) {
    MemoryRecorder pieces;
    const std::unique_ptr<Experiment> first = Make(config);
    for (std::uint64_t step = 0; step < at; ++step) {
      first->Step(step, pieces);
    }
    const std::unique_ptr<Experiment> second = Make(config);
    CopyState(*first, *second);
    second->Restored(at);
    for (std::uint64_t step = at; step < total; ++step) {
      second->Step(step, pieces);
    }
    EXPECT_EQ(StateSha256(*second), StateSha256(*straight)) << "broken off after update " << at;
    EXPECT_EQ(PointsSha256(pieces), PointsSha256(whole)) << "broken off after update " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Experiments, AllNormalisers,
                         testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_BATCH, v1::NORM_KIND_LAYER,
                                         v1::NORM_KIND_WEIGHT, v1::NORM_KIND_RMS),
                         [](const auto& info) { return v1::NormKind_Name(info.param); });

class AllOptimizers : public testing::TestWithParam<v1::OptimizerKind> {};

TEST_P(AllOptimizers, ResumeBitIdentically) {
  v1::MnistMlpConfig config = Config(v1::NORM_KIND_LAYER);
  config.set_hidden_units(40);
  config.set_passes(2);
  config.mutable_optimization()->set_optimizer(GetParam());
  const std::unique_ptr<Experiment> straight = Make(config);
  const std::unique_ptr<Experiment> first = Make(config);
  const std::unique_ptr<Experiment> second = Make(config);
  MemoryRecorder whole, pieces;
  for (std::uint64_t step = 0; step < 10; ++step) {
    straight->Step(step, whole);
  }
  for (std::uint64_t step = 0; step < 7; ++step) {
    first->Step(step, pieces);
  }
  CopyState(*first, *second);
  second->Restored(7);
  for (std::uint64_t step = 7; step < 10; ++step) {
    second->Step(step, pieces);
  }
  EXPECT_EQ(StateSha256(*second), StateSha256(*straight));
  EXPECT_EQ(PointsSha256(pieces), PointsSha256(whole));
}

INSTANTIATE_TEST_SUITE_P(Experiments, AllOptimizers,
                         testing::Values(v1::OPTIMIZER_KIND_ADAM, v1::OPTIMIZER_KIND_ADAMW, v1::OPTIMIZER_KIND_RMSPROP,
                                         v1::OPTIMIZER_KIND_RMSPROP_GRAVES, v1::OPTIMIZER_KIND_SGD),
                         [](const auto& info) { return v1::OptimizerKind_Name(info.param); });

}  // namespace
}  // namespace normlab
