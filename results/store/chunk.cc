#include "results/store/chunk.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <memory>
#include <span>
#include <utility>

#include "base/mutex.h"

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

// Reads a varint at `in` and moves behind it; false if there is none before `end`.
bool TakeVarint(const char*& in, const char* end, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 70 && in != end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*in++);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      return true;
    }
  }
  return false;
}

template <typename T>
bool TakeDifferences(const char*& in, const char* end, std::size_t n, std::vector<T>& column) {
  const std::size_t begin = column.size();
  column.resize(begin + n);
  std::uint64_t value = 0;
  for (T& element : std::span(column).subspan(begin)) {
    std::uint64_t coded;
    if (!TakeVarint(in, end, coded)) {
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

bool TakeShuffled(const char*& in, const char* end, std::size_t n, std::vector<double>& values) {
  if (static_cast<std::size_t>(end - in) < 8 * n) {
    return false;
  }
  // One pass for each byte: the compiler turns it into vector code, which one loop over whole values is not. In pieces, for the
  // stacks of many threads.
  constexpr std::size_t kPiece = 128;
  std::array<std::uint64_t, kPiece> bits;
  values.reserve(values.size() + n);
  for (std::size_t begin = 0; begin < n; begin += kPiece) {
    const std::size_t size = std::min(kPiece, n - begin);
    std::fill_n(bits.begin(), size, 0);
    for (std::size_t byte = 0; byte < 8; ++byte) {
      const char* const bytes = in + byte * n + begin;
      for (std::size_t i = 0; i < size; ++i) {
        bits[i] |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * byte);
      }
    }
    std::transform(bits.begin(), bits.begin() + size, std::back_inserter(values),
                   [](std::uint64_t b) { return std::bit_cast<double>(b); });
  }
  in += 8 * n;
  return true;
}

// Contexts are large and costly to make. One thread packs.
ZSTD_CCtx* Compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  return context.get();
}

// With codec 1 no chunk is longer; zstd writes no further than it is told.
constexpr std::size_t kLongestPlain = kChunkPoints * (kIntegerColumns * kMaxVarint + sizeof(double));

struct Unpacker {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context{ZSTD_createDCtx(), ZSTD_freeDCtx};
  std::array<char, kLongestPlain> plain;
};

// Many threads unpack, few at once: as many unpackers are kept as there have been at once.
class Unpackers {
 public:
  std::unique_ptr<Unpacker> Take() {
    const MutexLock lock(mu_);
    if (idle_.empty()) {
      return std::make_unique<Unpacker>();
    }
    std::unique_ptr<Unpacker> unpacker = std::move(idle_.back());
    idle_.pop_back();
    return unpacker;
  }
  void GiveBack(std::unique_ptr<Unpacker> unpacker) {
    const MutexLock lock(mu_);
    idle_.push_back(std::move(unpacker));
  }

 private:
  Mutex mu_;
  std::vector<std::unique_ptr<Unpacker>> idle_ ABSL_GUARDED_BY(mu_);
};

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

void Append(const Points& more, Points& points) {
  const auto append = [](const auto& from, auto& to) { to.insert(to.end(), from.begin(), from.end()); };
  append(more.steps, points.steps);
  append(more.wall_ms, points.wall_ms);
  append(more.sequences, points.sequences);
  append(more.attempts, points.attempts);
  append(more.values, points.values);
}

void Cut(std::size_t begin, Points& points) {
  const auto cut = [begin](auto& column) { column.resize(std::min(column.size(), begin)); };
  cut(points.steps);
  cut(points.wall_ms);
  cut(points.sequences);
  cut(points.attempts);
  cut(points.values);
}

void Trim(std::size_t begin, std::uint64_t from, std::uint64_t to, Points& points) {
  const auto first = std::lower_bound(points.steps.begin() + begin, points.steps.end(), from) - points.steps.begin();
  const auto last = std::upper_bound(points.steps.begin() + first, points.steps.end(), to) - points.steps.begin();
  const auto cut = [&](auto& column) {
    column.erase(column.begin() + last, column.end());
    column.erase(column.begin() + begin, column.begin() + first);
  };
  cut(points.steps);
  cut(points.wall_ms);
  cut(points.values);
  if (!points.sequences.empty()) {
    cut(points.sequences);
    cut(points.attempts);
  }
}

std::string EncodePlain(const Points& points) {
  std::string plain;
  plain.reserve(points.size() * 20);
  PutShuffled(plain, points.values);
  PutDifferences(plain, points.steps);
  PutDifferences(plain, points.wall_ms);
  PutDifferences(plain, points.sequences);
  PutDifferences(plain, points.attempts);
  return plain;
}

std::string EncodeChunk(const Points& points) {
  const std::string plain = EncodePlain(points);
  // Cannot fail: the room is enough by ZSTD_compressBound.
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  packed.resize(ZSTD_compressCCtx(Compressor(), packed.data(), packed.size(), plain.data(), plain.size(), kZstdLevel));
  return packed;
}

absl::Status DecodeChunk(std::string_view data, std::size_t n, Unpack columns, Points& points) {
  if (n > kChunkPoints) {
    return Damaged(fmt::format("it claims {} points", n));
  }
  static Unpackers unpackers;
  std::unique_ptr<Unpacker> unpacker = unpackers.Take();
  auto& plain = unpacker->plain;
  const std::size_t size =
      ZSTD_decompressDCtx(unpacker->context.get(), plain.data(), plain.size(), data.data(), data.size());
  const absl::Status status = ZSTD_isError(size) != 0 ? Damaged(ZSTD_getErrorName(size))
                                                      : DecodePlain({plain.data(), size}, n, columns, points);
  unpackers.GiveBack(std::move(unpacker));
  return status;
}

absl::Status DecodePlain(std::string_view data, std::size_t n, Unpack columns, Points& points) {
  if (n > kChunkPoints) {
    return Damaged(fmt::format("it claims {} points", n));
  }
  const char* in = data.data();
  const char* const end = in + data.size();
  bool whole = TakeShuffled(in, end, n, points.values) && TakeDifferences(in, end, n, points.steps) &&
               TakeDifferences(in, end, n, points.wall_ms);
  if (columns == Unpack::kAll) {
    whole = whole && TakeDifferences(in, end, n, points.sequences) && TakeDifferences(in, end, n, points.attempts) &&
            in == end;
  }
  return whole ? absl::OkStatus() : Damaged(fmt::format("its columns do not hold {} points", n));
}

}  // namespace normlab::store
