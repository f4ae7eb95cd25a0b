#include "client/npy.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

static_assert(std::endian::native == std::endian::little, "records are copied as they lie in memory");

namespace normlab::client {
namespace {

constexpr std::string_view kMagic{"\x93NUMPY\x01\x00", 8};
constexpr std::size_t kHeader =
    192;  // bytes; a multiple of 64, as NumPy aligns its own, with room for any number of points

std::string Header(std::size_t points) {
  std::string text = fmt::format(
      "{{'descr': [('step', '<u8'), ('value', '<f8'), ('wall_ms', '<i8')], 'fortran_order': False, 'shape': ({},), }}",
      points);
  text.resize(kHeader - kMagic.size() - sizeof(std::uint16_t) - 1, ' ');
  text += '\n';
  const std::uint16_t length = static_cast<std::uint16_t>(text.size());
  return std::string(kMagic) + static_cast<char>(length & 0xff) + static_cast<char>(length >> 8) + text;
}

template <typename T>
T At(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <typename T>
void Append(T value, std::string& bytes) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  bytes.append(raw, sizeof raw);
}

}  // namespace

std::string WriteNpy(const NpyPoints& points) {
  std::string bytes = Header(points.steps.size());
  bytes.reserve(bytes.size() + points.steps.size() * kNpyRecord);
  for (std::size_t i = 0; i < points.steps.size(); ++i) {
    Append(points.steps[i], bytes);
    Append(points.values[i], bytes);
    Append(points.wall_ms[i], bytes);
  }
  return bytes;
}

absl::StatusOr<NpyPoints> ReadNpy(std::string_view bytes) {
  const std::size_t n = bytes.size() < kHeader ? 0 : (bytes.size() - kHeader) / kNpyRecord;
  if (!bytes.starts_with(Header(n)) || bytes.size() != kHeader + n * kNpyRecord) {
    return absl::DataLossError("is not an array of points: NumPy format 1.0, fields step <u8, value <f8, wall_ms <i8");
  }
  NpyPoints points;
  for (std::size_t at = kHeader; at < bytes.size(); at += kNpyRecord) {
    points.steps.push_back(At<std::uint64_t>(bytes, at));
    points.values.push_back(At<double>(bytes, at + 8));
    points.wall_ms.push_back(At<std::int64_t>(bytes, at + 16));
  }
  return points;
}

}  // namespace normlab::client
