#include "results/store/chunk.h"

#include <fmt/format.h>
#include <zstd.h>

#include <bit>
#include <cstring>
#include <memory>
#include <span>

namespace normlab::store {
namespace {

constexpr int kZstdLevel = 3;
constexpr std::size_t kMaxVarint = 10;
constexpr std::size_t kIntegerColumns = 4;

std::uint64_t ZigZag(std::uint64_t difference) { return (difference << 1) ^ (0 - (difference >> 63)); }
std::uint64_t UnZigZag(std::uint64_t value) { return (value >> 1) ^ (0 - (value & 1)); }

void PutVarint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) {
    out.push_back(static_cast<char>(value | 0x80));
  }
  out.push_back(static_cast<char>(value));
}

// Differences modulo 2^64, so that any sequence of integers can be coded.
template <typename T>
void PutDifferences(std::string& out, const std::vector<T>& column) {
  std::uint64_t previous = 0;
  for (const T element : column) {
    const auto value = static_cast<std::uint64_t>(element);
    PutVarint(out, ZigZag(value - previous));
    previous = value;
  }
}

// Takes a varint off the front of `in`; false if there is none.
bool TakeVarint(std::string_view& in, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < kMaxVarint && i < in.size(); ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      in.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

template <typename T>
bool TakeDifferences(std::string_view& in, std::size_t n, std::vector<T>& column) {
  const std::size_t begin = column.size();
  column.resize(begin + n);
  std::uint64_t value = 0;
  for (T& element : std::span(column).subspan(begin)) {
    std::uint64_t coded;
    if (!TakeVarint(in, coded)) {
      return false;
    }
    value += UnZigZag(coded);
    element = static_cast<T>(value);
  }
  return true;
}

void PutShuffled(std::string& out, const std::vector<double>& values) {
  for (int byte = 0; byte < 8; ++byte) {
    for (const double value : values) {
      out.push_back(static_cast<char>(std::bit_cast<std::uint64_t>(value) >> (8 * byte)));
    }
  }
}

bool TakeShuffled(std::string_view in, std::size_t n, std::vector<double>& values) {
  if (in.size() != 8 * n) {
    return false;
  }
  values.reserve(values.size() + n);
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t bits = 0;
    for (std::size_t byte = 0; byte < 8; ++byte) {
      bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(in[byte * n + i])) << (8 * byte);
    }
    values.push_back(std::bit_cast<double>(bits));
  }
  return true;
}

// Contexts are large and costly to make; one for each thread that packs or unpacks.
ZSTD_CCtx* Compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  return context.get();
}
ZSTD_DCtx* Decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  return context.get();
}

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(fmt::format("a chunk of points cannot be unpacked: {}", what));
}

}  // namespace

Points Slice(const Points& points, std::size_t begin, std::size_t end) {
  const auto cut = [=](const auto& column) {
    return std::decay_t<decltype(column)>(column.begin() + static_cast<std::ptrdiff_t>(begin),
                                          column.begin() + static_cast<std::ptrdiff_t>(end));
  };
  return {cut(points.steps), cut(points.wall_ms), cut(points.sequences), cut(points.attempts), cut(points.values)};
}

std::string EncodeChunk(const Points& points) {
  std::string plain;
  plain.reserve(points.size() * 20);
  PutDifferences(plain, points.steps);
  PutDifferences(plain, points.wall_ms);
  PutDifferences(plain, points.sequences);
  PutDifferences(plain, points.attempts);
  PutShuffled(plain, points.values);
  // Cannot fail: the room is enough by ZSTD_compressBound.
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  packed.resize(ZSTD_compressCCtx(Compressor(), packed.data(), packed.size(), plain.data(), plain.size(), kZstdLevel));
  return packed;
}

absl::Status DecodeChunk(std::string_view data, std::size_t n, Points& points) {
  if (n > kChunkPoints) {
    return Damaged(fmt::format("it claims {} points", n));
  }
  thread_local std::string plain;
  plain.resize(n * (kIntegerColumns * kMaxVarint + sizeof(double)));
  const std::size_t size = ZSTD_decompressDCtx(Decompressor(), plain.data(), plain.size(), data.data(), data.size());
  if (ZSTD_isError(size) != 0) {
    return Damaged(ZSTD_getErrorName(size));
  }
  std::string_view rest(plain.data(), size);
  const bool whole = TakeDifferences(rest, n, points.steps) && TakeDifferences(rest, n, points.wall_ms) &&
                     TakeDifferences(rest, n, points.sequences) && TakeDifferences(rest, n, points.attempts) &&
                     TakeShuffled(rest, n, points.values);
  return whole ? absl::OkStatus() : Damaged(fmt::format("its columns do not hold {} points", n));
}

}  // namespace normlab::store
