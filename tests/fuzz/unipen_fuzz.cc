// unipen_fuzz.cc - any bytes must come out of the UNIPEN reader as components and spans that exist, or as an error that
// names a file. The text can include itself: "self".
#include <cstdlib>

#include "data/handwriting/unipen.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::data;
  const std::string content(reinterpret_cast<const char*>(data), size);
  const UnipenResolver resolve = [&](std::string_view name) { return name == "self" ? &content : nullptr; };
  const auto file = ParseUnipen(content, "fuzz", resolve, {.max_depth = 3, .max_bytes = 1 << 18});
  if (!file.ok()) {
    if (normlab::Message(file.status()).find(": byte ") == std::string::npos) {
      std::abort();
    }
    return 0;
  }
  const auto components = static_cast<std::int64_t>(file->components.size());
  for (const UnipenComponent& component : file->components) {
    if (component.points.empty()) {
      std::abort();
    }
  }
  for (const UnipenSegment& segment : file->segments) {
    if (segment.problem.empty() && (segment.spans.empty() || segment.spans.back().last >= components)) {
      std::abort();
    }
  }
  return 0;
}
