#include "results/store/chunk_rows.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/crc32c.h"

namespace normlab::store {
namespace {

ChunkHeader ReadHeader(const Query& row) {
  ChunkHeader header;
  header.series = row.Int(0);
  header.first_step = row.Unsigned(1);
  header.last_step = row.Unsigned(2);
  header.first_sequence = row.Unsigned(3);
  header.last_sequence = row.Unsigned(4);
  header.points = row.Unsigned(5);
  header.codec = row.Int(6);
  header.min = row.Exact(7);
  header.max = row.Exact(8);
  header.not_finite = row.Unsigned(9);
  return header;
}

}  // namespace

std::uint32_t HeaderChecksum(std::initializer_list<std::int64_t> fields, std::string_view data) {
  return Crc32c(data, Crc32c({reinterpret_cast<const char*>(fields.begin()), fields.size() * sizeof(std::int64_t)}));
}

std::uint32_t ChunkChecksum(const ChunkHeader& header, std::string_view data) {
  return HeaderChecksum(
      {header.series, static_cast<std::int64_t>(header.first_step), static_cast<std::int64_t>(header.last_step),
       static_cast<std::int64_t>(header.first_sequence), static_cast<std::int64_t>(header.last_sequence),
       static_cast<std::int64_t>(header.points), header.codec, std::bit_cast<std::int64_t>(header.min),
       std::bit_cast<std::int64_t>(header.max), static_cast<std::int64_t>(header.not_finite)},
      data);
}

absl::Status DamagedPoints(std::string_view what, std::int64_t series, std::uint64_t first_step,
                           std::uint64_t last_step) {
  return absl::DataLossError(
      fmt::format("{}: points of steps {} to {} (series {}) cannot be read; all others can, and the job can be ended, "
                  "resumed, exported and deleted like any other. To have them again: restore a backup, or run the job "
                  "again",
                  what, first_step, last_step, series));
}

absl::Status Damage::Skip(const absl::Status& status, std::size_t begin, Points& points) {
  if (!absl::IsDataLoss(status)) {
    return status;
  }
  first = pieces == 0 ? Message(status) : first;
  ++pieces;
  Cut(begin, points);
  return absl::OkStatus();
}

absl::Status InsertChunk(Connection& db, std::int64_t series, const Points& points) {
  ChunkHeader header;
  header.series = series;
  header.first_step = points.steps.front();
  header.last_step = points.steps.back();
  header.first_sequence = points.sequences.front();
  header.last_sequence = points.sequences.back();
  header.points = points.size();
  header.min = std::numeric_limits<double>::quiet_NaN();
  header.max = header.min;
  Summarise(points.values, header.min, header.max, header.not_finite);
  const std::string data = EncodeChunk(points);
  return db.Run(
      "INSERT INTO chunk(series, first_step, last_step, first_sequence, last_sequence, points, codec, min_bits, "
      "max_bits, "
      "not_finite, crc32c, data) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
      series, header.first_step, header.last_step, header.first_sequence, header.last_sequence, header.points,
      header.codec, Exactly{header.min}, Exactly{header.max}, header.not_finite, ChunkChecksum(header, data),
      Blob{data});
}

absl::Status UnpackChunk(const Query& row, Unpack columns, Points& points) {
  const ChunkHeader header = ReadHeader(row);
  const std::string_view data = row.View(11);
  const auto damaged = [&](std::string_view what) {
    return DamagedPoints(what, header.series, header.first_step, header.last_step);
  };
  if (ChunkChecksum(header, data) != row.Unsigned(10)) {
    return damaged("checksum mismatch");
  }
  if (header.codec != kChunkCodec) {
    return damaged(fmt::format("unknown codec {}", header.codec));
  }
  return DecodeChunk(data, header.points, columns, points);
}

void Summarise(const std::vector<double>& values, double& min, double& max, std::uint64_t& not_finite) {
  for (const double value : values) {
    if (!std::isfinite(value)) {
      ++not_finite;
      continue;
    }
    min = std::isnan(min) || value < min ? value : min;
    max = std::isnan(max) || value > max ? value : max;
  }
}

}  // namespace normlab::store
