// safetensors.h - named fp32 tensors in one file that PyTorch and NumPy read:
// https://github.com/huggingface/safetensors
//
//     8 bytes    N, length of the header, little-endian
//     N bytes    JSON: {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [..], "data_offsets": [b,
//     e]}} the rest   the tensors' bytes, little-endian, offsets counted from here, no gaps and no overlaps
//
// The reader trusts nothing: every bound is checked against the length of the file before anything is allocated or
// read, and whatever it meets it answers with a status that names the byte and the tensor. It reads no dtype but F32.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "experiments/experiment.h"

namespace normlab::workers {

using TextMap = std::map<std::string, std::string>;

// Number of elements of a shape whose product is known to fit (the experiment's own tensors).
std::size_t Elements(const std::vector<std::int64_t>& shape);

// The file as bytes. Equal content gives equal bytes.
std::string WriteSafetensors(const std::vector<NamedTensor>& tensors, const TextMap& metadata);

// One tensor of a file that was read. `bytes` points into the file.
struct TensorView {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string_view bytes;
};

struct TensorFile {
  TextMap metadata;
  std::vector<TensorView> tensors;  // by offset
};

// kDataLoss with the byte offset (and the tensor's name) of the first thing wrong. `file` must outlive the result.
absl::StatusOr<TensorFile> ReadSafetensors(std::string_view file);

// Copies the tensors of `file` over `into`, matched by name. The two must hold the same names and shapes, else
// kFailedPrecondition names the difference and nothing has been overwritten.
absl::Status CopyTensors(const TensorFile& file, const std::vector<NamedTensor>& into);

}  // namespace normlab::workers
