// chunk_rows.h - rows of the table `chunk`: packed points beside a header that says which, under one checksum.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/status.h"
#include "results/store/chunk.h"
#include "results/store/sqlite.h"

namespace normlab::store {

// What a chunk's row says beside its data.
struct ChunkHeader {
  std::int64_t series = 0;
  std::uint64_t first_step = 0;
  std::uint64_t last_step = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t points = 0;
  std::int64_t codec = kChunkCodec;
  double min = 0;  // over finite values, NaN without any
  double max = 0;
  std::uint64_t not_finite = 0;
};

std::uint32_t ChunkChecksum(const ChunkHeader& header, std::string_view data);

// Packs `points`, at least one, into a new row.
absl::Status InsertChunk(Connection& db, std::int64_t series, const Points& points);

// Unpacks the current row of a query that starts as kSelectChunk, behind `points`. kDataLoss if its checksum is wrong.
inline constexpr std::string_view kSelectChunk =
    "SELECT series, first_step, last_step, first_sequence, last_sequence, points, codec, min_bits, max_bits, "
    "not_finite, "
    "crc32c, data FROM chunk ";
absl::Status UnpackChunk(const Query& row, Unpack columns, Points& points);

// CRC-32C of a row: of the fields beside its data, and of the data.
std::uint32_t HeaderChecksum(std::initializer_list<std::int64_t> fields, std::string_view data);

// What could not be read, for a reader that goes on with the rest.
struct Damage {
  int pieces = 0;     // rows
  std::string first;  // what was wrong with the first

  // Counts a row that is kDataLoss; what was unpacked of it, behind `begin`, is removed. Other statuses are returned.
  absl::Status Skip(const absl::Status& status, std::size_t begin, Points& points);
};

// The error for a row of points whose checksum is `what`.
absl::Status DamagedPoints(std::string_view what, std::int64_t series, std::uint64_t first_step,
                           std::uint64_t last_step);

// Widens [min, max], NaN if empty, to the finite ones of `values`; counts the others.
void Summarise(const std::vector<double>& values, double& min, double& max, std::uint64_t& not_finite);

}  // namespace normlab::store
