// safetensors_fuzz.cc - any bytes must come out of the safetensors reader as tensors that lie in the file, or an error.
#include <cstdlib>

#include "workers/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::workers;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto read = ReadSafetensors(file);
  if (!read.ok()) {
    return 0;
  }
  for (const TensorView& tensor : read->tensors) {
    const bool inside = tensor.bytes.data() >= file.data() && tensor.bytes.end() <= file.end();
    if (!inside || tensor.bytes.size() != Elements(tensor.shape) * sizeof(float)) {
      std::abort();
    }
  }
  return 0;
}
