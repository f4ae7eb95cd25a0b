#include "data/text/length_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace normlab::data {
namespace {

using Batches = std::vector<std::vector<std::uint32_t>>;

// 40 examples of length 5, 7 of 2 and 1 of 9, mixed.
std::vector<std::uint32_t> Lengths() {
  std::vector<std::uint32_t> lengths(48, 5);
  for (const std::size_t i : {0, 5, 11, 20, 21, 30, 47}) {
    lengths[i] = 2;
  }
  lengths[33] = 9;
  return lengths;
}

Batches PassOf(EqualLengthOrder& order, std::uint64_t pass) {
  Batches batches;
  for (std::uint64_t i = 0; i < order.UpdatesPerPass(); ++i) {
    const auto batch = order.Batch(pass * order.UpdatesPerPass() + i);
    batches.emplace_back(batch.begin(), batch.end());
  }
  return batches;
}

TEST(EqualLengthOrder, EachBatchIsOfOneLengthAndEachExampleIsUsedOnce) {
  const std::vector<std::uint32_t> lengths = Lengths();
  EqualLengthOrder order(3, lengths, 6);
  ASSERT_EQ(order.UpdatesPerPass(), 7u + 2 + 1);
  EXPECT_EQ(order.LargestBatch(), 6);
  for (const std::uint64_t pass : {0, 1, 2}) {
    std::vector<std::uint32_t> used;
    for (const auto& batch : PassOf(order, pass)) {
      ASSERT_FALSE(batch.empty());
      EXPECT_LE(batch.size(), 6u);
      for (const std::uint32_t example : batch) {
        EXPECT_EQ(lengths[example], lengths[batch.front()]);
        used.push_back(example);
      }
    }
    std::sort(used.begin(), used.end());
    for (std::uint32_t i = 0; i < used.size(); ++i) {
      ASSERT_EQ(used[i], i);
    }
    EXPECT_EQ(used.size(), lengths.size());
  }
}

TEST(EqualLengthOrder, LengthsTakeTurnsUntilTheyHaveNoBatchLeft) {
  const std::vector<std::uint32_t> lengths = Lengths();
  EqualLengthOrder order(3, lengths, 6);
  std::vector<std::uint32_t> turns;
  for (const auto& batch : PassOf(order, 0)) {
    turns.push_back(lengths[batch.front()]);
  }
  EXPECT_EQ(std::set<std::uint32_t>(turns.begin(), turns.begin() + 3), (std::set<std::uint32_t>{2, 5, 9}));
  EXPECT_EQ(std::set<std::uint32_t>(turns.begin() + 3, turns.begin() + 5), (std::set<std::uint32_t>{2, 5}));
  EXPECT_EQ(std::count(turns.begin() + 5, turns.end(), 5u), 5);
}

TEST(EqualLengthOrder, IsAFunctionOfSeedAndPassAlone) {
  const std::vector<std::uint32_t> lengths = Lengths();
  EqualLengthOrder through(3, lengths, 6), jumping(3, lengths, 6), other(4, lengths, 6);
  const Batches first = PassOf(through, 0), second = PassOf(through, 1);
  EXPECT_NE(first, second);
  EXPECT_EQ(PassOf(jumping, 1), second);
  EXPECT_EQ(PassOf(jumping, 0), first);
  EXPECT_NE(PassOf(other, 0), first);
  EqualLengthOrder resumed(3, lengths, 6);
  const auto batch = resumed.Batch(17);
  EXPECT_EQ(std::vector<std::uint32_t>(batch.begin(), batch.end()), second[7]);
}

TEST(EqualLengthOrder, BatchesMayBeLargerThanAllExamples) {
  const std::vector<std::uint32_t> lengths = {1, 1, 1};
  EqualLengthOrder order(0, lengths, 64);
  EXPECT_EQ(order.UpdatesPerPass(), 1u);
  EXPECT_EQ(order.LargestBatch(), 3);
  EXPECT_EQ(order.Batch(5).size(), 3u);
}

}  // namespace
}  // namespace normlab::data
