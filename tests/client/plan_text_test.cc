#include "client/commands/plan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normlab::client {
namespace {

using testing::HasSubstr;

class PlanTest : public testing::Test {
 protected:
  v1::PlannedRun& Add(const std::string& arm, double core_seconds) {
    v1::PlannedRun& run = *plan_.add_runs();
    run.set_item_id("mnist");
    run.set_arm(arm);
    run.set_core_seconds(core_seconds);
    return run;
  }
  static void Store(v1::PlannedRun& run, v1::JobState state, std::uint64_t done, double cpu_seconds) {
    run.mutable_job()->set_state(state);
    run.mutable_job()->set_steps_done(done);
    run.mutable_job()->set_steps_total(100);
    run.mutable_job()->set_cpu_seconds(cpu_seconds);
  }
  v1::PlanReproductionResponse plan_;
};

TEST_F(PlanTest, TheManifestSaysWhatNothingMeasured) {
  Add("layer", 100);
  Add("layer", 100);
  Add("batch", 50);
  const PlanEstimate estimate = EstimatePlan(plan_);
  EXPECT_EQ(estimate.core_seconds, 250);
  EXPECT_EQ(estimate.Seconds(2), 125);
  EXPECT_EQ(estimate.Seconds(16), 100) << "no run is cut in two";
  EXPECT_EQ(estimate.measured, 0);
  EXPECT_THAT(RenderPlan(plan_, 2, false),
              HasSubstr("About 2m05s with 2 at a time, as the manifest says of its author's machine."));
}

// The first seed took 3 s of every 10 steps, another is half done: of the manifest's number nothing is left.
TEST_F(PlanTest, RunsOfTheSameArmMeasureIt) {
  Store(Add("layer", 100), v1::JOB_STATE_SUCCEEDED, 100, 30);
  Store(Add("layer", 100), v1::JOB_STATE_RUNNING, 50, 15);
  Add("layer", 100);
  PlanEstimate estimate = EstimatePlan(plan_);
  EXPECT_DOUBLE_EQ(estimate.core_seconds, 15 + 30);
  EXPECT_EQ(estimate.runs, 2);
  EXPECT_EQ(estimate.measured, 2);
  EXPECT_THAT(RenderPlan(plan_, 1, false), HasSubstr("About 45s with 1 at a time, as measured here."));

  Add("batch", 100);
  estimate = EstimatePlan(plan_);
  EXPECT_DOUBLE_EQ(estimate.core_seconds, 145);
  EXPECT_THAT(RenderPlan(plan_, 1, false), HasSubstr("as measured here, and where nothing was, as the manifest says."));
}

TEST_F(PlanTest, WhatNobodyKnowsIsSaid) {
  Add("layer", 0);
  EXPECT_THAT(RenderPlan(plan_, 1, false), HasSubstr("How long they take is not known yet."));
  EXPECT_FALSE(PlanJson(plan_, 1).contains("seconds"));
  Add("batch", 10);
  EXPECT_THAT(RenderPlan(plan_, 1, false),
              HasSubstr("manifest says of its author's machine; 1 of 2 runs are not counted."));
  EXPECT_EQ(PlanJson(plan_, 1)["seconds"], 10);
}

TEST_F(PlanTest, ACancelledRunIsToBeRunAgain) {
  Store(Add("layer", 100), v1::JOB_STATE_CANCELLED, 50, 15);
  const PlanEstimate estimate = EstimatePlan(plan_);
  EXPECT_DOUBLE_EQ(estimate.core_seconds, 30) << "whole, at the rate it had";
  EXPECT_THAT(PlanJson(plan_, 1).dump(), HasSubstr("\"CANCELLED\""));
}

TEST_F(PlanTest, NothingIsLeft) {
  Store(Add("layer", 100), v1::JOB_STATE_SUCCEEDED, 100, 30);
  EXPECT_THAT(RenderPlan(plan_, 1, false), HasSubstr("Every run is stored."));
  EXPECT_EQ(PlanJson(plan_, 1)["seconds"], 0);
}

}  // namespace
}  // namespace normlab::client
