// chunk.h - points of one series in columns, and the packed form in which older ones are stored.
//
// Codec 1: steps, wall times, sequences and attempts as differences, each a zigzag varint, one column after the other;
// then the values' bytes, all lowest bytes first, then all second ones, and so on, which puts the slowly changing
// exponents side by side; then zstd level 3 over everything. Noisy losses take about 4.5 bytes a point. Bits come back
// exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::store {

// Columns of equal length, by rising step; sequences and attempts may have been left out.
struct Points {
  std::vector<std::uint64_t> steps;
  std::vector<std::int64_t> wall_ms;
  std::vector<std::uint64_t> sequences;
  std::vector<std::int64_t> attempts;  // which stored the point
  std::vector<double> values;

  std::size_t size() const { return steps.size(); }
};

// Points [begin, end) of `points`.
Points Slice(const Points& points, std::size_t begin, std::size_t end);
// Adds `more` behind `points`.
void Append(const Points& more, Points& points);
// Removes the points from `begin` on, also if the last of them are incomplete.
void Cut(std::size_t begin, Points& points);
// Removes the points from `begin` on whose steps are not in [from, to].
void Trim(std::size_t begin, std::uint64_t from, std::uint64_t to, Points& points);

inline constexpr int kChunkCodec = 1;
inline constexpr std::size_t kChunkPoints = 1024;  // with 4 KiB pages its data overflows into whole pages

std::string EncodeChunk(const Points& points);
// The same columns without zstd, for a few points that will be read or packed again soon.
std::string EncodePlain(const Points& points);

// Which columns to unpack. Readers of curves have no use for the last two, which are a third of the work.
enum class Unpack { kCurve, kAll };

// Appends the `n` points of `data` to `points`. kDataLoss if `data` is not such a chunk, whatever bytes it holds;
// `points` is then spoilt. Call after checking the checksum, so that this says "wrong codec", not "damaged disk".
absl::Status DecodeChunk(std::string_view data, std::size_t n, Unpack columns, Points& points);
absl::Status DecodePlain(std::string_view data, std::size_t n, Unpack columns, Points& points);

}  // namespace normlab::store
