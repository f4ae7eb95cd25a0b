#include "data/idx.h"

#include <fmt/format.h>

namespace normlab::data {
namespace {

constexpr std::size_t kMagicBytes = 4;
constexpr std::size_t kExtentBytes = 4;
constexpr unsigned char kUnsignedByte = 0x08;

unsigned char ByteAt(std::string_view bytes, std::size_t offset) { return static_cast<unsigned char>(bytes[offset]); }

std::int64_t BigEndian32(std::string_view bytes, std::size_t offset) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < kExtentBytes; ++i) {
    value = value << 8 | ByteAt(bytes, offset + i);
  }
  return value;
}

absl::Status CheckMagic(std::string_view bytes, std::string_view source) {
  if (bytes.size() < kMagicBytes) {
    return absl::DataLossError(
        fmt::format("{}: the file ends at byte {}, inside the 4-byte IDX magic number", source, bytes.size()));
  }
  if (ByteAt(bytes, 0) != 0 || ByteAt(bytes, 1) != 0) {
    return absl::DataLossError(fmt::format("{}: byte 0: not an IDX file, it begins with {:#04x} {:#04x}, not two zeros",
                                           source, ByteAt(bytes, 0), ByteAt(bytes, 1)));
  }
  if (ByteAt(bytes, 2) != kUnsignedByte) {
    return absl::DataLossError(
        fmt::format("{}: byte 2: value type {:#04x}, expected 0x08 (unsigned byte)", source, ByteAt(bytes, 2)));
  }
  if (ByteAt(bytes, 3) == 0) {
    return absl::DataLossError(fmt::format("{}: byte 3: the array has no dimensions, expected at least 1", source));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<IdxArray> ParseIdx(std::string bytes, std::string_view source) {
  NORMLAB_RETURN_IF_ERROR(CheckMagic(bytes, source));
  const std::size_t rank = ByteAt(bytes, 3);
  const std::size_t header = kMagicBytes + rank * kExtentBytes;
  if (bytes.size() < header) {
    return absl::DataLossError(
        fmt::format("{}: the file ends at byte {}, inside the header of {} bytes ({} dimensions)", source, bytes.size(),
                    header, rank));
  }
  const std::int64_t available = static_cast<std::int64_t>(bytes.size() - header);
  IdxArray array;
  std::int64_t count = 1;
  for (std::size_t d = 0; d < rank; ++d) {
    const std::size_t offset = kMagicBytes + d * kExtentBytes;
    const std::int64_t extent = BigEndian32(bytes, offset);
    // Both factors stay below 2^63 because count <= available whenever the loop goes on, so the division cannot lie.
    if (extent == 0 || extent > available / count) {
      return absl::DataLossError(
          fmt::format("{}: byte {}: extent {} of dimension {} does not fit the {} bytes of values in the file", source,
                      offset, extent, d, available));
    }
    count *= extent;
    array.shape.push_back(extent);
  }
  if (count != available) {
    return absl::DataLossError(fmt::format("{}: byte {}: {} bytes follow the last value; the header promises {} values",
                                           source, header + static_cast<std::size_t>(count), available - count, count));
  }
  bytes.erase(0, header);
  array.values = std::move(bytes);
  return array;
}

}  // namespace normlab::data
