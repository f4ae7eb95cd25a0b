// Lists in other orders than by age, and their pages.
#include <cmath>
#include <map>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::ElementsAre;
using By = JobOrder::By;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class OrderTest : public StoreTest {
 protected:
  // A running job with a curve of these values.
  AttemptId CreateWith(const std::string& identity, const std::vector<double>& values) {
    const AttemptId attempt = CreateAndLease(identity);
    std::vector<std::uint64_t> steps;
    for (std::size_t i = 0; i < values.size(); ++i) {
      steps.push_back(i + 1);
    }
    EXPECT_OK(store_->AppendPoints(attempt, {Column("test/error", steps, values)}).status());
    return attempt;
  }
  // All ids, page by page.
  std::vector<JobId> List(const JobOrder& order, int page_size = 2, const JobFilter& filter = {}) {
    std::vector<JobId> ids;
    std::optional<JobPlace> after;
    do {
      const auto page = store_->ListOrdered(filter, order, after, page_size);
      EXPECT_OK(page.status());
      EXPECT_EQ(page->values.size(), page->jobs.size());
      EXPECT_LE(page->jobs.size(), static_cast<std::size_t>(page_size));
      for (const Job& job : page->jobs) {
        ids.push_back(job.id);
      }
      after = page->next;
    } while (after.has_value() && ids.size() < 1000);
    return ids;
  }
};

TEST_F(OrderTest, ByTheBestTheWorstAndTheLastOfACurve) {
  CreateWith("a", {0.5, 0.1, 0.3});
  CreateWith("b", {0.4, 0.2, 0.2});
  Create("none");
  CreateWith("c", {kNan, 0.3, kInfinity});
  CreateWith("d", {kNan});
  const auto of = [](By by, bool descending = false) {
    return JobOrder{.by = by, .series = "test/error", .descending = descending};
  };
  // j3 waited, so its lease came to "c".
  const auto first = store_->ListOrdered({}, of(By::kLowest), std::nullopt, 10);
  ASSERT_OK(first.status());
  EXPECT_EQ(first->values.at(0), 0.1);
  EXPECT_TRUE(std::isnan(first->values.at(4)));
  EXPECT_THAT(List(of(By::kLowest)), ElementsAre(1, 2, 3, 5, 4));
  EXPECT_THAT(List(of(By::kLowest, true)), ElementsAre(3, 2, 1, 5, 4)) << "without a value: last either way";
  EXPECT_THAT(List(of(By::kHighest, true)), ElementsAre(1, 2, 3, 5, 4));
  EXPECT_THAT(List(of(By::kLast)), ElementsAre(2, 1, 3, 5, 4));
  EXPECT_THAT(List(of(By::kLast, true)), ElementsAre(3, 1, 2, 5, 4));
}

TEST_F(OrderTest, EqualValuesAreOrderedByAgeAndEachJobIsOnOnePage) {
  for (int i = 0; i < 20; ++i) {
    CreateWith(std::to_string(i), {i % 2 == 0 ? 0.5 : -0.0});
  }
  for (const int page_size : {1, 2, 3, 7, 20, 100}) {
    const std::vector<JobId> ids = List({.by = By::kLowest, .series = "test/error"}, page_size);
    ASSERT_EQ(ids.size(), 20u);
    EXPECT_THAT(std::vector<JobId>(ids.begin(), ids.begin() + 3), ElementsAre(20, 18, 16));
    EXPECT_THAT(std::vector<JobId>(ids.begin() + 10, ids.begin() + 13), ElementsAre(19, 17, 15));
  }
}

TEST_F(OrderTest, ByColumns) {
  Create("a", 3);
  Create("b", 7);
  Create("c", 3);
  now_ms_ = 5'000;
  const AttemptId urgent = LeaseOne();
  EXPECT_THAT(List({.by = By::kCreated}), ElementsAre(3, 2, 1)) << "all at once: newest first";
  EXPECT_THAT(List({.by = By::kPriority}), ElementsAre(3, 1, 2));
  EXPECT_THAT(List({.by = By::kPriority, .descending = true}), ElementsAre(2, 3, 1));
  EXPECT_THAT(List({.by = By::kStarted}), ElementsAre(2, 3, 1)) << "those that have not started come last";
  now_ms_ = 6'000;
  const AttemptId next = LeaseOne();
  EXPECT_THAT(List({.by = By::kStarted, .descending = true}), ElementsAre(1, 2, 3));
  ASSERT_OK(FinishAs(next, JobState::kSucceeded).status());
  now_ms_ = 7'000;
  ASSERT_OK(FinishAs(urgent, JobState::kSucceeded).status());
  EXPECT_THAT(List({.by = By::kFinished}), ElementsAre(1, 2, 3));
}

TEST_F(OrderTest, FiltersHold) {
  for (const char* name : {"a", "b", "c", "d"}) {
    NewJob job = MakeJob(name);
    job.experiment = name == std::string("d") ? "draw" : "mnist_mlp";
    job.labels = {{"who", name == std::string("a") ? "ana" : "bob"}, {"all", "yes"}};
    ASSERT_OK(store_->CreateJobs({}, {job}).status());
  }
  ASSERT_OK(store_->Cancel({}, 2).status());
  const JobOrder order{.by = By::kCreated};
  EXPECT_THAT(List(order, 2, OfExperiment("draw")), ElementsAre(4));
  EXPECT_THAT(List(order, 2, OfStates({JobState::kQueued})), ElementsAre(4, 3, 1));
  EXPECT_THAT(List(order, 2, OfLabels({{"who", "bob"}, {"all", "yes"}})), ElementsAre(4, 3, 2));
  EXPECT_THAT(List(order, 2, OfLabels({{"who", "bob"}, {"all", "no"}})), ElementsAre());
  EXPECT_THAT(List(order, 2, OfIds({1, 4, 9})), ElementsAre(4, 1));
}

// The value is that of the points which count: a job that starts again from step 0, one that is resumed from a checkpoint and so
// takes over only some points, one that repeats points.
TEST_F(OrderTest, ValuesAreExactAcrossRewindsAndNewAttempts) {
  const AttemptId first = CreateWith("a", {0.9, 0.1, 0.8});
  const JobOrder best{.by = By::kLowest, .series = "test/error"};
  ASSERT_OK(PutCheckpoint(first, 1, "weights"));
  ASSERT_OK(store_->Release(first, "worker died"));
  const AttemptId second = LeaseOne();
  ASSERT_OK(store_->AppendPoints(second, {Column("test/error", {2, 3, 4}, {0.1, 0.8, 0.7})}).status());
  EXPECT_EQ(store_->ListOrdered({}, best, std::nullopt, 1)->values.at(0), 0.1);
  EXPECT_EQ(store_->ListOrdered({}, {.by = By::kLast, .series = "test/error"}, std::nullopt, 1)->values.at(0), 0.7);
  ASSERT_OK(store_->Cancel({}, 1).status());
  FinishInfo stopped;
  stopped.state = JobState::kCancelled;
  ASSERT_OK(store_->Finish(second, stopped).status());
  const auto resumed = store_->ResumeAsNew({}, 1);
  ASSERT_OK(resumed.status());
  EXPECT_EQ(store_->ListOrdered(OfIds({resumed->id}), best, std::nullopt, 1)->values.at(0), 0.9)
      << "it has the point of step 1 alone";
  const AttemptId third = LeaseOne();
  ASSERT_OK(store_->StartAttempt(third, {"a", {{"arithmetic", "another"}}}).status());
  EXPECT_TRUE(std::isnan(store_->ListOrdered(OfIds({third.job}), best, std::nullopt, 1)->values.at(0)));
}

}  // namespace
}  // namespace normlab::store
