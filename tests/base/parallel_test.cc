#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace normlab {
namespace {

class ParallelFor : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { SetThreads(GetParam()); }
  void TearDown() override { SetThreads(1); }
};

TEST_P(ParallelFor, VisitsEveryIndexOnce) {
  std::vector<std::atomic<int>> visits(1003);
  parallel_ranges(1003, 10, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin; i < end; ++i) {
      ++visits[i];
    }
  });
  for (const auto& v : visits) {
    EXPECT_EQ(v, 1);
  }
}

TEST_P(ParallelFor, RethrowsAPiecesExceptionAfterTheJoin) {
  std::atomic<int> done{0};
  EXPECT_THROW(parallel_for(8,
                            [&](std::ptrdiff_t piece) {
                              if (piece == 3) {
                                throw std::runtime_error("piece 3");
                              }
                              ++done;
                            }),
               std::runtime_error);
  EXPECT_GE(done, GetParam() == 1 ? 3 : 0);
}

TEST_P(ParallelFor, RunsInlineWhenNested) {
  std::atomic<int> inner{0};
  parallel_for(4, [&](std::ptrdiff_t) { parallel_for(5, [&](std::ptrdiff_t) { ++inner; }); });
  EXPECT_EQ(inner, 20);
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelFor, testing::Values(1, 2, 3));

}  // namespace
}  // namespace normlab
