// idx_fuzz.cc - any bytes, plain or gzip, must come out of the IDX reader as an array that is consistent, or an error.
#include <cstdlib>

#include "data/gzip.h"
#include "data/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  auto content = Uncompressed(std::string(reinterpret_cast<const char*>(data), size), 1 << 16, "fuzz");
  if (!content.ok()) {
    return 0;
  }
  const auto array = ParseIdx(std::move(content).value(), "fuzz");
  if (array.ok()) {
    std::int64_t product = 1;
    for (const std::int64_t extent : array->shape) {
      product *= extent;
    }
    if (product != static_cast<std::int64_t>(array->values.size())) {
      std::abort();
    }
  }
  return 0;
}
