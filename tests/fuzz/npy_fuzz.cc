// npy_fuzz.cc - any bytes must come out of the .npy reader as a matrix that fills the file, or an error.
#include <cstdint>
#include <cstdlib>

#include "data/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto matrix = ParseNpyHeader(file.substr(0, kMostNpyHeader), size, "fuzz");
  if (matrix.ok() &&
      (matrix->rows < 1 || matrix->columns < 1 ||
       static_cast<std::uint64_t>(matrix->rows) * static_cast<std::uint64_t>(matrix->columns) * sizeof(float) !=
           size - matrix->offset)) {
    std::abort();
  }
  return 0;
}
