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
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/status.h"
#include "experiments/experiment.h"

namespace normlab::workers {

using TextMap = std::map<std::string, std::string>;

// Number of elements of a shape whose product is known to fit (the experiment's own tensors).
std::size_t Elements(const std::vector<std::int64_t>& shape);

// Takes the bytes of a file in order.
using ByteSink = std::function<absl::Status(std::string_view)>;
// Gives the bytes of a file in order, straight from where they are: a model may be half the memory there is.
using FileWriter = std::function<absl::Status(const ByteSink&)>;

// Equal content gives equal bytes. The sink's first error, after which it is called no more.
absl::Status WriteSafetensors(const std::vector<NamedTensor>& tensors, const TextMap& metadata, const ByteSink& sink);

// Where a tensor lies in its file.
struct StoredTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // bytes from the file's start
  std::uint64_t size = 0;   // bytes
};

struct TensorIndex {
  TextMap metadata;
  std::vector<StoredTensor> tensors;  // by offset
};

// Reads the header alone. kDataLoss with the byte offset (and the tensor's name) of the first thing wrong.
absl::StatusOr<TensorIndex> ReadSafetensors(const ReadableFile& file);

// Copies the tensors of `file` over `into`, matched by name. The two must hold the same names and shapes, else
// kFailedPrecondition names the difference and nothing has been overwritten. Any other error: the file could not be
// read to its end, and `into` is not to be used.
absl::Status CopyTensors(const ReadableFile& file, const TensorIndex& index, const std::vector<NamedTensor>& into);

}  // namespace normlab::workers
