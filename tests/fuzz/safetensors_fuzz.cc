// safetensors_fuzz.cc - any bytes must come out of the safetensors reader as tensors that lie in the file, or an error.
#include <cstdlib>

#include "tests/memory_file.h"
#include "workers/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::workers;
  const auto read = ReadSafetensors(normlab::MemoryFile({reinterpret_cast<const char*>(data), size}));
  if (!read.ok()) {
    return 0;
  }
  for (const StoredTensor& tensor : read->tensors) {
    const bool inside = tensor.begin <= size && tensor.size <= size - tensor.begin;
    if (!inside || tensor.size != Elements(tensor.shape) * sizeof(float)) {
      std::abort();
    }
  }
  return 0;
}
