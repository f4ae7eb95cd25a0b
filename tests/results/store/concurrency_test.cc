// Readers beside writers: each read sees one state of the store, and states only move forward.
#include <atomic>
#include <thread>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using ConcurrencyTest = StoreTest;

TEST_F(ConcurrencyTest, ReadersSeeGrowingPrefixes) {
  constexpr int kWriters = 3;
  constexpr std::uint64_t kSteps = 6'000;
  std::vector<AttemptId> attempts;
  for (int w = 0; w < kWriters; ++w) {
    attempts.push_back(CreateAndLease(fmt::format("job{}", w)));
  }
  std::atomic<int> writing = kWriters;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      for (std::uint64_t step = 1; step <= kSteps; step += 100) {
        EXPECT_OK(store_->AppendPoints(attempts[w], {Ramp("a", step, 100), Ramp("b", step, 100)}).status());
      }
      EXPECT_OK(FinishAs(attempts[w], JobState::kSucceeded).status());
      --writing;
    });
  }
  for (int r = 0; r < 4; ++r) {
    threads.emplace_back([&, r] {
      const AttemptId attempt = attempts[r % kWriters];
      std::size_t before = 0;
      std::uint64_t sequence = 0;
      std::uint64_t followed = 0;
      for (bool last = false; !last;) {
        last = writing == 0;
        const auto curve = store_->ReadCurve(attempt.job, "a", {});
        const std::size_t n = curve.ok() ? curve->steps.size() : 0;
        ASSERT_GE(n, before);
        ASSERT_EQ(n % 100, 0u) << "half a call was seen";
        if (n > 0) {
          ASSERT_EQ(curve->steps.back(), n);
        }
        before = n;
        const auto news = store_->PointsSince({attempt.job}, sequence, 1'000'000);
        ASSERT_OK(news.status());
        for (const auto& column : news->columns) {
          if (column.series == "a") {
            ASSERT_EQ(column.steps.front(), followed + 1);
            followed = column.steps.back();
          }
        }
        sequence = news->sequence;
        EXPECT_EQ(store_->ListJobs({}, std::nullopt, 10)->jobs.size(), static_cast<std::size_t>(kWriters));
      }
      EXPECT_EQ(before, kSteps);
      EXPECT_EQ(followed, kSteps);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(ConcurrencyTest, OneRequestFromManyThreadsMakesOneJob) {
  std::vector<std::thread> threads;
  std::atomic<int> made = 0;
  std::atomic<JobId> sum = 0;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      NewJob job = MakeJob("same");
      job.rerun = true;
      const auto created = store_->CreateJobs({"one", "h"}, {job});
      ASSERT_OK(created.status());
      sum += created->front().job.id;
      ++made;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(made, 16);
  EXPECT_EQ(sum, 16);
  EXPECT_EQ(store_->ListJobs({}, std::nullopt, 100)->jobs.size(), 1u);
}

TEST_F(ConcurrencyTest, ManyWorkersNeverShareAJob) {
  std::vector<NewJob> jobs;
  for (int i = 0; i < 200; ++i) {
    jobs.push_back(MakeJob(fmt::format("job{}", i)));
  }
  ASSERT_OK(store_->CreateJobs({}, jobs).status());
  std::vector<std::vector<JobId>> leased(8);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < leased.size(); ++t) {
    threads.emplace_back([&, t] {
      for (auto lease = store_->LeaseNext({}, {"w"});
           lease.ok() && lease->has_value() && leased[t].size() <= jobs.size(); lease = store_->LeaseNext({}, {"w"})) {
        leased[t].push_back((*lease)->job.id);
      }
    });
  }
  std::vector<JobId> all;
  for (std::size_t t = 0; t < leased.size(); ++t) {
    threads[t].join();
    all.insert(all.end(), leased[t].begin(), leased[t].end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all.size(), 200u);
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

}  // namespace
}  // namespace normlab::store
