#include "workers/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <utility>

namespace normlab::workers {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kPrefix = 8;
constexpr std::uint64_t kMaxHeader =
    1 << 20;                  // about 8,000 tensors; bounds what a hostile header makes the parser hold
constexpr int kMaxDepth = 3;  // {"name": {"shape": [1]}}
constexpr std::string_view kMetadata = "__metadata__";

absl::Status Bad(std::uint64_t offset, std::string_view what) {
  return absl::DataLossError(fmt::format("safetensors byte {}: {}", offset, what));
}

// Thrown out of nlohmann's parser callback, which has no other way to stop; caught in ParseHeader.
struct HeaderError {
  std::string what;
};

// nlohmann keeps the last of two equal keys silently and nests without bound; a header may do neither.
class HeaderGuard {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& value) {
    using Event = Json::parse_event_t;
    if (depth > kMaxDepth) {
      throw HeaderError{"nested deeper than a tensor's entry"};
    }
    if (event == Event::object_start) {
      keys_.emplace_back();
    } else if (event == Event::object_end) {
      keys_.pop_back();
    } else if (event == Event::key && !keys_.back().insert(value.get<std::string>()).second) {
      throw HeaderError{fmt::format("name \"{}\" stands twice", value.get<std::string>())};
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
};

absl::StatusOr<Json> ParseHeader(std::string_view text) {
  if (text.empty() || text.front() != '{') {
    return Bad(kPrefix, "the header is not a JSON object");
  }
  try {
    return Json::parse(text.begin(), text.end(), HeaderGuard());
  } catch (const Json::parse_error& error) {
    return Bad(kPrefix + error.byte, fmt::format("the header is not JSON: {}", error.what()));
  } catch (const HeaderError& error) {
    return Bad(kPrefix, fmt::format("in the header: {}", error.what));
  }
}

absl::StatusOr<TextMap> ParseMetadata(const Json& entry) {
  if (!entry.is_object()) {
    return Bad(kPrefix, "__metadata__ is not an object of strings");
  }
  TextMap metadata;
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) {
      return Bad(kPrefix, fmt::format("__metadata__ entry \"{}\" is not a string", key));
    }
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

// The numbers of `list`, if that is what it is; nothing that does not fit an int64 passes.
std::optional<std::vector<std::int64_t>> Sizes(const Json& entry, const char* key) {
  const auto it = entry.find(key);
  if (it == entry.end() || !it->is_array()) {
    return std::nullopt;
  }
  std::vector<std::int64_t> sizes;
  for (const Json& value : *it) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
      return std::nullopt;
    }
    sizes.push_back(value.get<std::int64_t>());
  }
  return sizes;
}

// Bytes a float tensor of `shape` takes; absent when the product overflows.
std::optional<std::uint64_t> ByteCount(const std::vector<std::int64_t>& shape) {
  std::uint64_t bytes = sizeof(float);
  for (const std::int64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) {
      return std::nullopt;
    }
  }
  return bytes;
}

// `start` is where the data begins in a file of `size` bytes.
absl::StatusOr<StoredTensor> ParseTensor(const std::string& name, const Json& entry, std::uint64_t start,
                                         std::uint64_t size) {
  if (!entry.is_object() || !entry.contains("dtype") || entry["dtype"] != "F32") {
    return Bad(kPrefix, fmt::format("tensor \"{}\": dtype is not \"F32\"", name));
  }
  const auto shape = Sizes(entry, "shape");
  const auto offsets = Sizes(entry, "data_offsets");
  if (!shape || !offsets || offsets->size() != 2) {
    return Bad(kPrefix, fmt::format("tensor \"{}\": expected a shape and two data_offsets of whole numbers", name));
  }
  const auto begin = static_cast<std::uint64_t>((*offsets)[0]);
  const auto end = static_cast<std::uint64_t>((*offsets)[1]);
  if (begin > end || end > size - start) {
    return Bad(start, fmt::format("tensor \"{}\": data_offsets [{}, {}] do not lie in the {} bytes of data", name,
                                  begin, end, size - start));
  }
  if (ByteCount(*shape) != end - begin) {
    return Bad(start + begin, fmt::format("tensor \"{}\": {} bytes do not hold fp32 of shape [{}]", name, end - begin,
                                          fmt::join(*shape, ", ")));
  }
  return StoredTensor{name, *shape, start + begin, end - begin};
}

// The data must be covered from end to end: no byte twice, no byte by none.
absl::Status CheckCoverage(const std::vector<StoredTensor>& by_offset, std::uint64_t start, std::uint64_t size) {
  std::uint64_t expected = start;
  for (const StoredTensor& tensor : by_offset) {
    if (tensor.begin != expected) {
      return Bad(
          tensor.begin,
          fmt::format("tensor \"{}\" {}; expected it at byte {}", tensor.name,
                      tensor.begin < expected ? "overlaps the one before it" : "leaves a gap before it", expected));
    }
    expected = tensor.begin + tensor.size;
  }
  if (expected != size) {
    return Bad(expected, fmt::format("{} bytes belong to no tensor", size - expected));
  }
  return absl::OkStatus();
}

// Fills `out`; kInternal if the file ends before, which its size denied.
absl::Status ReadAll(const ReadableFile& file, std::uint64_t offset, std::span<char> out) {
  NORMLAB_ASSIGN_OR_RETURN(const std::size_t n, file.Read(offset, out));
  return n == out.size()
             ? absl::OkStatus()
             : absl::InternalError(fmt::format("{} of {} bytes could be read from byte {}", n, out.size(), offset));
}

}  // namespace

std::size_t Elements(const std::vector<std::int64_t>& shape) {
  std::size_t n = 1;
  for (const std::int64_t extent : shape) {
    n *= static_cast<std::size_t>(extent);
  }
  return n;
}

absl::Status WriteSafetensors(const std::vector<NamedTensor>& tensors, const TextMap& metadata, const ByteSink& sink) {
  Json header = Json::object();
  header[std::string(kMetadata)] = metadata;
  std::uint64_t offset = 0;
  for (const NamedTensor& tensor : tensors) {
    const std::uint64_t end = offset + Elements(tensor.shape) * sizeof(float);
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // tensors start aligned, as the format asks
  const std::uint64_t length = text.size();
  NORMLAB_RETURN_IF_ERROR(sink({reinterpret_cast<const char*>(&length), kPrefix}));
  NORMLAB_RETURN_IF_ERROR(sink(text));
  for (const NamedTensor& tensor : tensors) {
    NORMLAB_RETURN_IF_ERROR(sink({reinterpret_cast<const char*>(tensor.data), Elements(tensor.shape) * sizeof(float)}));
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorIndex> ReadSafetensors(const ReadableFile& file) {
  if (file.size() < kPrefix) {
    return Bad(file.size(), fmt::format("the file ends in its first {} bytes", kPrefix));
  }
  std::uint64_t length = 0;
  NORMLAB_RETURN_IF_ERROR(ReadAll(file, 0, {reinterpret_cast<char*>(&length), kPrefix}));
  if (length > std::min<std::uint64_t>(file.size() - kPrefix, kMaxHeader)) {
    return Bad(
        0, fmt::format("header of {} bytes in a file of {} (at most {} are read)", length, file.size(), kMaxHeader));
  }
  std::string text(length, '\0');
  NORMLAB_RETURN_IF_ERROR(ReadAll(file, kPrefix, text));
  const std::uint64_t start = kPrefix + length;
  NORMLAB_ASSIGN_OR_RETURN(const Json header, ParseHeader(text));
  TensorIndex result;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadata) {
      NORMLAB_ASSIGN_OR_RETURN(result.metadata, ParseMetadata(entry));
    } else {
      NORMLAB_ASSIGN_OR_RETURN(StoredTensor tensor, ParseTensor(name, entry, start, file.size()));
      result.tensors.push_back(std::move(tensor));
    }
  }
  std::stable_sort(result.tensors.begin(), result.tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::pair(a.begin, a.size) < std::pair(b.begin, b.size);
  });
  NORMLAB_RETURN_IF_ERROR(CheckCoverage(result.tensors, start, file.size()));
  return result;
}

absl::Status CopyTensors(const ReadableFile& file, const TensorIndex& index, const std::vector<NamedTensor>& into) {
  std::map<std::string_view, const StoredTensor*> by_name;
  for (const StoredTensor& tensor : index.tensors) {
    by_name[tensor.name] = &tensor;
  }
  for (const NamedTensor& target : into) {
    const auto it = by_name.find(target.name);
    if (it == by_name.end()) {
      return absl::FailedPreconditionError(fmt::format("tensor \"{}\" is missing in the checkpoint", target.name));
    }
    if (it->second->shape != target.shape) {
      return absl::FailedPreconditionError(
          fmt::format("tensor \"{}\" has shape [{}] in the checkpoint; the experiment has [{}]", target.name,
                      fmt::join(it->second->shape, ", "), fmt::join(target.shape, ", ")));
    }
  }
  if (by_name.size() != into.size()) {
    return absl::FailedPreconditionError(
        fmt::format("the checkpoint holds {} tensors; the experiment has {}", by_name.size(), into.size()));
  }
  for (const NamedTensor& target : into) {
    const StoredTensor& stored = *by_name[target.name];
    NORMLAB_RETURN_IF_ERROR(
        ReadAll(file, stored.begin, {reinterpret_cast<char*>(target.data), static_cast<std::size_t>(stored.size)}));
  }
  return absl::OkStatus();
}

}  // namespace normlab::workers
