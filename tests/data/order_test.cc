#include "data/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace normlab::data {
namespace {

using testing::ElementsAre;

std::vector<std::uint32_t> Copy(std::span<const std::uint32_t> batch) { return {batch.begin(), batch.end()}; }

std::vector<std::uint32_t> Pass(BatchOrder& order, std::uint64_t pass) {
  std::vector<std::uint32_t> all;
  for (std::uint64_t i = 0; i < order.UpdatesPerPass(); ++i) {
    const auto batch = order.Batch(pass * order.UpdatesPerPass() + i);
    all.insert(all.end(), batch.begin(), batch.end());
  }
  return all;
}

TEST(ShuffledOrder, PaperSizes) {
  EXPECT_EQ(ShuffledOrder(1, 55000, 128).UpdatesPerPass(), 430u);
  EXPECT_EQ(ShuffledOrder(1, 55000, 4).UpdatesPerPass(), 13750u);
  EXPECT_EQ(ShuffledOrder(1, 55000, 128).Batch(429).size(), 88u);
}

TEST(ShuffledOrder, EveryPassUsesEveryExampleOnce) {
  for (const std::int64_t batch_size : {1, 2, 3, 7, 10, 99, 100}) {
    ShuffledOrder order(3, 100, batch_size);
    for (std::uint64_t pass = 0; pass < 3; ++pass) {
      std::vector<std::uint32_t> all = Pass(order, pass);
      std::sort(all.begin(), all.end());
      std::vector<std::uint32_t> expected(100);
      std::iota(expected.begin(), expected.end(), 0u);
      EXPECT_EQ(all, expected) << "batch size " << batch_size << ", pass " << pass;
    }
  }
}

TEST(ShuffledOrder, PassesAndSeedsDiffer) {
  ShuffledOrder order(3, 100, 10);
  const std::vector<std::uint32_t> first = Pass(order, 0);
  EXPECT_NE(first, Pass(order, 1));
  ShuffledOrder other(4, 100, 10);
  EXPECT_NE(first, Pass(other, 0));
}

TEST(ShuffledOrder, AnyStepAloneIsTheStepOfAnUninterruptedRun) {
  ShuffledOrder straight(5, 103, 10);
  for (std::uint64_t step = 0; step < 3 * straight.UpdatesPerPass(); ++step) {
    ShuffledOrder resumed(5, 103, 10);
    EXPECT_EQ(Copy(straight.Batch(step)), Copy(resumed.Batch(step))) << "step " << step;
  }
}

TEST(ShuffledOrder, ALastBatchOfOneJoinsTheOneBefore) {
  ShuffledOrder order(1, 101, 10);
  EXPECT_EQ(order.UpdatesPerPass(), 10u);
  EXPECT_EQ(order.LargestBatch(), 11);
  EXPECT_EQ(order.Batch(8).size(), 10u);
  EXPECT_EQ(order.Batch(9).size(), 11u);
  EXPECT_EQ(order.Batch(10).size(), 10u);
  for (const std::int64_t examples : {2, 3, 5, 9, 11, 55, 301}) {
    for (std::int64_t batch_size = 2; batch_size <= examples; ++batch_size) {
      ShuffledOrder any(1, examples, batch_size);
      for (std::uint64_t step = 0; step < any.UpdatesPerPass(); ++step) {
        const auto size = static_cast<std::int64_t>(any.Batch(step).size());
        ASSERT_TRUE(size >= 2 && size <= any.LargestBatch()) << examples << " by " << batch_size;
      }
    }
  }
}

TEST(ShuffledOrder, BatchSizeOneAndASingleExampleWork) {
  ShuffledOrder ones(1, 3, 1);
  EXPECT_EQ(ones.UpdatesPerPass(), 3u);
  EXPECT_EQ(ones.LargestBatch(), 1);
  ShuffledOrder single(1, 1, 1);
  EXPECT_THAT(Copy(single.Batch(5)), ElementsAre(0));
}

TEST(ShuffledOrder, DropsWhatFillsNoBatchWhereThatIsAsked) {
  ShuffledOrder order(1, 101, 10, LastBatch::kDropped);
  EXPECT_EQ(order.UpdatesPerPass(), 10u);
  EXPECT_EQ(order.LargestBatch(), 10);
  for (std::uint64_t step = 0; step < 30; ++step) {
    EXPECT_EQ(order.Batch(step).size(), 10u);
  }
  EXPECT_EQ(ShuffledOrder(1, 19, 10, LastBatch::kDropped).UpdatesPerPass(), 1u);
  EXPECT_EQ(ShuffledOrder(1, 10, 10, LastBatch::kDropped).UpdatesPerPass(), 1u);
}

// --- File order ---

TEST(FileOrder, GoesThroughTheExamplesAgainAndAgain) {
  FileOrder order(8, 3);
  EXPECT_EQ(order.UpdatesPerPass(), 2u);
  EXPECT_EQ(order.LargestBatch(), 3);
  EXPECT_THAT(Copy(order.Batch(0)), ElementsAre(0, 1, 2));
  EXPECT_THAT(Copy(order.Batch(3)), ElementsAre(3, 4, 5));
  EXPECT_THAT(Copy(order.Batch(4)), ElementsAre(0, 1, 2));
  EXPECT_THAT(Pass(order, 7), ElementsAre(0, 1, 2, 3, 4, 5));
}

}  // namespace
}  // namespace normlab::data
