// As many points as there is time for: what one takes on disk, and that pieces and overviews of them are found.
#include <chrono>

#include "base/rng.h"
#include "tests/reliability.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using ManyPointsTest = StoreTest;

double Milliseconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

TEST_F(ManyPointsTest, APointTakesAtMostTenBytesAndPiecesAreFound) {
  constexpr std::uint64_t kAtOnce = 10'000;
  const Rounds rounds(100, 10'000);
  const AttemptId attempt = CreateAndLease("a");
  Rng rng(1, "test/many_points");
  std::uint64_t points = 0;
  for (int done = 0; rounds.More(done); ++done) {
    PointColumns column = Ramp("train/nll", points, kAtOnce);
    for (std::size_t i = 0; i < kAtOnce; ++i) {  // as trainings in single precision measure
      const double noise = 0.1 * rng.Uniform();
      column.values[i] = static_cast<float>(1.0 / (1.0 + 1e-4 * static_cast<double>(points + i)) + noise);
    }
    column.values[kAtOnce / 2] = done == 7 ? 1e6 : column.values[kAtOnce / 2];
    ASSERT_OK(store_->AppendPoints(attempt, {column}).status());
    points += kAtOnce;
  }
  ASSERT_OK(FinishAs(attempt, JobState::kSucceeded).status());
  Reopen();

  CurveRange piece;
  piece.from_step = points / 2;
  piece.to_step = points / 2 + 999;
  CurveRange overview;
  overview.max_points = 1000;
  const auto begin = std::chrono::steady_clock::now();
  const auto found = store_->ReadCurve(attempt.job, "train/nll", piece);
  const auto middle = std::chrono::steady_clock::now();
  const auto whole = store_->ReadCurve(attempt.job, "train/nll", overview);
  const auto end = std::chrono::steady_clock::now();
  ASSERT_OK(found.status());
  ASSERT_EQ(found->steps.size(), 1000u);
  EXPECT_EQ(found->steps.front(), points / 2);
  ASSERT_OK(whole.status());
  EXPECT_EQ(whole->points_total, points);
  EXPECT_LE(whole->steps.size(), 1000u);
  EXPECT_THAT(whole->values, testing::Contains(1e6)) << "the overview has lost a peak";

  const auto status = store_->Status();
  ASSERT_OK(status.status());
  const double bytes = static_cast<double>(status->database_bytes) / static_cast<double>(points);
  EXPECT_LE(bytes, 10.0);
  RecordReliability(
      13, fmt::format("{:.0e} points: {:.1f} bytes each; 1,000 steps in {:.1f} ms, an overview in {:.1f} ms",
                      static_cast<double>(points), bytes, Milliseconds(middle - begin), Milliseconds(end - middle)));
}

}  // namespace
}  // namespace normlab::store
