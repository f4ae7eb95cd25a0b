#include "base/parallel.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/base/thread_counter.h"

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

// Short loops one after the other, of more and of fewer pieces than threads: those that come late must find no piece of
// a loop that is over, and none twice.
TEST_P(ParallelFor, RunsEveryPieceOnceInLoopAfterLoop) {
  constexpr int kLoops = 20000, kMost = 17;
  std::array<std::atomic<int>, kMost> visits{};
  for (int loop = 0; loop < kLoops; ++loop) {
    const int pieces = loop % (kMost + 1);
    std::atomic<int> done{0};
    parallel_for(
        pieces,
        [&](std::ptrdiff_t piece) {
          ++visits[static_cast<std::size_t>(piece)];
          ++done;
        },
        loop % 2 == 0 ? Order::kForward : Order::kBackward);
    ASSERT_EQ(done, pieces) << "loop " << loop;
  }
  for (int piece = 0; piece < kMost; ++piece) {
    int loops = 0;
    for (int loop = 0; loop < kLoops; ++loop) {
      loops += loop % (kMost + 1) > piece ? 1 : 0;
    }
    EXPECT_EQ(visits[static_cast<std::size_t>(piece)], loops) << "piece " << piece;
  }
}

// The first pieces take longest, so that threads which are done take from the first one's share.
TEST_P(ParallelFor, ThreadsHaveNumbersOfTheirOwn) {
  std::array<std::atomic<bool>, kMaxThreads> busy{};
  std::atomic<int> shared{0};
  for (int loop = 0; loop < 200; ++loop) {
    parallel_ranges(100, 3, [&](std::ptrdiff_t begin, std::ptrdiff_t, int thread) {
      ASSERT_LT(thread, GetParam());
      std::atomic<bool>& mine = busy[static_cast<std::size_t>(thread)];
      shared += mine.exchange(true) ? 1 : 0;
      std::atomic<std::ptrdiff_t> work{50 * (100 - begin)};
      while (work.fetch_sub(1) > 0) {
      }
      mine = false;
    });
  }
  EXPECT_EQ(shared, 0);
}

TEST_P(ParallelFor, OneThreadGoesThroughItsPiecesInTheOrderAskedFor) {
  SetThreads(1);
  std::vector<std::ptrdiff_t> seen;
  parallel_for(
      3, [&](std::ptrdiff_t piece) { seen.push_back(piece); }, Order::kBackward);
  parallel_for(3, [&](std::ptrdiff_t piece) { seen.push_back(piece); });
  EXPECT_EQ(seen, (std::vector<std::ptrdiff_t>{2, 1, 0, 0, 1, 2}));
}

TEST_P(ParallelFor, AnotherThreadsLoopsRunBesideThis) {
  const auto count = [threads = GetParam()](std::atomic<int>& visits) {
    SetThreads(threads);
    for (int loop = 0; loop < 500; ++loop) {
      parallel_for(7, [&](std::ptrdiff_t) { ++visits; });
    }
  };
  std::atomic<int> theirs{0}, ours{0};
  std::jthread other([&] { count(theirs); });
  count(ours);
  other.join();
  EXPECT_EQ(ours, 3500);
  EXPECT_EQ(theirs, 3500);
}

std::mutex callers_mutex;
std::multiset<std::thread::id> callers;

TEST_P(ParallelFor, EachThreadIsReachedOnce) {
  callers.clear();
  on_each_thread([] {
    const std::lock_guard lock(callers_mutex);
    callers.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(callers.size(), static_cast<std::size_t>(GetParam()));
  EXPECT_EQ(std::set(callers.begin(), callers.end()).size(), callers.size());
  EXPECT_TRUE(callers.contains(std::this_thread::get_id()));
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelFor, testing::Values(1, 2, 3, 8));

TEST(ThreadCounter, Counts) {
  if (!kCountsThreads) {
    GTEST_SKIP() << "a sanitizer owns pthread_create; build the release or dev preset to count threads";
  }
  const long before = ThreadsStarted();
  std::jthread([] {});
  EXPECT_EQ(ThreadsStarted() - before, 1);
}

// The team lives as long as the process, whatever the number of pieces, and whatever is asked for in between.
TEST(Team, StartsItsThreadsOnce) {
  SetThreads(8);
  const long before = ThreadsStarted();
  for (const int threads : {8, 3, 5, 1, 2, 8}) {
    SetThreads(threads);
    for (int pieces = 0; pieces < 20; ++pieces) {
      parallel_for(pieces, [](std::ptrdiff_t) {});
    }
    on_each_thread([] {});
  }
  SetThreads(1);
  EXPECT_EQ(ThreadsStarted() - before, 0);
}

TEST(Team, HasOneThreadAtLeast) {
  SetThreads(0);
  EXPECT_EQ(Threads(), 1);
}

}  // namespace
}  // namespace normlab
