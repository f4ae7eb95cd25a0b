// The packed form of points: round trips, damage, garbage.
#include "results/store/chunk.h"

#include <bit>
#include <limits>

#include "base/rng.h"
#include "results/store/chunk_rows.h"
#include "tests/reliability.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

// Points as a trainer makes them: steps that rise by about `stride`, times that jitter, a noisy falling loss.
Points NoisyCurve(std::uint64_t seed, std::size_t n, std::uint64_t stride) {
  Rng rng(seed, "test/chunk");
  Points points;
  std::uint64_t step = rng.Below(1000);
  std::int64_t wall = 1'700'000'000'000;
  std::uint64_t sequence = rng.Below(1'000'000);
  for (std::size_t i = 0; i < n; ++i) {
    points.steps.push_back(step);
    points.wall_ms.push_back(wall);
    points.sequences.push_back(sequence);
    points.attempts.push_back(1 + static_cast<std::int64_t>(i / 500));
    points.values.push_back(static_cast<float>(2.0 / (1.0 + 0.01 * static_cast<double>(i)) + 0.1 * rng.Normal()));
    step += 1 + rng.Below(stride);
    wall += 3 + static_cast<std::int64_t>(rng.Below(5));
    sequence += 1 + rng.Below(3);
  }
  return points;
}

void ExpectSame(const Points& a, const Points& b) {
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.wall_ms, b.wall_ms);
  EXPECT_EQ(a.sequences, b.sequences);
  EXPECT_EQ(a.attempts, b.attempts);
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(a.values[i]), std::bit_cast<std::uint64_t>(b.values[i])) << i;
  }
}

TEST(ChunkTest, RoundTripsOfAllLengths) {
  for (const std::size_t n : {0, 1, 2, 7, 500, 1023, 1024}) {
    SCOPED_TRACE(n);
    const Points points = NoisyCurve(n, n, 4);
    Points back;
    ASSERT_OK(DecodeChunk(EncodeChunk(points), n, Unpack::kAll, back));
    ExpectSame(points, back);
  }
}

TEST(ChunkTest, RoundTripsOfArbitraryBits) {
  Rng rng(7, "test/bits");
  Points points;
  for (int i = 0; i < 1024; ++i) {
    points.steps.push_back(rng.Next64());
    points.wall_ms.push_back(static_cast<std::int64_t>(rng.Next64()));
    points.sequences.push_back(i % 2 == 0 ? 0 : std::numeric_limits<std::uint64_t>::max());
    points.attempts.push_back(i % 2 == 0 ? std::numeric_limits<std::int64_t>::min()
                                         : std::numeric_limits<std::int64_t>::max());
    points.values.push_back(std::bit_cast<double>(rng.Next64()));
  }
  Points back;
  ASSERT_OK(DecodeChunk(EncodeChunk(points), 1024, Unpack::kAll, back));
  ExpectSame(points, back);
}

TEST(ChunkTest, DecodingAppends) {
  const Points a = NoisyCurve(1, 10, 2);
  const Points b = NoisyCurve(2, 1000, 2);
  Points both;
  ASSERT_OK(DecodeChunk(EncodeChunk(a), 10, Unpack::kAll, both));
  ASSERT_OK(DecodeChunk(EncodeChunk(b), 1000, Unpack::kAll, both));
  ExpectSame(Slice(both, 0, 10), a);
  ExpectSame(Slice(both, 10, 1010), b);
}

TEST(ChunkTest, ANoisyLossTakesLessThanSixBytesAPoint) {
  EXPECT_LT(EncodeChunk(NoisyCurve(3, 1024, 1)).size(), 6 * 1024u);
}

TEST(ChunkTest, TheWrongCountIsRefused) {
  const std::string data = EncodeChunk(NoisyCurve(1, 100, 2));
  for (const std::size_t n :
       {std::size_t{0}, std::size_t{99}, std::size_t{101}, kChunkPoints, kChunkPoints + 1, ~std::size_t{0}}) {
    Points points;
    EXPECT_THAT(DecodeChunk(data, n, Unpack::kAll, points), HasCode(absl::StatusCode::kDataLoss)) << n;
  }
}

// Whatever the bytes are: as many points as were asked for in every column, or DATA_LOSS and in none more.
TEST(ChunkTest, GarbageIsRefusedOrReadWhole) {
  const std::string good = EncodeChunk(NoisyCurve(5, 300, 3));
  Rng rng(11, "test/garbage");
  int read = 0, refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string data = good;
    switch (rng.Below(4)) {
      case 0:
        data.resize(rng.Below(good.size()));
        break;
      case 1:
        data[rng.Below(data.size())] ^= static_cast<char>(1u << rng.Below(8));
        break;
      case 2:
        for (int k = 0; k < 8; ++k) {
          data[rng.Below(data.size())] = static_cast<char>(rng.Next32());
        }
        break;
      default:
        data.assign(rng.Below(64), '\0');
        for (char& c : data) {
          c = static_cast<char>(rng.Next32());
        }
    }
    Points points;
    const std::size_t n = rng.Below(2) == 0 ? 300 : rng.Below(kChunkPoints + 10);
    const absl::Status status = DecodeChunk(data, n, Unpack::kAll, points);
    ++(status.ok() ? read : refused);
    for (const std::size_t size : {points.steps.size(), points.wall_ms.size(), points.sequences.size(),
                                   points.attempts.size(), points.values.size()}) {
      EXPECT_TRUE(status.ok() ? size == n : size <= n) << size << " of " << n;
    }
    if (!status.ok()) {
      EXPECT_THAT(status, HasCode(absl::StatusCode::kDataLoss));
    }
  }
  EXPECT_GT(read, 0) << "a bit that flips in a value is not seen here; the checksum around a chunk is there for it";
  EXPECT_GT(refused, 0);
}

TEST(ChunkTest, TheChecksumCatchesEveryFlippedBit) {
  const Points points = NoisyCurve(6, 64, 3);
  std::string data = EncodeChunk(points);
  ChunkHeader header;
  header.series = 3;
  header.points = 64;
  const std::uint32_t crc = ChunkChecksum(header, data);
  for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
    data[bit / 8] ^= static_cast<char>(1u << (bit % 8));
    ASSERT_NE(ChunkChecksum(header, data), crc) << "bit " << bit;
    data[bit / 8] ^= static_cast<char>(1u << (bit % 8));
  }
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t flip = std::uint64_t{1} << bit;
    ChunkHeader other = header;
    other.first_step ^= flip;
    ASSERT_NE(ChunkChecksum(other, data), crc);
    other = header;
    other.min = std::bit_cast<double>(std::bit_cast<std::uint64_t>(other.min) ^ flip);
    ASSERT_NE(ChunkChecksum(other, data), crc);
  }
  RecordReliability(18, fmt::format("{} of {} flipped bits of a chunk found", data.size() * 8, data.size() * 8));
}

class DamagedChunkTest : public StoreTest {
 protected:
  // Runs SQL on the closed database, as a damaged disk would.
  void Damage(const std::string& sql) {
    store_.reset();
    auto db = Connection::Open(folder_.path() + "/normlab.db", {});
    ASSERT_OK(db.status());
    ASSERT_OK((*db)->Script(sql));
    db->reset();
    Reopen();
  }
};

TEST_F(DamagedChunkTest, OneDamagedRowSpoilsOneCurveOnly) {
  const AttemptId attempt = CreateAndLease("a");
  ASSERT_OK(store_->AppendPoints(attempt, {Ramp("loss", 1, 3000), Ramp("error", 1, 3000)}).status());
  const std::string where = " WHERE id = (SELECT min(id) FROM chunk)";  // steps 1 to 1024 of loss
  for (const std::string column : {"first_step", "last_sequence", "min_bits", "not_finite", "codec", "crc32c"}) {
    Damage("UPDATE chunk SET " + column + " = " + column + " + 1" + where);
    const absl::Status status = store_->ReadCurve(attempt.job, "loss", {}).status();
    EXPECT_THAT(status, HasCode(absl::StatusCode::kDataLoss)) << column;
    Damage("UPDATE chunk SET " + column + " = " + column + " - 1" + where);
    EXPECT_OK(store_->ReadCurve(attempt.job, "loss", {}).status());
  }
  Damage("UPDATE chunk SET data = CAST(substr(data, 1, 100) || x'00' || substr(data, 102) AS BLOB)" + where);
  EXPECT_THAT(store_->ReadCurve(attempt.job, "loss", {}).status(), HasCode(absl::StatusCode::kDataLoss));
  CurveRange rest;
  rest.from_step = 1025;
  EXPECT_EQ(store_->ReadCurve(attempt.job, "loss", rest)->points_total, 1976u);
  EXPECT_EQ(store_->ReadCurve(attempt.job, "error", {})->points_total, 3000u);
}

}  // namespace
}  // namespace normlab::store
