#include "nn/optim/schedule.h"

#include <gtest/gtest.h>

#include <iterator>
#include <string>

#include "nn/error.h"
#include "tests/nn/optim/reference_numbers.h"

namespace normlab::nn {
namespace {

struct Case {
  const char* name;
  Schedule schedule;
};

std::vector<Case> cases() {
  return {{"warmup_constant", {.warmup = 4}},
          {"cosine", {.kind = ScheduleKind::kCosine, .total = 10, .floor = 0.1}},
          {"warmup_cosine", {.kind = ScheduleKind::kCosine, .warmup = 4, .total = 12, .floor = 0.1}},
          {"inverse_square_root", {.kind = ScheduleKind::kInverseSquareRoot, .warmup = 4}},
          {"step_every", {.kind = ScheduleKind::kStep, .step_factor = 0.3, .step_every = 5}},
          {"milestones", {.kind = ScheduleKind::kStep, .step_factor = 0.3, .milestones = {3, 4, 11}}}};
}

TEST(Schedules, GivePyTorchsRates) {
  const std::vector<Case> known = cases();
  ASSERT_EQ(known.size(), std::size(reference::kSchedules));
  for (std::size_t c = 0; c < known.size(); ++c) {
    SCOPED_TRACE(known[c].name);
    ASSERT_STREQ(known[c].name, reference::kSchedules[c].name);
    EXPECT_NO_THROW(require_valid(known[c].schedule));
    for (std::uint64_t update = 0; update < std::size(reference::kSchedules[c].values); ++update) {
      EXPECT_NEAR(0.5 * schedule_factor(known[c].schedule, update), reference::kSchedules[c].values[update], 1e-14)
          << "update " << update;
    }
  }
}

TEST(Schedules, WithoutOneTheRateIsExactlyTheSame) {
  for (const std::uint64_t update : {std::uint64_t{0}, std::uint64_t{1} << 40}) {
    EXPECT_EQ(schedule_factor({}, update), 1.0);
  }
}

TEST(Schedules, AWarmUpEndsAtTheFullRate) {
  for (Case c : cases()) {
    c.schedule.warmup = 3;
    EXPECT_EQ(schedule_factor(c.schedule, 2), 1.0) << c.name;
    EXPECT_DOUBLE_EQ(schedule_factor(c.schedule, 0), 1.0 / 3.0) << c.name;
  }
}

TEST(Schedules, TheInverseRootNeedsNoWarmUp) {
  EXPECT_EQ(schedule_factor({.kind = ScheduleKind::kInverseSquareRoot}, 0), 1.0);
  EXPECT_EQ(schedule_factor({.kind = ScheduleKind::kInverseSquareRoot}, 3), 0.5);
}

TEST(Schedules, OnesThatMeanNothingAreRefused) {
  const auto expect_error = [](const Schedule& schedule, const std::string& part) {
    try {
      require_valid(schedule);
      ADD_FAILURE() << "no error with " << part;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  expect_error({.kind = ScheduleKind::kCosine}, "at update 0");
  expect_error({.kind = ScheduleKind::kCosine, .warmup = 10, .total = 10}, "10 updates of warm-up");
  expect_error({.kind = ScheduleKind::kCosine, .total = 10, .floor = 1.5}, "cosine to 1.5");
  expect_error({.kind = ScheduleKind::kStep}, "every 0 updates");
  expect_error({.kind = ScheduleKind::kStep, .step_every = 5, .milestones = {5}}, "at [5]");
  expect_error({.kind = ScheduleKind::kStep, .milestones = {5, 3}}, "at [5, 3]");
  expect_error({.kind = ScheduleKind::kStep, .step_factor = 0.0, .step_every = 5}, "factor 0");
}

}  // namespace
}  // namespace normlab::nn
