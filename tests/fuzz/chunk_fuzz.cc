// chunk_fuzz.cc - any bytes must come out of the codec of stored points as columns of the length asked for, which pack
// and unpack to the same bits, or as kDataLoss. The first byte chooses the form, the second the number of points.
#include <zstd.h>

#include <bit>

#include "results/store/chunk.h"
#include "tests/fuzz/require.h"

namespace {

using namespace normlab::store;
using normlab::Require;

bool SameBits(const Points& a, const Points& b) {
  const auto bits = [](double x, double y) {
    return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
  };
  return a.steps == b.steps && a.wall_ms == b.wall_ms && a.sequences == b.sequences && a.attempts == b.attempts &&
         std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(), bits);
}

// What has been read is written and read again, in both forms.
void RequireRoundTrip(const Points& points) {
  Points packed, plain;
  Require(DecodeChunk(EncodeChunk(points), points.size(), Unpack::kAll, packed).ok());
  Require(DecodePlain(EncodePlain(points), points.size(), Unpack::kAll, plain).ok());
  Require(SameBits(points, packed) && SameBits(points, plain));
}

std::string Compressed(std::string_view data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 1));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t n = data[1] + 256 * (data[0] / 32U);  // up to 2,047: more than a chunk may have
  const Unpack columns = data[0] % 2 == 0 ? Unpack::kAll : Unpack::kCurve;
  Points points;
  absl::Status status;
  switch (data[0] / 2 % 4) {
    case 0:
      status = DecodePlain(bytes, n, columns, points);
      break;
    case 1:
      status = DecodeChunk(Compressed(bytes), n, columns, points);  // past zstd, to the columns
      break;
    default:
      status = DecodeChunk(bytes, n, columns, points);
  }
  Require(status.ok() || absl::IsDataLoss(status));
  if (status.ok()) {
    Require(points.steps.size() == n && points.wall_ms.size() == n && points.values.size() == n);
    if (columns == Unpack::kAll) {
      RequireRoundTrip(points);
    }
  }
  return 0;
}
